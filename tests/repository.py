"""A Git and DVC repository with the shipped line, and what people type in it."""

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.workplace import ROOT

SHIPPED = [".dvc/config", ".dvc/.gitignore", ".dvcignore", ".gitignore", "dvc.yaml", ".ci/review"]
PACKAGES = ["stages", "review", "workbench"]
STAGES = ["fetch", "validate", "clean", "augment", "split", "baseline", "encode", "finetune", "evaluate"]
TIMEOUT_S = 600
HOLD = """
import os, sys, time
def hold(event, given):
    if event == "os.rename" and os.fspath(given[0]).endswith(os.environ["HOLD"]):
        time.sleep(600)
sys.addaudithook(hold)
"""


@dataclass
class Repository:
    """A folder in which commands are run."""

    folder: Path
    environment: dict[str, str]

    def type(self, *command: str) -> str:
        """What a command that ends well prints."""
        given = {"cwd": self.folder, "env": self.environment, "capture_output": True, "text": True}
        done = subprocess.run(command, **given, timeout=TIMEOUT_S, check=False)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def lay_out(self, params: Mapping[str, Any]) -> None:
        """The shipped line, what is typed around it, and params.yaml."""
        for name in SHIPPED:
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, self.folder / name)
        for name in PACKAGES:
            shutil.copytree(ROOT / name, self.folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        with (self.folder / "params.yaml").open("w", encoding="utf-8") as file:
            YAML().dump(dict(params), file)

    def begin(self) -> None:
        """Make it a Git repository, with everything in it committed."""
        self.type("git", "init", "--quiet", "--initial-branch", "main")
        self.commit()

    def commit(self) -> None:
        self.type("git", "add", "--all")
        self.type("git", "commit", "--quiet", "--message", "a run")

    def kill_repro_at(self, name: str) -> bool:
        """Start `dvc repro`, kill it and its stage when the file or folder is about to be renamed; whether it is left.

        What was written under NAME.partial is held there until it is seen, however busy the machine.
        """
        hold = self.folder.parent / "hold"
        hold.mkdir(exist_ok=True)
        (hold / "sitecustomize.py").write_text(HOLD, encoding="utf-8")
        environment = self.environment | {"PYTHONPATH": str(hold), "HOLD": name}
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        command = ["dvc", "repro"]
        with subprocess.Popen(command, cwd=self.folder, env=environment, start_new_session=True, **quiet) as running:
            end = time.monotonic() + TIMEOUT_S
            while not (self.folder / name).exists() and running.poll() is None and time.monotonic() < end:
                time.sleep(0.001)
            assert running.poll() is None, f"dvc repro ended with {running.returncode} before {name} was there"
            os.killpg(running.pid, signal.SIGKILL)
        return (self.folder / name).exists()

    def partials(self) -> list[str]:
        return sorted(path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*.partial"))

    def outputs(self) -> dict[str, str]:
        """Digest of each output of the stages, and of dvc.lock where it is."""
        found = [path for top in ("data", "models", "metrics") for path in (self.folder / top).rglob("*")]
        return {
            path.relative_to(self.folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in [*found, self.folder / "dvc.lock"]
            if path.is_file() and path.name != "cost.json"
        }


def environment(home: Path) -> dict[str, str]:
    """That of the tests, with this Python first, and nothing of the user's Git and DVC."""
    others = ("GIT_", "DVC_", "PYTHONDONTWRITEBYTECODE")  # the last has each stage compile its code anew
    kept = {name: value for name, value in os.environ.items() if not name.startswith(others)}
    who = {f"GIT_{role}_{part}": f"test{part}" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
    places = {f"DVC_{name}": str(home / name) for name in ("GLOBAL_CONFIG_DIR", "SYSTEM_CONFIG_DIR", "SITE_CACHE_DIR")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
    git = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    quick = {"OMP_NUM_THREADS": "1", "CI": "true"}  # in CI, DVC does not ask for newer versions of itself
    return kept | who | places | git | quick | {"PATH": path, "HF_HUB_OFFLINE": "1", "DVC_NO_ANALYTICS": "1"}


def ran(said: str) -> list[str]:
    """The stages that a `dvc repro` ran, by what it printed."""
    return re.findall(r"Running stage '(\w+)'", said)


def skipped(said: str) -> list[str]:
    """The stages that it skipped."""
    return re.findall(r"Stage '(\w+)' didn't change, skipping", said)
