"""A finished training on disk: whole, or told and done again."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from stages.training import finished
from stages.training.results import take_over

STATE = {"epochs": [{"epoch": 1, "loss": 0.1 + 0.2}], "best_epoch": 1}
OUTPUTS = {"validation": np.array([[0.25, 0.75]]), "held_out": np.array([1.5])}


class Model(torch.nn.Linear):
    def save_pretrained(self, folder: Path) -> None:
        folder.mkdir()
        (folder / "model.safetensors").write_bytes(self.weight.detach().numpy().tobytes())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    finished.keep(tmp_path / "finished/seed1", Model(2, 2), OUTPUTS, STATE)
    return tmp_path / "finished/seed1"


def test_what_is_kept_comes_back(folder: Path) -> None:
    assert finished.there(folder)
    outputs, state = finished.read(folder)
    assert state == STATE and outputs.keys() == OUTPUTS.keys()
    assert all(np.array_equal(outputs[name], OUTPUTS[name]) for name in OUTPUTS)
    assert [path.name for path in folder.parent.iterdir()] == ["seed1"]


def test_nothing_is_there_before(tmp_path: Path) -> None:
    assert not finished.there(tmp_path / "finished/seed2")


@pytest.mark.parametrize("name", ["model/model.safetensors", "outputs.safetensors", "state.json", "finished.json"])
@pytest.mark.parametrize("harm", [lambda path: path.write_bytes(path.read_bytes()[:-3]), Path.unlink])
def test_what_is_damaged_is_told_and_removed(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str, harm: Any
) -> None:
    harm(folder / name)
    assert not finished.there(folder) and not folder.exists()
    assert capsys.readouterr().out == "the finished training seed1 is damaged and done again\n"


def test_files_are_taken_over_also_where_there_are_no_links(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: Any) -> None:
        raise OSError(18, "Invalid cross-device link")

    for target in (folder / "one", folder / "two"):
        take_over(folder / "model", target)
        assert (target / "model.safetensors").read_bytes() == (folder / "model/model.safetensors").read_bytes()
        monkeypatch.setattr("stages.training.results.os.link", no_links)
