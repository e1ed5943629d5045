"""The shipped line and model, killed at twenty random moments of finetune: each time it ends in the same weights."""

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.repository import Repository, environment
from tests.workplace import LAX, ROOT, params

pytestmark = pytest.mark.long
KILLS = 10
"""In each place."""
SHORT = LAX | {"fetch.limit_rows": 240, "epochs": 2, "finetune.checkpoint": {"every_s": 0.5, "keep_days": 1.0}}
LOCK = "dvc.lock"


@pytest.fixture
def line(tmp_path: Path) -> Repository:
    """The shipped line on some of its corpus, run and committed."""
    found = Repository(tmp_path / "work", environment(tmp_path))
    found.lay_out(params(SHORT))
    shutil.copytree(ROOT / "data/source", found.folder / "data/source")
    found.begin()
    found.type("dvc", "repro")
    found.commit()
    return found


def model(lock: str) -> str:
    """The digest of the model's folder in a dvc.lock."""
    outs = YAML(typ="safe").load(lock)["stages"]["finetune"]["outs"]
    (found,) = [out["md5"] for out in outs if out["path"] == "models/model"]
    return str(found)


def seconds(line: Repository, *command: str) -> float:
    start = time.monotonic()
    line.type(*command)
    return time.monotonic() - start


def killed(line: Repository, after_s: float, *command: str) -> bool:
    """Start a command, and kill it and all its children after so many seconds; whether it was still at it."""
    given = {"cwd": line.folder, "env": line.environment, "start_new_session": True}
    with subprocess.Popen(command, **given, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        try:
            running.wait(after_s)
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, signal.SIGKILL)
            return True
    return False


def in_turn(kill: Callable[[float], bool], go_on: Callable[[], bool], whole_s: float, seed: int) -> str:
    """Kill and go on until it was killed KILLS times; what there was to go on from.

    A run that ended before its moment tells how long one takes now: the machine was busier before.
    """
    draw, killed_at, gone_on = random.Random(seed), 0, 0
    for _ in range(3 * KILLS):
        start = time.monotonic()
        if not kill(draw.uniform(0.1, 0.95) * whole_s):
            whole_s = time.monotonic() - start
            continue
        killed_at += 1
        gone_on += go_on()
        if killed_at == KILLS:
            break
    assert killed_at == KILLS and gone_on, f"{killed_at} times killed, {gone_on} times a checkpoint was gone on from"
    return f"\n{KILLS} kills within {whole_s:.1f} s, {gone_on} times there was a checkpoint to go on from"


def test_in_place(line: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    def found() -> str:
        return model((line.folder / LOCK).read_text(encoding="utf-8"))

    def go_on() -> bool:
        said = line.type("dvc", "repro", "--single-item", "finetune")
        assert found() == expected
        return "going on from a checkpoint" in said

    expected, anew = found(), ("dvc", "repro", "--force", "--single-item", "finetune")
    told = in_turn(lambda after_s: killed(line, after_s, *anew), go_on, seconds(line, *anew), seed=1)
    with capsys.disabled():
        print(told)


def test_in_an_experiment_elsewhere(line: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    def experiment() -> tuple[str, ...]:
        return ("dvc", "exp", "run", "--temp", "--name", f"run-{number}", "-S", "lr=3e-5")

    def found() -> str:
        refs = line.type("git", "for-each-ref", "--format=%(refname)", "refs/exps").split()
        (ref,) = [ref for ref in refs if ref.endswith(f"/run-{number}")]
        return model(line.type("git", "show", f"{ref}:{LOCK}"))

    def kill(after_s: float) -> bool:
        nonlocal number
        number += 1
        return killed(line, after_s, *experiment())

    def go_on() -> bool:
        said = line.type(*experiment())
        assert found() == expected
        return "going on from a checkpoint" in said

    number = 0
    whole_s, expected = seconds(line, *experiment()), found()
    told = in_turn(kill, go_on, whole_s, seed=2)
    with capsys.disabled():
        print(told)
