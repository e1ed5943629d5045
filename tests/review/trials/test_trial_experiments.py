"""The experiments that trials leave: what they hold, what `dvc exp show` tells of them, and how one is taken up."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from review.trials import copies, process
from stages.core.errors import UserError
from tests.repository import Repository, ran
from tests.small_line import dvc, replace

SEARCH = Path(".groundwork/search/k")


@pytest.fixture
def run_trial(line: Repository, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, float], str]:
    """Run a trial of an lr in a copy; the Git reference of its experiment."""
    with (line.folder / ".git/info/exclude").open("a", encoding="utf-8") as file:
        file.write("/.groundwork/\n")
    for name, value in line.environment.items():
        monkeypatch.setenv(name, value)

    def run(name: str, lr: float) -> str:
        taken = copies.snapshot(line.folder, str(line.folder / ".dvc/cache"))
        copy = line.folder / SEARCH / "worker-1"
        copies.make(copy, taken)
        begun = process.begin(name, {"lr": lr}, copy=copy, home=line.folder / SEARCH / "told", environment={})
        assert begun.popen.wait(60) == 0, begun.log.read_text(encoding="utf-8")
        assert copies.bring(taken, copy, name)
        return copies.reference(line.folder, taken.head, name)

    return run


def names(line: Repository, revision: str) -> list[str]:
    return line.type("git", "ls-tree", "-r", "--name-only", revision, "--", "metrics").split()


def test_an_experiment_of_a_trial_holds_no_result_of_evaluate(line: Repository, run_trial: Callable) -> None:
    assert names(line, "HEAD") == ["metrics/evaluate.json", "metrics/finetune.json"]
    trial = run_trial("search-k-000", 3e-4)
    assert names(line, trial) == ["metrics/finetune.json"]
    locked = line.type("git", "show", f"{trial}:dvc.lock")
    assert [name for name in ("encode:", "finetune:", "evaluate:") if name in locked] == ["encode:", "finetune:"]
    assert line.type("git", "status", "--porcelain") == ""


def test_what_is_changed_and_not_committed_is_in_the_trial_but_not_its_test_score(
    line: Repository, run_trial: Callable
) -> None:
    replace(line, "params.yaml", "seed: 42", "seed: 43")
    dvc(line, "repro")
    line.type("git", "add", "dvc.lock")
    trial = run_trial("search-k-000", 3e-4)
    assert names(line, trial) == ["metrics/finetune.json"]
    assert line.type("git", "show", f"{trial}:params.yaml").split() == ["lr:", "0.0003", "seed:", "43"]


def test_dvc_exp_show_has_no_test_score_of_the_commit_beside_a_trial(line: Repository, run_trial: Callable) -> None:
    run_trial("search-k-000", 3e-4)
    shown = json.loads(line.type("dvc", "exp", "show", "--json"))
    commit, (trial,) = shown[1], shown[1]["experiments"]
    assert commit["data"]["metrics"]["metrics/evaluate.json"]["data"] == {"accuracy": 1.0, "samples": 4}
    assert trial["name"] == "search-k-000"
    metrics = trial["revs"][0]["data"]["metrics"]
    assert metrics["metrics/finetune.json"]["data"] == {"epochs": 4}
    assert set(metrics["metrics/evaluate.json"]) == {"error"}


def test_a_trial_that_is_taken_up_is_evaluated_once_and_not_trained_again(
    line: Repository, run_trial: Callable
) -> None:
    run_trial("search-k-000", 3e-4)
    line.type("sh", "-c", "dvc exp apply search-k-000; true")
    assert not (line.folder / "metrics/evaluate.json").exists()
    assert ran(line.type("dvc", "repro")) == ["evaluate"]
    assert json.loads((line.folder / "metrics/evaluate.json").read_text())["accuracy"] == 0.9523
    assert ran(line.type("dvc", "repro")) == []


def test_a_line_that_dvc_cannot_read_is_told(line: Repository, tmp_path: Path) -> None:
    (line.folder / "dvc.yaml").write_text("stages: []\n", encoding="utf-8")
    taken = copies.snapshot(line.folder, "")
    with pytest.raises(UserError, match="DVC cannot read the line: "):
        copies.make(tmp_path / "copy", taken)


def test_a_new_line_without_dvc_lock_in_git_is_copied_too(line: Repository, run_trial: Callable) -> None:
    line.type("git", "rm", "--quiet", "--cached", "dvc.lock")
    line.type("git", "commit", "--quiet", "--message", "without dvc.lock")
    assert names(line, run_trial("search-k-000", 3e-4)) == ["metrics/finetune.json"]
