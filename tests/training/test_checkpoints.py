"""Checkpoints: whole or not at all, two kept, damaged ones told and skipped, each training its own."""

import fcntl
import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from stages.training import checkpoints as module
from stages.training.checkpoints import Checkpoints, opened, remove_old
from stages.training.fingerprint import CODE, checkpoints_folder, fingerprint

CPU = torch.device("cpu")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def kept(tmp_path: Path, clock: Clock) -> Checkpoints:
    return Checkpoints(tmp_path / "abc", every_s=60, clock=clock)


def tensors(value: float) -> dict[str, torch.Tensor]:
    return {"a": torch.full((3, 2), value), "step": torch.tensor(value)}


def fill(kept: Checkpoints, *numbers: int) -> None:
    for number in numbers:
        kept.write(number, tensors(number), {"epoch": number, "best": float("inf")})


def found(kept: Checkpoints) -> int | None:
    latest = kept.latest()
    if latest is None:
        return None
    given, state = latest
    assert torch.equal(given["a"], torch.full((3, 2), float(state["epoch"]))) and given["step"].shape == ()
    return int(state["epoch"])


def test_the_last_two_are_kept_and_the_newest_is_read(kept: Checkpoints) -> None:
    assert kept.latest() is None
    fill(kept, 1, 2, 13)
    names = sorted(path.name for path in kept.folder.iterdir())
    assert names == [f"{number:08d}.{kind}" for number in (2, 13) for kind in ("json", "safetensors")]
    assert found(kept) == 13


@pytest.mark.parametrize("name", ["00000002.json", "00000002.safetensors"])
@pytest.mark.parametrize("damage", ["cut", "changed", "empty", "gone"])
def test_a_damaged_checkpoint_falls_back_to_the_one_before(
    kept: Checkpoints, name: str, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(kept, 1, 2)
    path = kept.folder / name
    content = path.read_bytes()
    place = content.index(b"epoch") + 9 if name.endswith("json") else len(content) - 3
    changed = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
    path.write_bytes({"cut": content[:-5], "changed": changed, "empty": b"", "gone": b""}[damage])
    if damage == "gone":
        path.unlink()
    assert found(kept) == 1
    told = capsys.readouterr().out
    expected = "checkpoint 2 is damaged, the one before is taken" if (damage, name[-4:]) != ("gone", "json") else ""
    assert expected in told


def test_without_a_good_checkpoint_training_starts_anew(kept: Checkpoints) -> None:
    fill(kept, 1, 2)
    for path in kept.folder.glob("*.safetensors"):
        path.write_bytes(b"")
    assert kept.latest() is None


def test_what_was_being_written_is_removed_and_never_read(kept: Checkpoints) -> None:
    fill(kept, 1)
    (kept.folder / "00000002.safetensors.partial").write_bytes(b"half")
    (kept.folder / "00000002.safetensors").write_bytes(b"no JSON yet")
    assert found(kept) == 1
    assert list(kept.folder.glob("*.partial")) == []


def test_a_checkpoint_is_due_after_its_interval_and_at_the_end_of_an_epoch(kept: Checkpoints, clock: Clock) -> None:
    assert kept.due(epoch_ends=True) and not kept.due(epoch_ends=False)
    clock.now = 60.0
    assert kept.due(epoch_ends=False)
    fill(kept, 1)
    assert not kept.due(epoch_ends=False)


def test_short_epochs_do_not_spend_their_time_on_checkpoints(kept: Checkpoints, clock: Clock) -> None:
    kept._cost_s = 2.0
    clock.now = 39.0
    assert not kept.due(epoch_ends=True)
    clock.now = 40.0
    assert kept.due(epoch_ends=True)


def test_a_disk_that_is_full_is_told_once_and_stops_nothing(
    kept: Checkpoints, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(kept, 1)

    def full(_: Any, path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "save_file", full)
    fill(kept, 2, 3)
    assert capsys.readouterr().out.count("no checkpoint could be written, training goes on without") == 1
    assert found(kept) == 1 and list(kept.folder.glob("*.partial")) == []


def test_nothing_is_pickled(kept: Checkpoints) -> None:
    fill(kept, 1)
    json.loads((kept.folder / "00000001.json").read_text())
    assert (kept.folder / "00000001.safetensors").read_bytes()[8:9] == b"{"


def test_one_process_at_a_time_has_the_checkpoints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with opened(tmp_path, "abc", every_s=60, keep_days=1) as first:
        assert first is not None and first.folder == tmp_path / "abc"
        with opened(tmp_path, "abc", every_s=60, keep_days=1) as second:
            assert second is None
        with opened(tmp_path, "def", every_s=60, keep_days=1) as other:
            assert other is not None
    assert "the same training is running elsewhere" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_checkpoints_can_be_switched_off(tmp_path: Path) -> None:
    with opened(tmp_path / "top", "abc", every_s=None, keep_days=1) as kept:
        assert kept is None
    assert not (tmp_path / "top").exists()


def test_those_of_other_trainings_are_removed_after_their_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("old", "new", "own"):
        fill(Checkpoints(tmp_path / name, every_s=1), 1)
    past = time.time() - 3 * 86_400
    for name in ("old", "own"):
        for path in (tmp_path / name, *(tmp_path / name).iterdir()):
            os.utime(path, (past, past))
    remove_old(tmp_path, "own", 2.0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "own"]
    assert capsys.readouterr().out == "removed checkpoints older than 2 days: old\n"


def test_a_lock_is_free_again_when_its_process_is_gone(tmp_path: Path) -> None:
    with (tmp_path / "abc.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
    with opened(tmp_path, "abc", every_s=60, keep_days=1) as kept:
        assert kept is not None


@pytest.mark.parametrize(
    "copy",
    [".dvc/tmp/exps/tmpab12", ".dvc/tmp/exps/tmpab12/deep/er", ".groundwork/search/ab/worker-1/.dvc/tmp/exps/tmpcd34"],
)
def test_a_copy_that_dvc_made_keeps_them_in_the_repository_it_came_from(tmp_path: Path, copy: str) -> None:
    (tmp_path / ".git").mkdir()
    place = tmp_path / copy
    place.mkdir(parents=True)
    (place / ".git").mkdir()
    assert checkpoints_folder(place) == tmp_path / ".groundwork/checkpoints"
    assert checkpoints_folder(tmp_path) == tmp_path / ".groundwork/checkpoints"


def test_a_worktree_shares_them_with_its_main_checkout(tmp_path: Path) -> None:
    main, side = tmp_path / "main", tmp_path / "side"
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "-q", str(main)], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "first"], cwd=main, check=True)
    subprocess.run([*git, "worktree", "add", "-q", str(side)], cwd=main, check=True, capture_output=True)
    assert checkpoints_folder(side) == main / ".groundwork/checkpoints"


