"""Whole runs: a Git and DVC repository with a tiny model and 36 rows, and what people type in it.

Two copies are run side by side: one as it should be, and one that is killed twice on its way.
"""

import csv
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.workplace import ROOT, params

pytestmark = pytest.mark.slow

SHIPPED = [".dvc/config", ".dvc/.gitignore", ".dvcignore", ".gitignore", "dvc.yaml"]
STAGES = ["fetch", "validate", "clean", "augment", "split", "encode", "finetune", "evaluate"]
CHANGES = {
    "model": "tiny",
    "lr": 1e-3,
    "epochs": 2,
    "batch_size": 8,
    "validate.contract.min_rows": 30,
    "validate.contract.min_rows_per_class": 5,
    "augment.copies": 1,
    "augment.balance": "none",
    "augment.workers": 1,
    "encode.max_length_tokens": 32,
    "finetune.threads": 1,
    "evaluate.bootstrap.resamples": 100,
}
THINGS = [
    "parcel",
    "invoice",
    "website",
    "charger",
    "headset",
    "blender",
    "bicycle",
    "mattress",
    "keyboard",
    "lamp",
    "ticket",
    "coffee",
]
MESSAGES = {
    "negative": ("I hate how the {} broke", "Terrible {}, never again"),
    "neutral": ("When does the {} arrive", "Is there a {} in blue"),
    "positive": ("So happy with my {}", "What a lovely {}, thanks"),
}
TIMEOUT_S = 600


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

    def kill_repro_at(self, name: str) -> bool:
        """Start `dvc repro`, kill it and its stage when the file or folder appears; whether it was left there."""
        with subprocess.Popen(
            ["dvc", "repro"],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as running:
            end = time.monotonic() + TIMEOUT_S
            while not (self.folder / name).exists() and running.poll() is None and time.monotonic() < end:
                time.sleep(0.001)
            os.killpg(running.pid, signal.SIGKILL)
        return (self.folder / name).exists()

    def partials(self) -> list[str]:
        return sorted(path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*.partial"))

    def outputs(self) -> dict[str, str]:
        """Digest of each output of the stages, and of dvc.lock."""
        found = [path for top in ("data", "models", "metrics") for path in (self.folder / top).rglob("*")]
        return {
            path.relative_to(self.folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in [*found, self.folder / "dvc.lock"]
            if path.is_file()
        }


@dataclass
class Runs:
    """The first run, and the one that was killed, which may still be going on."""

    line: Repository
    said: str
    outputs: dict[str, str]
    killed: Future[tuple[Repository, list[bool], str]]


def environment(home: Path) -> dict[str, str]:
    """That of the tests, with this Python first, and nothing of the user's Git and DVC."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "DVC_"))}
    who = {f"GIT_{role}_{part}": f"test{part}" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
    places = {f"DVC_{name}": str(home / name) for name in ("GLOBAL_CONFIG_DIR", "SYSTEM_CONFIG_DIR", "SITE_CACHE_DIR")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
    git = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    quick = {"OMP_NUM_THREADS": "1", "CI": "true"}  # in CI, DVC does not ask for newer versions of itself
    return kept | who | places | git | quick | {"PATH": path, "HF_HUB_OFFLINE": "1", "DVC_NO_ANALYTICS": "1"}


def lay_out(folder: Path, tiny_model: Path) -> None:
    """The shipped line, the tiny model, and messages about twelve things."""
    for name in SHIPPED:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    shutil.copytree(ROOT / "stages", folder / "stages", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(tiny_model, folder / "tiny")
    with (folder / "params.yaml").open("w", encoding="utf-8") as file:
        YAML().dump(params(CHANGES), file)
    (folder / "data/source").mkdir(parents=True)
    with (folder / "data/source/messages.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["message", "sentiment", "author"])
        for number, thing in enumerate(THINGS):
            rows.writerows([words[number % 2].format(thing), label, thing + label] for label, words in MESSAGES.items())


def run_with_kills(line: Repository) -> tuple[Repository, list[bool], str]:
    """A run that is killed while clean and while finetune write, then goes on to the end."""
    caught = [line.kill_repro_at(f"{name}.partial") for name in ("data/cleaned", "models/model")]
    return line, caught, line.type("dvc", "repro")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Iterator[Runs]:
    top = tmp_path_factory.mktemp("runs")
    line, other = (Repository(top / name, environment(top)) for name in ("line", "other place"))
    lay_out(line.folder, tiny_model)
    line.type("git", "init", "--quiet", "--initial-branch", "main")
    commit(line)
    line.type("git", "clone", "--quiet", ".", str(other.folder))
    with ThreadPoolExecutor(1) as pool:
        killed = pool.submit(run_with_kills, other)
        said = line.type("dvc", "repro")
        yield Runs(line, said, line.outputs(), killed)


def commit(line: Repository) -> None:
    line.type("git", "add", "--all")
    line.type("git", "commit", "--quiet", "--message", "a run")


def ran(said: str) -> list[str]:
    return re.findall(r"Running stage '(\w+)'", said)


def skipped(said: str) -> list[str]:
    return re.findall(r"Stage '(\w+)' didn't change, skipping", said)


def test_all_eight_stages_run_and_git_sees_only_what_belongs_to_it(runs: Runs) -> None:
    assert ran(runs.said) == STAGES
    changed = runs.line.type("git", "status", "--porcelain", "--untracked-files=all").splitlines()
    outside = [line[3:] for line in changed if not line[3:].startswith("metrics/")]
    assert outside == ["dvc.lock"]
    assert {f"?? metrics/{name}.json" for name in STAGES} <= set(changed)
    assert runs.line.partials() == []


def test_a_second_repro_skips_everything_and_the_status_is_clean(runs: Runs) -> None:
    said = runs.line.type("dvc", "repro")
    assert (ran(said), skipped(said)) == ([], STAGES)
    assert "Data and pipelines are up to date." in said
    assert runs.line.type("dvc", "status").strip() == "Data and pipelines are up to date."
    assert runs.line.outputs() == runs.outputs


def test_a_changed_line_in_an_augmenter_concerns_augment_onward_and_not_clean(runs: Runs) -> None:
    file = runs.line.folder / "stages/augmenters/text.py"
    before = file.read_text(encoding="utf-8")
    file.write_text(f"{before}# changed\n", encoding="utf-8")
    try:
        status = runs.line.type("dvc", "status")
        dry = runs.line.type("dvc", "repro", "--dry", "--force-downstream")
    finally:
        file.write_text(before, encoding="utf-8")
    assert re.findall(r"^(\w+):", status, re.MULTILINE) == ["augment"]
    assert re.findall(r"modified: +(\S+)", status) == ["stages/augmenters"]
    assert ran(dry) == ["augment", "encode", "finetune", "evaluate"]
    assert skipped(dry) == ["fetch", "validate", "clean", "split"]


def test_an_experiment_with_another_lr_reruns_finetune_and_evaluate_alone(runs: Runs) -> None:
    line = runs.line
    commit(line)
    said = line.type("dvc", "exp", "run", "-S", "lr=2e-5")
    assert (ran(said), skipped(said)) == (["finetune", "evaluate"], STAGES[:6])
    name = re.findall(r"Ran experiment\(s\): (\S+)", said)[0]
    header, _, *rows = (
        [cell.strip() for cell in row.split("|")] for row in line.type("dvc", "exp", "show", "--md").splitlines() if row
    )
    rates = {row[1]: float(row[header.index("lr")]) for row in rows}
    assert [rate for title, rate in rates.items() if name in title] == [2e-5]
    assert rates["main"] == 1e-3
    diff = line.type("dvc", "metrics", "diff")
    assert re.search(r"^metrics/evaluate.json +log_loss +[\d.]+ +[\d.]+ +-?[\d.]+$", diff, re.MULTILINE)
    assert {row.split()[0] for row in diff.splitlines()[1:]} == {"metrics/evaluate.json", "metrics/finetune.json"}


def test_a_run_from_scratch_that_was_killed_twice_ends_with_the_same_bytes_elsewhere(runs: Runs) -> None:
    other, caught, said = runs.killed.result(TIMEOUT_S)
    assert caught == [True, True], "killed while clean and finetune were writing"
    assert ran(said) == ["finetune", "evaluate"]
    assert other.partials() == []
    assert other.outputs() == runs.outputs
    assert {"models/model/model.safetensors", "models/predictions.parquet", "dvc.lock"} < set(runs.outputs)
