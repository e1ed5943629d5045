"""What a training tells to a search that listens."""

import json
from pathlib import Path

import pytest

from stages.core import live, report
from stages.training.checkpoints import opened
from stages.training.results import live_log


def test_nothing_is_written_where_nobody_listens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(live.VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    live.tell(epoch=1)
    assert list(tmp_path.iterdir()) == []


def test_each_epoch_and_the_place_of_the_checkpoints_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(live.VARIABLE, str(tmp_path / "told.jsonl"))
    log = live_log(False, ("log_loss",))
    with opened(tmp_path / "checkpoints", "abc", every_s=60, keep_days=1):
        log({"epoch": 1, "train_loss": 1.0, "log_loss": 0.5})
    with opened(tmp_path / "checkpoints", "abc", every_s=None, keep_days=1):
        log({"epoch": 2, "train_loss": 0.5, "log_loss": 0.25})
    assert [json.loads(line) for line in (tmp_path / "told.jsonl").read_text("utf-8").splitlines()] == [
        {"checkpoints": "abc"},
        {"epoch": 1, "train_loss": 1.0, "log_loss": 0.5},
        {"epoch": 2, "train_loss": 0.5, "log_loss": 0.25},
    ]


def test_a_file_that_cannot_be_written_is_told_and_nothing_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(live.VARIABLE, str(tmp_path / "gone/told.jsonl"))
    with report.console.capture() as told:
        live.tell(epoch=1)
    assert told.get().startswith("GROUNDWORK_LIVE: ") and "No such file or directory" in told.get()
