"""finetune killed with SIGKILL goes on where it was, and writes the same bytes as a run that was never killed."""

import json
import random
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from stages import finetune
from stages.core import report, tables
from tests.forked import forked
from tests.test_finetune import CHANGES, _threads, outputs, workplace
from tests.workplace import leftovers, working_in

__all__ = ["_threads", "workplace"]
LONG = CHANGES | {
    "epochs": 30,
    "lr": 1e-3,
    "finetune.device": "cpu",
    "finetune.dropout": {"hidden": 0.2, "attention": 0.2},
    "finetune.ema_decay": 0.9,
    "finetune.schedule": "reduce_on_plateau",
    "finetune.checkpoint": {"every_s": 0.0, "keep_days": 1.0},
}


def run(changes: dict[str, Any]) -> None:
    with working_in(Path.cwd(), changes):
        finetune.main()


def finish(changes: dict[str, Any]) -> str:
    """Run the stage here to its end; what it told."""
    with report.console.capture() as told:
        run(changes)
    return told.get()


def kill(changes: dict[str, Any], epoch: int, after_s: float, member: str = "") -> None:
    """Start, and kill so many seconds after the end of an epoch, of a member where one is named."""
    with forked(lambda: run(changes)) as (process, told):
        reached = not member
        for line in told:
            reached = reached or line.startswith(f"{member} (")
            if reached and line.startswith(f"epoch {epoch}:"):
                break
        time.sleep(after_s)
        process.kill()


def folders() -> list[Path]:
    return sorted(path for path in Path(".groundwork/checkpoints").glob("*") if path.is_dir())


@pytest.mark.slow
@pytest.mark.usefixtures("workplace")
def test_killed_at_random_moments_it_ends_in_the_same_bytes() -> None:
    off = LONG | {"finetune.checkpoint": {"every_s": None, "keep_days": 1.0}}
    assert "going on" not in finish(off)
    expected = outputs()
    card = "models/model/README.md"
    assert b"every_s: null" in expected.pop(card)
    for name in expected:
        Path(name).unlink()
    draw = random.Random(7)
    for epoch in (draw.randint(1, 8), draw.randint(9, 18), draw.randint(19, 26)):
        kill(LONG, epoch, draw.uniform(0.0, 0.1))
        assert outputs().keys() <= {card}, "killed too late to show anything"
    (own,) = folders()
    steps = json.loads(json.loads(max(own.glob("*.json")).read_text())["state"])["progress"]["history"]["steps"]
    told = finish(LONG)
    assert "going on from a checkpoint: epoch " in told and 3 * epoch <= len(steps) < 90
    found = outputs()
    assert b"every_s: 0.0" in found.pop(card)
    assert found == expected
    assert folders() == [] and leftovers() == []


@pytest.mark.slow
@pytest.mark.usefixtures("workplace")
def test_other_params_data_or_a_damaged_checkpoint_never_go_on_from_it() -> None:
    kill(LONG, 3, 0.1)
    (own,) = folders()
    assert "going on" not in finish(LONG | {"epochs": 1})
    newest = max(own.glob("*.json")).with_suffix(".safetensors")
    newest.write_bytes(newest.read_bytes()[:-9])
    told = finish(LONG)
    assert f"checkpoint {int(newest.stem)} is damaged, the one before is taken: ValueError" in told
    assert f", after {int(newest.stem) - 1} steps" in told


def put_folds() -> None:
    """Give the training samples folds 0, 1 and 2; each has every class."""
    table = tables.read("data/encoded/train", "inputs")
    column = pa.array([number % 3 for number in range(len(table))], pa.int32())
    table = table.set_column(table.schema.get_field_index("fold"), "fold", column)
    with tables.new_folder("data/encoded/train") as folder:
        tables.write(folder, "inputs", table)


@pytest.mark.long
@pytest.mark.usefixtures("workplace")
def test_killed_in_the_third_of_three_members_it_goes_on_with_the_third() -> None:
    put_folds()
    members = LONG | {"epochs": 8, "split.folds": 3, "finetune.folds": "all"}
    off = members | {"finetune.checkpoint": {"every_s": None, "keep_days": 1.0}}
    assert finish(off).count("epoch 8: ") == 3
    expected = outputs()
    card = "models/model/README.md"
    expected.pop(card)
    for name in expected:
        Path(name).unlink()
    kill(members, 3, 0.05, "fold1-seed42")
    kill(members, 4, 0.05, "fold2-seed42")
    assert outputs().keys() <= {card}, "killed too late to show anything"
    (own,) = folders()
    kept = sorted(path.name for path in (own / "finished").iterdir())
    assert kept == ["fold0-seed42", "fold1-seed42"] and not (own / "fold1-seed42").exists()
    told = finish(members | {"finetune.checkpoint": {"every_s": 0.0, "keep_days": 0.0}})
    assert told.count("trained before\n") == 2 and told.count("epoch 8: ") == 1
    assert "fold2-seed42 (3 of 3): 6 samples, 3 left out\ngoing on from a checkpoint: epoch " in told
    found = outputs()
    assert found.pop(card) and found == expected
    assert folders() == [] and leftovers() == []
