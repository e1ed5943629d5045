"""The README's section on your own data, typed as it stands there, with a table, pictures and sounds."""

import csv
import io
import os
import random
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from stages import fetch, validate
from stages.core import tables
from tests.workplace import ROOT

SHIPPED = [".dvc/config", ".dvcignore", ".gitignore", "Makefile", "dvc.yaml", "pyproject.toml", ".ci/constraints.txt"]
FOLDERS = ["stages", "review", "workbench", "recipes"]


def commands() -> list[str]:
    """The lines with a prompt under the heading, without their comments."""
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("## Your own data", 1)[1].split("\n## ", 1)[0]
    return [re.split(r"\s+#", line)[0] for line in re.findall(r"^\$ (.*)$", section, re.MULTILINE)]


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The repository's files, an environment that is installed, and data of one's own."""
    for name in SHIPPED:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    for name in FOLDERS:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / ".venv").mkdir()
    for part in Path(sys.prefix).iterdir():
        if part.name != "installed":
            (tmp_path / ".venv" / part.name).symlink_to(part)
    (tmp_path / ".venv/installed").touch()  # newer than pyproject.toml: make has nothing to install
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    monkeypatch.chdir(tmp_path)
    write_tickets()
    write_pictures()
    write_recordings()
    yield tmp_path


def write_tickets() -> None:
    rng = random.Random(1)
    kinds = {"billing": ["invoice", "refund", "charge"], "delivery": ["parcel", "courier", "door"]}
    with Path("tickets.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "customer", "body", "topic"])
        for number in range(120):
            topic = rng.choice(list(kinds))
            words = [rng.choice(kinds[topic]), *rng.sample(["late", "wrong", "again", "today", "lost", "odd"], 3)]
            spelling = rng.choice([topic] * 6 + [topic.title(), f"{topic} "])
            writer.writerow([number, f"C{rng.randrange(60)}", f"my {' '.join(words)} {number}", spelling])


def write_pictures() -> None:
    with zipfile.ZipFile("photos.zip", "w") as archive:
        for number in range(60):
            archive.writestr(f"{('cat', 'dog')[number % 2]}/{number}.png", png(number, number % 2))


def png(seed: int, level: int) -> bytes:
    """40 x 40 noisy pixels, darker or lighter."""
    pixels = np.random.default_rng(seed).integers(100 * level, 100 * level + 100, (40, 40, 3), dtype=np.uint8)
    stored = io.BytesIO()
    Image.fromarray(pixels).save(stored, "PNG")
    return stored.getvalue()


def write_recordings() -> None:
    rng = np.random.default_rng(0)
    time = np.arange(4_000) / 8_000
    for number in range(60):
        path = Path(f"recordings/{('low', 'high')[number % 2]}/{number}.wav")
        path.parent.mkdir(parents=True, exist_ok=True)
        tone = 0.5 * np.sin(2 * np.pi * (300.0, 2_000.0)[number % 2] * time)
        soundfile.write(path, tone + rng.normal(0, 0.02, len(time)), 8_000)


def typed(command: str) -> str:
    given = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}  # of `make test`
    given |= {"PYTHONPATH": str(Path.cwd()), "DVC_NO_ANALYTICS": "1"}
    done = subprocess.run(command, shell=True, capture_output=True, text=True, env=given)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_readme_has_a_command_for_a_table_pictures_and_sounds() -> None:
    assert [command.split(" && ") for command in commands()] == [
        [f"make new DATA={data}", "make repro"] for data in ("tickets.csv", "photos.zip", "recordings")
    ]


@pytest.mark.usefixtures("clone")
def test_make_new_as_typed_writes_params_that_the_stages_of_the_data_take() -> None:
    for command in commands():
        told = typed(command.split(" && ")[0])
        assert told.endswith("params.yaml is written. Next: make repro (git diff params.yaml shows what changed)\n")
        fetch.main()
        validate.main()
        metrics = tables.read_json("metrics/validate.json")
        assert (metrics["contract_breaches"], len(metrics["labels"])) == (0, 2)


@pytest.mark.long
@pytest.mark.usefixtures("clone")
def test_the_whole_commands_as_typed_end_in_a_model() -> None:
    typed("dvc init --quiet --force")
    for command in commands():
        assert "Model, on " in typed(command)
        assert Path("models/model/model.safetensors").exists()
