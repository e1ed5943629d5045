"""What else than data differs: params, dependencies, stages."""

from pathlib import Path
from typing import Any

import pytest

from review.locks import Stage, flatten, locked
from review.params_diff import dependencies, differences, params_changes, stage_changes
from stages.core.errors import UserError
from tests import folders

LOCK = """schema: '2.0'
stages:
  clean:
    cmd: python -m stages.clean
    deps:
    - path: data/source/a.csv
      hash: md5
      md5: aa
      size: 1
    - path: stages/cleaners
      hash: md5
      md5: bb.dir
      size: 2
      nfiles: 1
    params:
      params.yaml:
        clean.text:
          order: [html]
        seed: 42
    outs:
    - path: data/cleaned
      hash: md5
      md5: cc.dir
      size: 30
      nfiles: 1
"""


def stage(**given: Any) -> Stage:
    return Stage(**{"cmd": "x", "params": {}, "deps": {}, "outs": {}, "sizes": {}, **given})


@pytest.mark.parametrize(
    ("before", "after", "rows"),
    [
        ({"a": {"b": 1}}, {"a": {"b": 2}}, [("a.b", 1, 2, "changed")]),
        ({"a": 1}, {"a": 1.0}, []),
        ({"a": 1}, {"a": True}, [("a", 1, True, "changed")]),
        ({"a": None}, {}, [("a", None, None, "removed")]),
        ({}, {"a": {}}, [("a", None, {}, "added")]),
        ({"a": [1, 2]}, {"a": [2, 1]}, [("a", [1, 2], [2, 1], "changed")]),
    ],
)
def test_params_are_compared_by_dotted_key(before: Any, after: Any, rows: list[Any]) -> None:
    found = differences(*(flatten(side) if side else {} for side in (before, after)))
    assert [(row["key"], row["before"], row["after"], row["kind"]) for row in found] == rows


def test_a_lock_is_read_with_params_by_dotted_key(tmp_path: Path) -> None:
    (tmp_path / "dvc.lock").write_text(LOCK)
    assert locked(folders.side(tmp_path)) == {
        "clean": Stage(
            cmd="python -m stages.clean",
            params={"clean.text.order": ["html"], "seed": 42},
            deps={"data/source/a.csv": "aa", "stages/cleaners": "bb.dir"},
            outs={"data/cleaned": "cc.dir"},
            sizes={"data/cleaned": 30},
        )
    }


@pytest.mark.parametrize("content", ["[", "- 1\n", "schema: '2.0'\n", "stages:\n  a: 3\n"])
def test_a_lock_that_dvc_did_not_write_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "dvc.lock").write_text(content)
    with pytest.raises(UserError, match=r"dvc\.lock of head: not readable"):
        locked(folders.side(tmp_path))


def test_each_stage_says_what_it_ran_with_anew() -> None:
    before = {
        "clean": stage(
            deps={"data/a.csv": "1", "stages/clean.py": "2"}, outs={"data/cleaned": "3"}, params={"seed": 1}
        ),
        "split": stage(deps={"data/cleaned": "3"}, outs={"data/split": "5"}),
        "train": stage(deps={"data/split/x": "6"}, params={"lr": 1}),
        "old": stage(),
    }
    after = {
        "clean": stage(
            deps={"data/a.csv": "9", "stages/clean.py": "8"}, outs={"data/cleaned": "7"}, params={"seed": 2}
        ),
        "split": stage(deps={"data/cleaned": "7"}, outs={"data/split": "5"}),
        "train": stage(deps={"data/split/x": "0"}, params={"lr": 2}, cmd="y"),
    }
    assert stage_changes(before, after) == [
        {
            "stage": "clean",
            "why": ["params: seed", "code: stages/clean.py", "source: data/a.csv"],
            "follows": False,
            "outputs": True,
        },
        {"stage": "split", "why": ["data: data/cleaned"], "follows": True, "outputs": False},
        {
            "stage": "train",
            "why": ["command: changed", "params: lr", "data: data/split/x"],
            "follows": False,
            "outputs": False,
        },
        {"stage": "old", "why": ["only at the base"], "follows": False, "outputs": True},
    ]


def test_other_outputs_from_the_same_inputs_are_told() -> None:
    found = stage_changes({"train": stage(outs={"m": "1"})}, {"train": stage(outs={"m": "2"})})
    assert found == [
        {"stage": "train", "why": ["other outputs from the same inputs"], "follows": False, "outputs": True}
    ]


def test_dependencies_are_compared_by_name_however_they_are_written(tmp_path: Path) -> None:
    text = '[project]\nrequires-python = ">=3.11"\ndependencies = ["Ruamel.Yaml>=0.18", "torch", "a[b]>=1"]\n'
    text += '[project.optional-dependencies]\ndev = ["ruff>=0.9"]\n'
    (tmp_path / "pyproject.toml").write_text(text)
    assert dependencies(folders.side(tmp_path)) == {
        "python": ">=3.11",
        "ruamel-yaml": ">=0.18",
        "torch": "any version",
        "a": "[b]>=1",
        "ruff (dev)": ">=0.9",
    }


def test_changed_gates_stand_apart_from_other_params(tmp_path: Path) -> None:
    for name, changes in (("base", {}), ("head", {"lr": 2e-5, "review.gates.data.max_near_leaks": None})):
        folders.lay_out(tmp_path / name, [{"text": "a"}], changes=changes)
    found = params_changes(*(folders.side(tmp_path / name) for name in ("base", "head")))
    assert found == {
        "rows": [{"key": "lr", "before": 5e-5, "after": 2e-5, "kind": "changed"}],
        "gates": [{"key": "review.gates.data.max_near_leaks", "before": 0, "after": None, "kind": "changed"}],
        "dependencies": [],
        "stages": [],
    }
