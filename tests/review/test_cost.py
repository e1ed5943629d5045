"""What two models took: told where it was recorded, and only there."""

from pathlib import Path
from typing import Any

from review.cost import costs
from stages.core import tables
from stages.core.report import result_digest
from tests import folders

METRICS = {"parameters": {"total": 100, "trainable": 10}, "steps": 8, "epochs": 2, "train_loss": 0.5}
LOCK = """schema: '2.0'
stages:
  finetune:
    cmd: x
    outs:
    - path: models/model
      md5: a.dir
      size: {}
"""


def lay_out(folder: Path, size: int, loss: float, **record: Any) -> None:
    folder.mkdir()
    (folder / "dvc.lock").write_text(LOCK.format(size))
    tables.write_json(folder / "metrics/finetune.json", {**METRICS, "train_loss": loss})
    if record:
        digest = result_digest((folder / "metrics/finetune.json").read_bytes())
        tables.write_json(folder / f".groundwork/runtime/runs/finetune-{digest}.json", record)


def found(folder: Path) -> dict[str, Any]:
    return costs(folders.side(folder / "base", "base"), folders.side(folder / "head"))


def values(costs: dict[str, Any]) -> dict[str, tuple[Any, Any, Any]]:
    return {row["name"]: (row["base"], row["head"], row["ratio"]) for row in costs["rows"]}


def test_sizes_and_counts_are_known_of_every_revision_and_seconds_only_where_they_were_recorded(tmp_path: Path) -> None:
    lay_out(tmp_path / "base", 1000, 0.5)
    lay_out(tmp_path / "head", 1500, 0.4, training_seconds=4.0, samples_seen=80, peak_memory_mib=300.0, device="cpu")
    told = found(tmp_path)
    assert values(told) == {
        "training_seconds": (None, 4.0, None),
        "samples_per_second": (None, 20.0, None),
        "peak_memory_mib": (None, 300.0, None),
        "parameters": (100, 100, 1.0),
        "trainable_parameters": (10, 10, 1.0),
        "trainings": (1, 1, 1.0),
        "updates": (8, 8, 1.0),
        "epochs": (2, 2, 1.0),
        "model_bytes": (1000, 1500, 1.5),
    }
    assert told["devices"] == {"base": None, "head": "cpu"}
    assert len(told["notes"]) == 1 and told["notes"][0].startswith("base: seconds and memory are not recorded")


def test_figures_of_another_result_are_not_taken_for_this_ones(tmp_path: Path) -> None:
    lay_out(tmp_path / "base", 1000, 0.5)
    lay_out(tmp_path / "head", 1000, 0.4, training_seconds=4.0, samples_seen=80)
    tables.write_json(tmp_path / "head/metrics/finetune.json", {**METRICS, "train_loss": 0.3})
    assert values(found(tmp_path))["training_seconds"] == (None, None, None)


def test_seconds_of_a_training_that_went_on_are_not_told_for_whole_ones(tmp_path: Path) -> None:
    lay_out(tmp_path / "base", 1000, 0.5, training_seconds=4.0, samples_seen=80, went_on=True)
    lay_out(tmp_path / "head", 1000, 0.4, training_seconds=4.0, samples_seen=80, peak_device_memory_mib=9.0)
    told = found(tmp_path)
    assert values(told)["training_seconds"] == (None, 4.0, None)
    assert values(told)["peak_device_memory_mib"] == (None, 9.0, None)
    assert told["notes"] == [
        "base: training went on from a checkpoint, so its seconds and memory are not those of a whole run"
    ]


def test_a_side_without_metrics_has_nothing_to_tell(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    lay_out(tmp_path / "head", 1000, 0.4)
    assert values(found(tmp_path))["parameters"] == (None, 100, None)


def test_a_committed_record_tells_what_a_training_elsewhere_took(tmp_path: Path) -> None:
    lay_out(tmp_path / "base", 1000, 0.5, training_seconds=2.0, samples_seen=80)
    lay_out(tmp_path / "head", 1000, 0.4)
    digest = result_digest((tmp_path / "head/metrics/finetune.json").read_bytes())
    record = {"result": digest, "training_seconds": 4.0, "samples_seen": 80}
    tables.write_json(tmp_path / "head/metrics/cost.json", record)
    assert values(found(tmp_path))["training_seconds"] == (2.0, 4.0, 2.0)
    tables.write_json(tmp_path / "head/metrics/cost.json", record | {"result": "of another training"})
    assert values(found(tmp_path))["training_seconds"] == (2.0, None, None)
