"""finetune as `dvc repro` starts it, with two processes: killed, gone on with, and as good as one process."""

import csv
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from safetensors.torch import load_file

from stages import finetune
from stages.core import report, tables
from tests.forked import forked
from tests.test_finetune import CHANGES, _threads, outputs, workplace
from tests.workplace import ROOT, leftovers, params, working_in

__all__ = ["_threads", "workplace"]
GIVEN = CHANGES | {
    "epochs": 20,
    "lr": 0.05,
    "batch_size": 4,
    "finetune.device": "cpu",
    "finetune.optimizer": "sgd",  # steps as large as gradients: rounding errors stay small
    "finetune.class_weights": "balanced",
    "finetune.accumulation_steps": 2,
    "finetune.checkpoint": {"every_s": 0.0, "keep_days": 1.0},
}
TOLERANCE = 1e-5


def stage() -> None:
    report.run("finetune", finetune.main)


def written() -> dict[str, Any]:
    """Numbers of what was written, by file."""
    found: dict[str, Any] = {"metrics": tables.read_json("metrics/finetune.json")}
    for path in Path("metrics/plots/finetune").glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            found[path.stem] = list(csv.reader(file))
    return found


@pytest.mark.slow
@pytest.mark.usefixtures("workplace")
def test_two_processes_that_were_killed_end_as_one_that_was_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # of the processes that finetune starts
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    YAML().dump(params(GIVEN | {"finetune.processes": 2}), Path("params.yaml"))
    with forked(stage) as (killed, output):
        for line in output:
            if line.startswith("epoch 3:"):
                break
        killed.kill()
    assert outputs() == {}
    with forked(stage) as (two, output):
        told = output.read()
    assert two.exitcode == 0
    lines = told.splitlines()
    assert lines[0] == "full: 22,883 of 22,883 weights are trained, on cpu, by 2 processes"
    assert lines[1].startswith("going on from a checkpoint: epoch ")
    assert [line.split(":")[0] for line in lines[2:-1]] == [f"epoch {number}" for number in range(1, 21)]
    assert lines[-1].startswith("trained 180 samples in ")
    assert (leftovers(), list(Path(".groundwork/checkpoints").iterdir())) == ([], [])
    figures = tables.read_json(report.RUNTIME / "finetune.json")
    assert 0 < figures["training_seconds"] < figures["seconds"] and figures["samples_seen"] == 180
    assert "  - processes: 2\n" in Path("models/model/README.md").read_text()
    names, numbers, weights = outputs().keys(), written(), load_file("models/model/model.safetensors")
    with working_in(Path.cwd(), GIVEN):
        finetune.main()
    assert outputs().keys() == names
    found, wanted = flat(written()), flat(numbers)
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        assert found[name] == (value if isinstance(value, str) else pytest.approx(value, TOLERANCE, TOLERANCE)), name
    for name, weight in load_file("models/model/model.safetensors").items():
        assert float((weight - weights[name]).abs().max()) < TOLERANCE, name


def flat(found: Any, name: str = "") -> dict[str, Any]:
    """Values by dotted name, those that are numbers as such."""
    if isinstance(found, dict | list):
        pairs = found.items() if isinstance(found, dict) else enumerate(found)
        return {key: value for part, inner in pairs for key, value in flat(inner, f"{name}.{part}").items()}
    try:
        return {name: float(found)}
    except ValueError:
        return {name: found}