def test_outside_of_a_repository_they_stay_in_the_folder(tmp_path: Path) -> None:
    assert checkpoints_folder(tmp_path) == tmp_path / ".groundwork/checkpoints"


def test_the_fingerprint_differs_with_data_params_weights_and_what_is_trained(tmp_path: Path) -> None:
    data = tmp_path / "inputs.parquet"
    data.write_bytes(b"one")
    torch.manual_seed(0)
    model = torch.nn.Linear(2, 2)

    def now(**params: Any) -> str:
        return fingerprint(model, data=[data], params={"lr": 1e-3} | params, device=CPU)

    marks = [now()]
    assert now() == marks[0] and len(marks[0]) == 16
    marks.append(now(lr=2e-3))
    data.write_bytes(b"two")
    marks.append(now())
    model.bias.requires_grad_(False)
    marks.append(now())
    torch.nn.init.zeros_(model.weight)
    marks.append(now())
    marks.append(fingerprint(model, data=[data], params={"lr": 1e-3}, device=torch.device("cuda")))
    assert len(set(marks)) == 6


def test_the_fingerprint_differs_with_code_and_libraries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import stages

    def now() -> str:
        return fingerprint(torch.nn.Linear(2, 2, bias=False).requires_grad_(False), data=[], params={}, device=CPU)

    torch.manual_seed(0)
    marks = [now()]
    monkeypatch.setattr("stages.training.fingerprint.version", lambda name: f"{name} 99")
    torch.manual_seed(0)
    marks.append(now())
    copy = tmp_path / "stages"
    for name in CODE:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_text("1") if name.endswith(".py") else (copy / name).mkdir()
    monkeypatch.setattr(stages, "__file__", str(copy / "__init__.py"))
    for content in ("1", "2"):
        (copy / "training/loop.py").write_text(content)
        torch.manual_seed(0)
        marks.append(now())
    assert len(set(marks)) == 4


def test_the_code_that_counts_is_what_dvc_yaml_names() -> None:
    from ruamel.yaml import YAML

    deps = YAML(typ="safe").load(Path(__file__).parents[2] / "dvc.yaml")["stages"]["finetune"]["deps"]
    assert sorted(dep.removeprefix("stages/") for dep in deps if dep.startswith("stages/")) == sorted(CODE)
