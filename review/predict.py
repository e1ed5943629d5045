"""Ask a trained model: `python -m review.predict models/model "what a day" …`, or lines of text on stdin.

Images and sounds are given by path. An answer is a line: label and probability (or the value), then the input.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from stages.core import models, report
from stages.core.errors import UserError

PIPELINES = {
    "ForSequenceClassification": "text-classification",
    "ForImageClassification": "image-classification",
    "ForAudioClassification": "audio-classification",
}
CLASSES = {
    "text-classification": "SequenceClassification",
    "image-classification": "ImageClassification",
    "audio-classification": "AudioClassification",
}
PROCESSORS = {
    "text-classification": "tokenizer",
    "image-classification": "image_processor",
    "audio-classification": "feature_extractor",
}
"""What a pipeline calls the processor of its inputs."""
SOUNDS = ("Wav2Vec2", "Hubert", "WavLM", "UniSpeech", "Data2VecAudio", "SEW")
"""Families whose audio classifiers are called ForSequenceClassification as those of texts are."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m review.predict")
    parser.add_argument("model", help="the folder that finetune wrote, such as models/model")
    parser.add_argument("inputs", nargs="*", help="texts, or paths of images or sounds; none: lines of stdin")
    given = parser.parse_args()
    inputs = given.inputs or [line.rstrip("\n") for line in sys.stdin if line.strip()]
    for line in answers(Path(given.model), inputs):
        print(line, flush=True)


def answers(folder: Path, inputs: Sequence[str]) -> Iterator[str]:
    """A line for each input.

    Raises:
        UserError: no model in the folder, no input, or a file that is not there or cannot be read.
    """
    task = task_of(folder)
    if not inputs:
        raise UserError("nothing to predict", f'python -m review.predict {folder} "…", or lines on stdin')
    if task != "text-classification":
        missing = [path for path in inputs if not Path(path).is_file()]
        if missing:
            raise UserError(f"no such file: {missing[0]}", f"{task} takes paths of files")
    elif files := [text for text in inputs if Path(text).suffix and _is_file(text)]:
        hint = f"the texts themselves, or a text a line: python -m review.predict {folder} < FILE"
        raise UserError(f"{files[0]} is a file, and its name would be taken for a text", hint)
    ask = asked(task, folder)
    values = ask.model.config.problem_type == "regression"
    for one in inputs:
        try:
            options = {"truncation": True} if task == "text-classification" else {}
            found = ask(one, **options)[0]
        except (OSError, ValueError) as error:
            raise UserError(f"{one}: {' '.join(str(error).split())[:300]}", f"{task} takes another input") from None
        yield f"{found['score']:.4f}\t{one}" if values else f"{found['label']}\t{found['score']:.4f}\t{one}"


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):  # too long for a name, or with a null character
        return False


def asked(task: str, folder: Path) -> Any:
    """The pipeline of transformers for the model of a folder."""
    models.quiet()
    from transformers import pipeline

    from stages.strategies import adapter

    if not (folder / adapter.CONFIG).is_file():
        return pipeline(task, str(folder), device="cpu")
    model = adapter.load(folder, f"AutoModelFor{CLASSES[task]}")
    return pipeline(task, model, **{PROCESSORS[task]: str(folder)}, device="cpu")


def task_of(folder: Path) -> str:
    """The pipeline of transformers that the model in a folder is for.

    Raises:
        UserError: there is none, or one for something else.
    """
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{folder}: no model here (no config.json)", "run `dvc repro`, or `dvc pull`") from None
    except ValueError as error:
        raise UserError(f"{folder}/config.json is no JSON: {error}", "run `dvc repro`, or `dvc pull`") from None
    name = str((config.get("architectures") or [""])[0])
    if name.endswith("ForSequenceClassification") and name.startswith(SOUNDS):
        return "audio-classification"
    for ending, task in PIPELINES.items():
        if name.endswith(ending):
            return task
    raise UserError(
        f"{folder}: {name or 'a model of no architecture'} is no classifier", "a folder that finetune wrote"
    )


if __name__ == "__main__":
    report.run("predict", main)
