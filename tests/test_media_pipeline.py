"""Whole runs with pictures and with sounds, which repeat to the byte with other workers, in other places.

DVC runs the pictures; the stages alone run the rest, several in one process, so that libraries are loaded once.
"""

import importlib
import io
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from ruamel.yaml import YAML

from stages.modalities.sound import decode
from tests.pictures import KINDS, png
from tests.repository import STAGES, TIMEOUT_S, Repository, environment, ran, skipped
from tests.sounds import RATE, coded, tone
from tests.workplace import params, working_in

pytestmark = pytest.mark.slow

EACH = 5
HERTZ = {"low": 300.0, "middle": 900.0, "high": 2700.0}
SAME = {
    "epochs": 1,
    "batch_size": 4,
    "validate.contract.min_rows": 10,
    "validate.contract.min_rows_per_class": 2,
    "augment.copies": 2,
    "split.ratios": {"train": 0.6, "validation": 0.2, "test": 0.2},
    "finetune.threads": 1,
    "evaluate.bootstrap.resamples": 100,
    "fetch.path": "data/source/samples",
}
FOLDER = {"suffixes": [], "index": None, "file_column": "file", "splits_from_folders": False}
FOLDER |= {"max_files": 100, "max_file_bytes": 100_000, "max_total_bytes": 1_000_000}
PICTURES = SAME | {
    "labels": list(KINDS),
    "fetch.source": "folder",
    "fetch.columns": {"image": "file", "label": "label"},
    "fetch.options": FOLDER,
    "clean.image.steps.resize.enabled": False,
    "encode.processor.size": {"shortest_edge": 16},
    "finetune.architecture.embedding_size": 4,
    "finetune.architecture.hidden_sizes": [4, 8, 8, 8],
}
SOUNDS = SAME | {
    "labels": list(HERTZ),
    "fetch.columns": {"audio": "file", "label": "label"},
    "fetch.options": FOLDER,
    "encode.processor.feature_size": 16,
    "encode.cache_dtype": "float32",  # predictions are compared with those of a pipeline, which stores nothing
    "finetune.architecture.num_mel_bins": 16,
    "finetune.architecture.d_model": 16,
    "finetune.architecture.encoder_layers": 1,
    "finetune.architecture.encoder_attention_heads": 2,
    "finetune.architecture.encoder_ffn_dim": 16,
    "finetune.architecture.decoder_attention_heads": 2,
    "finetune.architecture.decoder_ffn_dim": 16,
    "finetune.architecture.classifier_proj_size": 16,
}
RECIPES = {"image": ("recipes/digits.yaml", PICTURES), "audio": ("recipes/speech-digits.yaml", SOUNDS)}
WORKERS = ("decode.workers", "augment.workers")

ALL_STAGES = f"""
if __name__ == "__main__":
    import importlib, os, sys
    for folder in sys.argv[1:]:
        os.chdir(folder)
        for name in {STAGES}:
            importlib.import_module(f"stages.{{name}}").main()
"""


@dataclass
class Runs:
    """The run of each modality, what DVC said of the pictures, and the runs elsewhere, which may be going on."""

    lines: dict[str, Repository]
    said: str
    others: Future[dict[str, dict[str, str]]]


def fill(folder: Path, modality: str) -> None:
    """A folder a class, with five files in each."""
    for number in range(EACH):
        for label in RECIPES[modality][1]["labels"]:
            file = folder / f"data/source/samples/{label}/{number}"
            file.parent.mkdir(parents=True, exist_ok=True)
            if modality == "image":
                file.with_suffix(".png").write_bytes(png(label, number))
            else:
                file.with_suffix(".wav").write_bytes(coded(tone(HERTZ[label] + 20 * number, 0.3 + 0.1 * number)))


def lay_out(top: Path, name: str, modality: str, workers: int) -> Repository:
    recipe, changes = RECIPES[modality]
    line = Repository(top / name / modality, environment(top))
    line.lay_out(params(changes | dict.fromkeys(WORKERS, workers), recipe))
    fill(line.folder, modality)
    return line


