"""CI, Makefile and README: what they tell to run is there."""

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted(ROOT.glob(".github/workflows/*.yml"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
SCRIPTS = [path for path in sorted((ROOT / ".ci").iterdir()) if path.is_file()]
MADE_BY_CI = ".venv/"


def targets() -> dict[str, str]:
    """Targets of the Makefile, and what `make help` says of them."""
    return dict(re.findall(r"^([a-z]+):[^#\n]*## (.+)$", MAKEFILE, re.MULTILINE))


def phony() -> list[str]:
    return re.findall(r"^\.PHONY: (.+)$", MAKEFILE, re.MULTILINE)[0].split()


def jobs(path: Path) -> dict[str, Any]:
    return YAML(typ="safe").load(path)["jobs"]


def commands(text: str) -> Iterator[list[str]]:
    """The simple commands of a shell script, as lists of words."""
    for line in text.splitlines():
        words = shlex.split(line, comments=True)
        if words:
            yield words


def check(words: list[str]) -> None:
    """A command that names a target or a file of the repository names one that exists."""
    if words[0] == "make":
        assert set(words[1:]) <= set(phony()), " ".join(words)
    elif "/" in words[0] and not words[0].startswith(MADE_BY_CI):
        assert os.access(ROOT / words[0], os.X_OK), f"{words[0]}: no such program here"


def test_there_is_a_workflow_for_pushes_and_pull_requests() -> None:
    triggers = [YAML(typ="safe").load(path)["on"] for path in WORKFLOWS]
    assert any({"push", "pull_request"} <= set(one) for one in triggers)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_step_of_a_workflow_runs_something_that_exists(path: Path) -> None:
    found = list(jobs(path).values())
    assert found
    for job in found:
        assert job["timeout-minutes"] and job["steps"]
        for step in job["steps"]:
            assert ("run" in step) != ("uses" in step), step
            for words in commands(step.get("run", "")):
                check(words)
            if "uses" in step:
                assert re.fullmatch(r"[\w-]+/[\w-]+@\S+", step["uses"])


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_only_read(path: Path) -> None:
    assert YAML(typ="safe").load(path)["permissions"] == {"contents": "read"}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_tries_the_python_versions_that_pyproject_allows(path: Path) -> None:
    import tomllib

    allowed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["requires-python"]
    low, high = (int(part) for part in re.fullmatch(r">=3\.(\d+),<3\.(\d+)", allowed).groups())
    for job in jobs(path).values():
        if matrix := job.get("strategy", {}).get("matrix", {}).get("python"):
            assert matrix == [f"3.{minor}" for minor in range(low, high)]


def test_ci_runs_the_tests_as_the_readme_says() -> None:
    assert os.access(ROOT / ".ci/run", os.X_OK)
    assert ["make", "test"] in list(commands((ROOT / ".ci/run").read_text(encoding="utf-8")))
    runs = [step.get("run", "") for path in WORKFLOWS for job in jobs(path).values() for step in job["steps"]]
    assert ".ci/run" in runs


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_the_scripts_of_ci_stop_at_the_first_failure(path: Path) -> None:
    assert "set -euo pipefail" in path.read_text(encoding="utf-8").splitlines()


def test_every_target_is_phony_and_helped() -> None:
    assert sorted(targets()) == sorted(phony())
    assert {"repro", "test", "check"} <= set(phony())


def test_a_makefile_recipe_names_modules_that_exist() -> None:
    named = set(re.findall(r"python -m ((?:stages|review)\.\w+)", MAKEFILE))
    assert named
    for module in named:
        assert (ROOT / f"{module.replace('.', '/')}.py").is_file(), module


@pytest.mark.parametrize("target", ["repro", "test"])
def test_the_readme_names_the_two_commands(target: str) -> None:
    assert re.search(rf"\bmake {target}\b", (ROOT / "README.md").read_text(encoding="utf-8"))


def test_every_make_target_that_the_documents_name_exists() -> None:
    for path in [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")), ROOT / "Makefile"]:
        text = path.read_text(encoding="utf-8")
        named = re.findall(r"`make ([a-z]+)", text) + re.findall(r"^(?:\$ )?make ([a-z]+)", text, re.MULTILINE)
        assert set(named) <= set(phony()), path.name
