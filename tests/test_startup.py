"""Stages that need no model load no library of models, and none loads pandas before it must."""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
from ruamel.yaml import YAML

from stages.core.samples import SPLITS
from stages.split import SCHEMA
from tests import workplace

CODE = """
import json, sys
from stages.core import report
stages, heavy, found = {stages!r}, {heavy!r}, {{}}
for name in stages:
    module = __import__(f"stages.{{name}}", fromlist=["main"])
    found[f"import {{name}}"] = [name for name in heavy if name in sys.modules]
    if {run!r}:
        with report.console.capture():
            module.main()
        found[f"run {{name}}"] = [name for name in heavy if name in sys.modules]
print(json.dumps(found))
"""
WITHOUT_A_MODEL = ["fetch", "validate", "clean", "augment", "split"]
MODELS = ["torch", "transformers", "datasets", "tensorflow"]
AUGMENTING = ["imgaug", "librosa", "cv2", "skimage", "nlpaug.augmenter.audio"]
MEDIA = [*AUGMENTING, "PIL", "soundfile", "matplotlib", "imagehash", "noisereduce", "pyloudnorm"]
"""Libraries of images and sounds: none is of use to texts."""


def loaded(folder: Path, stages: list[str], heavy: list[str], *, run: bool) -> dict[str, list[str]]:
    environment = {**os.environ, "PYTHONPATH": str(workplace.ROOT)}
    command = [sys.executable, "-c", CODE.format(stages=stages, heavy=heavy, run=run)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


def test_no_stage_before_training_imports_anything_heavy_when_it_starts() -> None:
    heavy = [*MODELS, *MEDIA, "pandas", "sklearn", "scipy", "nlpaug", "jieba", "ftfy"]
    found = loaded(workplace.ROOT, [*WITHOUT_A_MODEL, "encode"], heavy, run=False)
    assert found == {f"import {name}": [] for name in [*WITHOUT_A_MODEL, "encode"]}


def test_stages_without_a_model_run_without_its_libraries_nor_those_of_images_and_sounds(tmp_path: Path) -> None:
    for name in ("data/source", "stages/augmenters/synonyms.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).symlink_to(workplace.ROOT / name)
    (tmp_path / "params.yaml").write_text(workplace.text(), encoding="utf-8")
    found = loaded(tmp_path, WITHOUT_A_MODEL, [*MODELS, *MEDIA], run=True)
    assert found == {f"{verb} {name}": [] for name in WITHOUT_A_MODEL for verb in ("import", "run")}


def test_encoding_texts_needs_no_library_of_augmentation(tmp_path: Path, tiny_model: Path) -> None:
    with (tmp_path / "params.yaml").open("w", encoding="utf-8") as file:
        YAML().dump(workplace.params({"model": str(tiny_model)}), file)
    with contextlib.chdir(tmp_path):
        rows: list[workplace.Row] = [{"id": f"s{n}", "text": "abc", "label": "neutral"} for n in range(3)]
        workplace.put("cleaned", "samples", workplace.table(rows))
        workplace.put("augmented", "samples", workplace.table([]))
        columns = [[row["id"] for row in rows], list(SPLITS), [None] * 3, [None] * 3]
        workplace.put("split", "assignment", pa.table(columns, schema=SCHEMA))
    found = loaded(tmp_path, ["encode"], AUGMENTING, run=True)
    assert found == {"import encode": [], "run encode": []}