def run_elsewhere(top: Path) -> dict[str, dict[str, str]]:
    """All outputs of both modalities, from other folders, with two workers."""
    lines = {modality: lay_out(top, "other place", modality, 2) for modality in RECIPES}
    script = top / "all_stages.py"
    script.write_text(ALL_STAGES, encoding="utf-8")
    here = Repository(top, environment(top) | {"PYTHONPATH": str(lines["image"].folder)})
    here.type(sys.executable, str(script), *(str(line.folder) for line in lines.values()))
    return {modality: line.outputs() for modality, line in lines.items()}


def run_here(line: Repository, modality: str) -> None:
    """All stages, with one worker, in this process."""
    recipe, changes = RECIPES[modality]
    threads = torch.get_num_threads()
    with working_in(line.folder, changes | dict.fromkeys(WORKERS, 1), recipe):
        for name in STAGES:
            importlib.import_module(f"stages.{name}").main()
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    top = tmp_path_factory.mktemp("media")
    lines = {modality: lay_out(top, "line", modality, 1) for modality in RECIPES}
    with ThreadPoolExecutor(1) as pool:
        others = pool.submit(run_elsewhere, top)
        lines["image"].begin()
        said = lines["image"].type("dvc", "repro")
        run_here(lines["audio"], "audio")
        yield Runs(lines, said, others)


def test_all_stages_run_and_a_second_repro_skips_them(runs: Runs) -> None:
    assert ran(runs.said) == STAGES
    line = runs.lines["image"]
    before = line.outputs()
    again = line.type("dvc", "repro")
    assert (ran(again), skipped(again)) == ([], STAGES)
    assert (line.outputs(), line.partials()) == (before, [])
    changed = line.type("git", "status", "--porcelain", "--untracked-files=all").splitlines()
    assert [row[3:] for row in changed if not row[3:].startswith("metrics/")] == ["dvc.lock"]


def test_sounds_leave_every_output_that_dvc_expects(runs: Runs) -> None:
    stages = YAML(typ="safe").load(runs.lines["audio"].folder / "dvc.yaml")["stages"].values()
    kinds = [found for stage in stages for kind in ("outs", "metrics", "plots") for found in stage.get(kind, [])]
    wanted = [name if isinstance(name, str) else next(iter(name)) for name in kinds]
    assert len(wanted) > len(STAGES)
    assert [name for name in wanted if not (runs.lines["audio"].folder / name).exists()] == []


@pytest.mark.parametrize("modality", RECIPES)
def test_two_workers_in_another_folder_give_the_same_bytes(runs: Runs, modality: str) -> None:
    found = runs.lines[modality].outputs()
    found.pop("dvc.lock", None)
    assert runs.others.result(TIMEOUT_S)[modality] == found
    assert {"data/sheets/augment/derived.png", "models/model/model.safetensors"} < set(found)
    assert {"models/predictions.parquet", "data/encoded/meta.json", "metrics/evaluate.json"} < set(found)


def predicted(line: Repository, modality: str) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """The cleaned bytes of each test sample, and its row among the predictions."""
    cleaned = pq.read_table(line.folder / "data/cleaned/samples-00000.parquet")
    for row in pq.read_table(line.folder / "models/predictions.parquet").to_pylist():
        (sample,) = cleaned.filter(pc.equal(cleaned["id"], pa.scalar(row["id"]))).to_pylist()
        yield sample[modality]["bytes"], row


def given(modality: str, data: bytes) -> Any:
    """What the pipeline of transformers takes."""
    if modality == "image":
        return Image.open(io.BytesIO(data))
    sound = decode(data)
    return {"raw": np.ascontiguousarray(sound.samples[:, 0]), "sampling_rate": sound.sampling_rate}


@pytest.mark.parametrize("modality", RECIPES)
def test_the_pipeline_of_transformers_loads_the_model_and_predicts_the_same(runs: Runs, modality: str) -> None:
    import transformers

    line = runs.lines[modality]
    classify = transformers.pipeline(f"{modality}-classification", str(line.folder / "models/model"), device="cpu")
    rows = list(predicted(line, modality))
    assert len(rows) == 3
    for data, row in rows:
        found = classify(given(modality, data))
        assert found[0]["label"] == row["prediction"]
        for one in found:
            assert one["score"] == pytest.approx(row[f"probability.{one['label']}"], abs=1e-5)


def test_cleaned_sounds_are_at_the_rate_that_the_model_takes(runs: Runs) -> None:
    assert RATE == 8_000
    for data, _ in predicted(runs.lines["audio"], "audio"):
        assert decode(data).sampling_rate == 16_000
