"""What a training leaves beside its outputs: time and how it was run."""

from importlib.metadata import version

import pytest
import torch

from stages.core import report
from stages.training.figures import tell


def test_a_training_tells_its_time_and_with_what_it_ran(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(report, "figures", {})
    tell(2.5, 100, torch.device("cpu"))
    assert "trained 100 samples in 2.5 s (40 samples/s, with validation)" in capsys.readouterr().out
    assert {name: report.figures[name] for name in ("training_seconds", "samples_seen", "device")} == {
        "training_seconds": 2.5,
        "samples_seen": 100,
        "device": "cpu",
    }
    tell(1.5, 20, torch.device("cpu"))
    assert (report.figures["training_seconds"], report.figures["samples_seen"]) == (4.0, 120)
    assert report.figures["libraries"]["torch"] == version("torch")
