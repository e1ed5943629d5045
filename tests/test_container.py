"""The Containerfile as far as it can be tested without a container: what it builds on, copies, runs and ends as."""

import re
import subprocess
from pathlib import Path

from tests.workplace import ROOT

TEXT = (ROOT / "Containerfile").read_text(encoding="utf-8")
INSTRUCTIONS = [
    (name, re.sub(r"\s+", " ", content).strip())
    for name, content in re.findall(r"^([A-Z]+) (.*)$", re.sub(r"\\\n", " ", TEXT), re.MULTILINE)
]


def contents(name: str) -> list[str]:
    return [content for found, content in INSTRUCTIONS if found == name]


def test_the_base_is_pinned_by_its_whole_version() -> None:
    (base,) = contents("FROM")
    assert re.fullmatch(r"docker\.io/library/python:3\.1[12]\.\d+-slim-\w+", base)


def test_what_it_copies_is_in_git_and_holds_no_secret() -> None:
    copied = [path for content in contents("COPY") for path in content.split()[:-1] if not path.startswith("--")]
    listed = subprocess.run(["git", "ls-files", *copied], cwd=ROOT, capture_output=True, text=True, check=True)
    assert sorted(listed.stdout.split()) == sorted(copied)
    assert {"pyproject.toml", ".ci/constraints.txt"} <= set(copied)


def test_the_program_does_not_run_as_root() -> None:
    (user,) = contents("USER")
    assert f"useradd --create-home --uid 1000 {user}" in contents("RUN")[0]
    names = [name for name, _ in INSTRUCTIONS]
    assert names.index("USER") < names.index("CMD")
    assert 'CMD ["make", "repro"]' in TEXT


def test_make_uses_the_environment_of_the_image_whatever_is_edited_later(tmp_path: Path) -> None:
    flags = re.findall(r"MAKEFLAGS=(\S+)", TEXT)[0].replace("/opt/venv", str(tmp_path))
    says = {"cwd": ROOT, "env": {"PATH": "/usr/bin:/bin", "MAKEFLAGS": flags}, "capture_output": True, "text": True}
    installing = subprocess.run(["make", "--dry-run", "repro"], **says, check=True).stdout
    assert f"{tmp_path}/bin/python -m pip install" in installing
    assert "--constraint .ci/constraints.txt" in installing
    subprocess.run(["touch", "--date", "2100-01-01", str(tmp_path / "installed")], check=True)
    assert subprocess.run(["make", "--dry-run", "repro"], **says, check=True).stdout.splitlines()[0] == "dvc repro"


def test_torch_is_chosen_by_an_argument_that_has_two_values() -> None:
    (choice,) = [content for content in contents("RUN") if "$TORCH" in content]
    script = choice.partition(" && make install")[0].replace(".ci/torch-cpu", "echo the CPU build")
    said = {
        value: subprocess.run(["sh", "-c", script], env={"TORCH": value}, capture_output=True, text=True, check=False)
        for value in ("cpu", "cuda", "gpu")
    }
    assert {value: done.returncode for value, done in said.items()} == {"cpu": 0, "cuda": 0, "gpu": 1}
    assert (said["cpu"].stdout, said["cuda"].stdout) == ("the CPU build\n", "")
    assert said["gpu"].stderr == "TORCH=gpu: cpu or cuda\n"
