"""The constraints file: how it is written, and that the shipped one fits pyproject.toml."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.workplace import ROOT
from workbench import lock

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
ASKED = [
    *PROJECT["project"]["dependencies"],
    *(line for extra in PROJECT["project"]["optional-dependencies"].values() for line in extra),
    *(line for group in PROJECT["dependency-groups"].values() for line in group),
]


def test_names_are_sorted_and_versions_lose_what_tells_one_build_from_another() -> None:
    distributions = [("ruamel.yaml", "0.19.1"), ("torch", "2.13.0+cpu"), ("PyYAML", "6.0.4"), ("Flask", "3.1.3")]
    lines = lock.format_constraints(distributions).removeprefix(lock.HEADER).splitlines()
    assert lines == ["flask==3.1.3", "pyyaml==6.0.4", "ruamel-yaml==0.19.1", "torch==2.13.0"]


def test_libraries_of_cuda_and_installers_are_left_out() -> None:
    names = ["nvidia-cublas-cu13", "nvidia_cudnn_cu13", "nvidia-ml-py", "triton", "cuda-bindings", "pip", "setuptools"]
    lines = lock.format_constraints([(name, "1.0") for name in names]).removeprefix(lock.HEADER).splitlines()
    assert lines == ["nvidia-ml-py==1.0"], "dvclive needs that one, on every machine"


def test_the_project_itself_is_not_pinned() -> None:
    packages = [("numpy", {"archive_info": {}}), ("groundwork", {"dir_info": {"editable": True}})]
    report = {"install": [{"metadata": {"name": n, "version": "1"}, "download_info": info} for n, info in packages]}
    assert lock.read_report(report) == [("numpy", "1")]


def test_where_nothing_fits_the_constraints_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)  # there is no pyproject.toml here
    assert lock.main() == 1
    assert "pip finds no versions that fit pyproject.toml\nNext: see what pip says above" in capfd.readouterr().err


def shipped() -> dict[str, str]:
    """Names and versions of the shipped constraints."""
    lines = (ROOT / lock.CONSTRAINTS).read_text(encoding="utf-8").removeprefix(lock.HEADER).splitlines()
    return dict(line.split("==") for line in lines)


def test_the_shipped_constraints_are_names_and_versions_and_nothing_else() -> None:
    text = (ROOT / lock.CONSTRAINTS).read_text(encoding="utf-8")
    assert text == lock.format_constraints(shipped().items())
    lines = text.removeprefix(lock.HEADER).splitlines()
    assert [line for line in lines if not re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*", line)] == []


@pytest.mark.parametrize("line", sorted(set(ASKED)), ids=lambda line: re.split(r"[\[<>=]", line)[0])
def test_what_pyproject_asks_for_is_pinned_within_its_bounds(line: str) -> None:
    requirement = Requirement(line)
    version = shipped()[canonicalize_name(requirement.name)]
    assert requirement.specifier.contains(version), f"{version} is pinned: make lock"
