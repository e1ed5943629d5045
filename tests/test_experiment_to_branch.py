"""docs/pull-requests.md: from an experiment to a branch that others review, and out of a conflict in dvc.lock."""

import json
import re
import subprocess

import pytest

from review.agreement import disagreements
from stages.core.errors import UserError
from tests.repository import Repository, ran
from tests.small_line import clone, dvc, replace


def accuracy(line: Repository, revision: str) -> float:
    return float(json.loads(line.type("git", "show", f"{revision}:metrics/evaluate.json"))["accuracy"])


@pytest.mark.parametrize("where", ["workspace", "elsewhere"])
def test_an_experiment_becomes_a_branch_that_a_colleague_reviews_and_pulls(line: Repository, where: str) -> None:
    dvc(line, "exp", "run", "-S", "lr=3e-4", "--name", "faster", *(["--temp"] if where == "elsewhere" else []))
    dvc(line, "exp", "branch", "faster", "try/faster")
    if where == "elsewhere":
        line.type("git", "checkout", "--quiet", "try/faster")
        dvc(line, "checkout")
    dvc(line, "push", "--run-cache")
    line.type("git", "push", "--quiet", "origin", "try/faster")
    other = clone(line, "colleague")
    other.type("git", "checkout", "--quiet", "try/faster")
    assert disagreements(other.folder) == []
    assert "accuracy 1.0 -> 0.9523" in other.type("python", "-m", "review", "origin/main", "HEAD")
    dvc(other, "pull", "models/model")
    assert (other.folder / "models/model/weights").read_text().startswith("0.0003")


@pytest.fixture
def conflict(line: Repository) -> Repository:
    """The branch `near` (another lr) into which main (meanwhile with another seed) was merged."""
    replace(line, "params.yaml", "seed: 42", "seed: 43")
    dvc(line, "repro")
    dvc(line, "push", "--run-cache")
    line.commit()
    line.type("git", "checkout", "--quiet", "near")
    merge = subprocess.run(
        ["git", "merge", "main"], cwd=line.folder, env=line.environment, capture_output=True, text=True, check=False
    )
    assert set(re.findall(r"Merge conflict in (\S+)", merge.stdout)) == {"dvc.lock"}
    return line


def test_conflicts_are_told_before_anything_else(conflict: Repository) -> None:
    with pytest.raises(UserError, match=r"dvc\.lock: has conflicts"):
        disagreements(conflict.folder)


@pytest.mark.parametrize("side", ["--ours", "--theirs"])
def test_either_side_and_dvc_repro_settle_a_conflict_and_run_only_what_is_new(conflict: Repository, side: str) -> None:
    conflict.type("git", "checkout", side, "dvc.lock")
    assert disagreements(conflict.folder) != []
    assert ran(conflict.type("dvc", "repro")) == ["finetune", "evaluate"], "encode ran with this seed on main"
    conflict.commit()
    assert disagreements(conflict.folder) == []
    assert (conflict.folder / "params.yaml").read_text() == "lr: 2e-4\n\n\n\nseed: 43\n"
    assert accuracy(conflict, "HEAD") == 0.9699


@pytest.mark.parametrize("side", ["ours", "theirs"])
def test_a_lock_merged_by_hand_tells_of_runs_that_are_not_on_record(conflict: Repository, side: str) -> None:
    """One side's lines where both changed them: every hash fits, and still nobody ran it."""
    path, kept = conflict.folder / "dvc.lock", r"\1" if side == "ours" else r"\2"
    halves = r"<<<<<<< .*?\n(.*?)=======\n(.*?)>>>>>>> .*?\n"
    path.write_text(re.sub(halves, kept, path.read_text(), flags=re.DOTALL))
    conflict.commit()
    conflict.type("git", "push", "--quiet", "origin", "near")
    fresh = clone(conflict, "fresh")
    fresh.type("git", "checkout", "--quiet", "near")
    assert disagreements(fresh.folder) == []
    told = "no run of finetune, evaluate with what dvc.lock names is on record: dvc push --run-cache sends it"
    assert disagreements(fresh.folder, records=True) == [told]
