"""Stages that need no model load no library of models, and none loads pandas before it must."""

import json
import os
import subprocess
import sys
from pathlib import Path

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


def loaded(folder: Path, stages: list[str], heavy: list[str], *, run: bool) -> dict[str, list[str]]:
    environment = {**os.environ, "PYTHONPATH": str(workplace.ROOT)}
    command = [sys.executable, "-c", CODE.format(stages=stages, heavy=heavy, run=run)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


def test_no_stage_before_training_imports_anything_heavy_when_it_starts() -> None:
    heavy = [*MODELS, "pandas", "sklearn", "scipy", "nlpaug", "jieba", "ftfy"]
    found = loaded(workplace.ROOT, [*WITHOUT_A_MODEL, "encode"], heavy, run=False)
    assert found == {f"import {name}": [] for name in [*WITHOUT_A_MODEL, "encode"]}


def test_stages_without_a_model_run_without_its_libraries(tmp_path: Path) -> None:
    for name in ("params.yaml", "data/source", "stages/augmenters/synonyms.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).symlink_to(workplace.ROOT / name)
    found = loaded(tmp_path, WITHOUT_A_MODEL, MODELS, run=True)
    assert found == {f"{verb} {name}": [] for name in WITHOUT_A_MODEL for verb in ("import", "run")}
