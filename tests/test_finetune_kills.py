"""The shipped line and model, killed at twenty random moments of finetune: each time it ends in the same weights."""

import os
import random
import shutil
import signal
import subprocess
import time
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
        time.sleep(after_s)
        alive = running.poll() is None
        os.killpg(running.pid, signal.SIGKILL) if alive else None
    return alive


def test_in_place(line: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    expected = model((line.folder / LOCK).read_text(encoding="utf-8"))
    anew = ("dvc", "repro", "--force", "--single-item", "finetune")
    whole_s, draw = seconds(line, *anew), random.Random(1)
    gone_on = 0
    for _ in range(KILLS):
        assert killed(line, draw.uniform(0.1, 0.95) * whole_s, *anew), "killed too late to show anything"
        gone_on += "going on from a checkpoint" in line.type("dvc", "repro", "--single-item", "finetune")
        assert model((line.folder / LOCK).read_text(encoding="utf-8")) == expected
    with capsys.disabled():
        print(f"\n{KILLS} kills within {whole_s:.1f} s, {gone_on} times there was a checkpoint to go on from")
    assert gone_on


def test_in_an_experiment_elsewhere(line: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    def lock_of(name: str) -> str:
        refs = line.type("git", "for-each-ref", "--format=%(refname)", "refs/exps").split()
        (ref,) = [ref for ref in refs if ref.endswith(f"/{name}")]
        return line.type("git", "show", f"{ref}:{LOCK}")

    def experiment(name: str) -> tuple[str, ...]:
        return ("dvc", "exp", "run", "--temp", "--name", name, "-S", "lr=3e-5")

    whole_s, draw = seconds(line, *experiment("whole")), random.Random(2)
    expected = model(lock_of("whole"))
    gone_on = 0
    for number in range(KILLS):
        again = experiment(f"again-{number}")
        assert killed(line, draw.uniform(0.3, 0.9) * whole_s, *again), "killed too late to show anything"
        gone_on += "going on from a checkpoint" in line.type(*again)
        assert model(lock_of(f"again-{number}")) == expected
    with capsys.disabled():
        print(f"\n{KILLS} kills within {whole_s:.1f} s, {gone_on} times there was a checkpoint to go on from")
    assert gone_on
