"""The structure of the house: floors, what dvc.yaml declares against what the scripts read, docs against code."""

import ast
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[1]
FLOORS = [
    ["core"],
    ["modalities", "splitters"],
    ["sources", "checks", "cleaners", "augmenters", "tasks", "baselines"],
    ["strategies", "training"],
]
FLOOR = {package: number for number, packages in enumerate(FLOORS) for package in packages}
SCRIPTS = ["fetch", "validate", "clean", "augment", "split", "baseline", "encode", "finetune", "evaluate"]
MODULES = sorted(ROOT.glob("stages/**/*.py"))
ALIASES = {"validating": "validate"}


def dvc() -> dict:
    return YAML(typ="safe").load(ROOT / "dvc.yaml")


def imports(path: Path) -> Iterator[str]:
    """Modules of the project that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] == "stages")


def file_of(module: str) -> Path | None:
    path = ROOT / module.replace(".", "/")
    if (path / "__init__.py").is_file():
        return path / "__init__.py"
    return path.with_suffix(".py") if path.with_suffix(".py").is_file() else None


def registered(path: Path) -> Iterator[str]:
    """Modules that a package's registry names as text."""
    if path.name == "__init__.py":
        yield from re.findall(r'"(stages\.[\w.]+?)(?::\w+)?"', path.read_text(encoding="utf-8"))


def reached(script: str) -> set[str]:
    """The files that a script may import, transitively, members of registries included."""
    found: set[Path] = set()
    waiting = [ROOT / f"stages/{script}.py"]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        waiting += [file for name in (*imports(path), *registered(path)) if (file := file_of(name))]
    return {path.relative_to(ROOT).as_posix() for path in found} - {"stages/__init__.py"}


def uncovered(script: str, deps: list[str]) -> set[str]:
    return {file for file in reached(script) if not any(file == dep or file.startswith(f"{dep}/") for dep in deps)}


def code_deps(script: str) -> list[str]:
    return [dep for dep in dvc()["stages"][script]["deps"] if dep.startswith("stages/")]


def reads(script: str) -> set[str]:
    """Dotted keys that a script reads of its variable `params`."""
    tree = ast.parse((ROOT / f"stages/{script}.py").read_text(encoding="utf-8"))
    blocks = {"params": ""}
    for node in ast.walk(tree):  # block = params.finetune
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and (key := chain(node.value, blocks))
        ):
            blocks[node.targets[0].id] = key
    inner = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    aliased = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Assign)}
    return {
        key
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and id(node) not in inner | aliased and (key := chain(node, blocks))
    }


def chain(node: ast.expr, blocks: dict[str, str]) -> str:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.insert(0, ALIASES.get(node.attr, node.attr))
        node = node.value
    if not parts or not isinstance(node, ast.Name) or node.id not in blocks:
        return ""
    return ".".join([blocks[node.id], *parts]).strip(".")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_imports_run_strictly_downward_or_inside_a_package(path: Path) -> None:
    own = path.relative_to(ROOT / "stages").parts
    floor = FLOOR[own[0]] if len(own) > 1 else len(FLOORS)
    for name in imports(path):
        parts = name.split(".")
        if len(parts) < 2 or (len(own) > 1 and parts[1] == own[0]):
            continue
        assert parts[1] in FLOOR, f"{path.name} imports the script {name}"
        assert FLOOR[parts[1]] < floor, f"{path} (floor {floor}) imports {name} (floor {FLOOR[parts[1]]})"


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_deps_of_a_stage_cover_what_its_script_imports(script: str) -> None:
    assert uncovered(script, code_deps(script)) == set()


@pytest.mark.parametrize("script", SCRIPTS)
def test_each_code_dep_of_a_stage_is_needed(script: str) -> None:
    deps = code_deps(script)
    for dep in deps:
        assert uncovered(script, [other for other in deps if other != dep]), f"{script} does not import {dep}"


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_params_of_a_stage_are_those_that_its_script_reads(script: str) -> None:
    listed = set(dvc()["stages"][script]["params"])
    read = reads(script)
    assert {key for key in read if not any(key == one or key.startswith(f"{one}.") for one in listed)} == set()
    assert {one for one in listed if not any(key == one or key.startswith(f"{one}.") for key in read)} == set()


def test_the_stages_are_the_scripts_in_order() -> None:
    stages = dvc()["stages"]
    assert list(stages) == SCRIPTS
    assert [stage["cmd"] for stage in stages.values()] == [f"python -m stages.{name}" for name in SCRIPTS]
    assert all(stage["desc"] for stage in stages.values())
    assert sorted(path.stem for path in ROOT.glob("stages/*.py")) == sorted([*SCRIPTS, "__init__"])


@pytest.mark.parametrize("script", SCRIPTS)
def test_each_stage_has_its_metrics_file_in_git(script: str) -> None:
    metrics = dvc()["stages"][script]["metrics"]
    assert metrics == [{f"metrics/{script}.json": {"cache": False}}]


def test_no_stage_depends_on_what_a_search_tries() -> None:
    listed = [param for stage in dvc()["stages"].values() for param in stage["params"]]
    assert [param for param in listed if param.split(".")[0] == "search"] == []
    assert [path.name for path in MODULES if "params.search" in path.read_text(encoding="utf-8")] == []


def test_training_cannot_see_the_test_split() -> None:
    deps = dvc()["stages"]["finetune"]["deps"]
    assert "data/encoded" not in deps
    assert not [dep for dep in deps if dep.startswith(("data/encoded/test", "data/cleaned", "data/split"))]


def outputs() -> list[Any]:
    return [out for stage in dvc()["stages"].values() for out in stage["outs"]]


def ignored(paths: list[str], folder: Path) -> set[str]:
    """The paths that Git ignores in a repository with the shipped .gitignore."""
    shutil.copy(ROOT / ".gitignore", folder)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    command = ["git", "check-ignore", "--no-index", *paths]
    return set(subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout.splitlines())


def test_every_output_is_ignored_by_git_from_the_start(tmp_path: Path) -> None:
    assert ignored(outputs(), tmp_path) == set(outputs())


def test_what_people_put_beside_the_outputs_is_not_ignored(tmp_path: Path) -> None:
    own = ["data/source/x.csv", "data/source/x.csv.dvc", "data/labels/a.csv", "data/corpus.dvc", "metrics/cost.json"]
    assert ignored(own, tmp_path) == set()


def test_dvc_keeps_a_record_of_each_run() -> None:
    """It keeps none of a stage with an uncached output that is neither metric nor plot."""
    assert [out for out in outputs() if not isinstance(out, str)] == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_files_stay_small_and_say_what_they_are(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 260
    assert ast.get_docstring(ast.parse(text)), "a module says in its first line what it is"
    for node in ast.walk(ast.parse(text)):
        public = isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
        if public and node.name != "main" and node in ast.parse(text).body:
            assert ast.get_docstring(node), node.name


def test_the_top_level_is_what_the_design_names() -> None:
    named = {"benchmarks", "data", "docs", "metrics", "models", "recipes", "review", "stages", "tests", "workbench"} | {
        "CHANGELOG.md"
    }
    named |= {"dvc.lock", "dvc.yaml", "LICENSE", "Makefile", "params.yaml", "pyproject.toml", "README.md"}
    named |= {"CHANGELOG.md", "Containerfile"}
    odd = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")} - named
    assert {name for name in odd if not name.endswith(".egg-info") and name not in ("dvclive", "dvc_plots")} == set()
