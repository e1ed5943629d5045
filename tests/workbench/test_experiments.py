"""`make experiments`, in a small line with real experiments of DVC: what it shows, and that its commands work."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from stages.core import report
from tests.repository import Repository
from tests.small_line import dvc, replace
from workbench import experiments

Show = Callable[..., list[str]]
GO_BACK = "git checkout HEAD -- params.yaml dvc.lock metrics && dvc checkout"


@pytest.fixture
def show(line: Repository, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Show:
    """What `python -m workbench.experiments` prints in the small line, at 80 columns, with single spaces."""
    monkeypatch.chdir(line.folder)
    monkeypatch.setattr(report.console, "width", 80)
    for name, value in line.environment.items():
        monkeypatch.setenv(name, value)

    def typed(*arguments: str) -> list[str]:
        capsys.readouterr()
        assert experiments.main(arguments) == 0
        shown = capsys.readouterr().out.splitlines()
        assert "--all" in arguments or max(map(len, shown)) <= 80
        return [" ".join(row.split()) for row in shown if row.strip()]

    return typed


def add_experiment(line: Repository, name: str, files: Mapping[str, str | None]) -> None:
    """An experiment of the last commit with other files, as DVC would have made it; None: without that file."""
    commit = line.type("git", "rev-parse", "HEAD").strip()
    for path, text in files.items():
        (line.folder / path).unlink() if text is None else (line.folder / path).write_text(text, encoding="utf-8")
    line.type("git", "add", "--all")
    made = line.type("git", "commit-tree", line.type("git", "write-tree").strip(), "-p", commit, "-m", name).strip()
    line.type("git", "update-ref", f"refs/exps/{commit[:2]}/{commit[2:]}/{name}", made)
    line.type("git", "reset", "--quiet", "--hard")


def scores(validation: float) -> str:
    return json.dumps({"validation": {"macro_f1": validation}})


def test_the_workspace_the_commit_and_its_experiments_stand_below_each_other(line: Repository, show: Show) -> None:
    dvc(line, "exp", "run", "-S", "lr=3e-4", "--name", "faster")
    assert show() == [
        "test",
        "experiment lr accuracy",
        "─" * 30,
        "workspace 0.0003 0.9523",
        "main 0.0001 1.0000",
        "faster 0.0003 0.9523",
        "The workspace has lr 0.0003, the commit 0.0001: the next `dvc exp run -S …`",
        "builds on the workspace.",
        "To go back to the commit (changes in these files are lost; dvc repro makes what",
        "the cache lacks):",
        GO_BACK,
        "To take an experiment up (dvc repro evaluates one that was not) or drop it:",
        "dvc exp apply NAME",
        "dvc exp remove NAME",
    ]


def test_without_experiments_it_says_on_what_the_first_one_builds(show: Show) -> None:
    assert show()[3:] == [
        "workspace 1.0000",
        "main 1.0000",
        "The workspace has the params of the commit. `dvc exp run -S …` builds on the",
        "workspace, and leaves its values there.",
    ]


@pytest.mark.parametrize("staged", [False, True])
def test_what_it_says_to_type_goes_back_to_the_commit_takes_up_and_drops(
    line: Repository, show: Show, staged: bool
) -> None:
    dvc(line, "exp", "run", "-S", "lr=3e-4", "--name", "faster")
    if staged:
        line.type("git", "add", "--all")
    assert GO_BACK in show()
    line.type("sh", "-c", GO_BACK)
    assert line.type("git", "status", "--porcelain") == ""
    assert "up to date" in line.type("dvc", "status")
    assert (line.folder / "models/model/weights").read_text(encoding="utf-8").startswith("1e-4")
    assert GO_BACK not in show()
    line.type("dvc", "exp", "apply", "faster")
    assert show()[3] == "workspace 0.0003 0.9523"
    line.type("dvc", "exp", "remove", "faster")
    assert "dvc exp remove NAME" not in show()


def test_scores_of_other_params_are_not_shown_beside_those_of_the_workspace(line: Repository, show: Show) -> None:
    replace(line, "params.yaml", "lr: 1e-4", "lr: 2e-4")
    assert show()[3:5] == ["workspace 0.0002 –", "main 0.0001 1.0000"]
    assert "–: not measured with these params" in show()


def test_a_commit_whose_params_were_not_run_shows_no_scores_of_others(line: Repository, show: Show) -> None:
    replace(line, "params.yaml", "1e-4", "3e-4")
    line.commit()
    assert {"workspace", "main"} <= set(show()), "no score beside them"
    dvc(line, "repro")
    line.commit()
    assert {"workspace 0.9523", "main 0.9523"} <= set(show())


def test_an_experiment_that_was_not_evaluated_has_no_score_though_the_commits_stands_in_it(
    line: Repository, show: Show
) -> None:
    line.type("dvc", "exp", "run", "--temp", "--name", "half", "-S", "lr=3e-4", "finetune")
    listed = line.type("git", "for-each-ref", "--format=%(refname)", "refs/exps/*/*/half").strip()
    assert json.loads(line.type("git", "show", f"{listed}:metrics/evaluate.json"))["accuracy"] == 1.0
    assert "half 0.0003 –" in show()


def test_what_waits_or_failed_is_marked_and_has_no_scores(line: Repository, show: Show) -> None:
    line.type("dvc", "exp", "run", "--queue", "--name", "waiting", "-S", "lr=3e-4")
    assert "waiting queued 0.0003 –" in show()


def test_rows_that_cannot_be_read_are_told_and_the_others_shown(line: Repository, show: Show) -> None:
    add_experiment(line, "no-params", {"params.yaml": "lr: [1, 2\n"})
    add_experiment(line, "no-line", {"dvc.yaml": "stages: []\n"})
    add_experiment(line, "odd-metrics", {"metrics/evaluate.json": "{"})
    add_experiment(line, "no-metrics", {"metrics/evaluate.json": None, "metrics/finetune.json": None})
    shown = show()
    rows = [row for row in shown[3:9] if row]
    assert {"no-params unreadable –", "no-line unreadable –", "odd-metrics –", "no-metrics –"} <= set(rows)
    assert [row.split(":")[0] for row in shown if "cannot be read" in row] == [
        "no-line cannot be read",
        "no-params cannot be read",
    ]


def test_params_with_markup_and_long_values_neither_break_the_table_nor_its_width(line: Repository, show: Show) -> None:
    names = "".join(f"param_number_{number}: {number}\n" for number in range(40))
    add_experiment(line, "x" * 70, {"params.yaml": f"lr: 1e-4\nseed: '[red]{'y' * 500}[/red]'\n{names}"})
    shown = show()
    assert any("Left out, for 80 columns: " in row and "param_number_" in row for row in shown)
    assert any("[red]" + "y" * 494 in row for row in show("--all"))


def test_the_scores_of_a_row_fit_and_what_does_not_is_named(line: Repository, show: Show) -> None:
    test = json.dumps({"accuracy": 0.9, "macro_f1": 0.8, "roc_auc": 0.7, "log_loss": 0.6, "ece": 0.1})
    add_experiment(line, "whole", {"metrics/finetune.json": scores(0.75), "metrics/evaluate.json": test})
    shown = show()
    assert shown[:2] == [
        "validation test test test test test",
        "experiment macro_f1 macro_f1 accuracy roc_auc log_loss ece",
    ]
    assert "whole 0.7500 0.8000 0.9000 0.7000 0.6000 0.1000" in shown
    add_experiment(line, "other", {"params.yaml": "lr: 0.00012345\nseed: 'twelve thousand'\n"})
    shown = show()
    assert shown[1] == "experiment lr seed macro_f1 macro_f1 accuracy"
    assert "Left out, for 80 columns: test roc_auc, test log_loss, test ece. All: python -m" in shown
    assert show("--all")[1].endswith("log_loss ece")


def test_of_hundreds_of_experiments_the_newest_are_shown(
    line: Repository, show: Show, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(experiments, "NEWEST", 3)
    for number in range(5):
        monkeypatch.setitem(line.environment, "GIT_COMMITTER_DATE", f"2026-01-0{number + 1}T00:00:00Z")
        add_experiment(line, f"n-{number}", {"params.yaml": f"lr: {number + 1}.0\nseed: 42\n"})
    shown = show()
    assert [row.split()[0] for row in shown[5:8]] == ["n-4", "n-3", "n-2"]
    assert "Older experiments, not shown: 2. All: python -m workbench.experiments --all" in shown
    assert [row.split()[0] for row in show("--all")[5:10]] == ["n-4", "n-3", "n-2", "n-1", "n-0"]


def test_experiments_of_earlier_commits_are_counted_and_shown_when_asked_for(line: Repository, show: Show) -> None:
    add_experiment(line, "earlier", {"params.yaml": "lr: 1.0\nseed: 42\n"})
    commit = line.type("git", "rev-parse", "--short=7", "HEAD").strip()
    line.type("git", "commit", "--quiet", "--allow-empty", "--message", "later")
    assert "Experiments of other commits: 1. Those of the last five commits: python -m" in show()
    rows = show("-n", "2")[3:7]
    assert [row.split()[0] for row in rows] == ["workspace", "main", commit, "earlier"]
    assert [row.split()[0] for row in show("--rev", "HEAD~1")[3:6]] == ["workspace", "HEAD~1", "earlier"]


def test_without_a_repository_a_commit_or_such_a_revision_it_says_what_to_do(
    line: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def told(*arguments: str) -> str:
        assert experiments.main(arguments) == 2
        return capsys.readouterr().err.splitlines()[0]

    for name, value in line.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(line.folder)
    assert told("--rev", "nowhere") == "nowhere: no commit has this name"
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    assert told() == "this folder is in no Git repository"
    subprocess.run(["git", "init", "--quiet"], check=True)
    assert told() == "there is no commit yet, and experiments belong to one"
    subprocess.run(["git", "commit", "--quiet", "--allow-empty", "--message", "first"], check=True)
    assert told().startswith("DVC cannot tell of experiments: you are not inside of a DVC repository")


def test_it_ends_well_when_it_is_typed(line: Repository) -> None:
    root = Path(experiments.__file__).parents[1]
    environment = line.environment | {"PYTHONPATH": str(root), "PYTHONSAFEPATH": "1"}
    command = [sys.executable, "-m", "workbench.experiments"]
    done = subprocess.run(command, cwd=line.folder, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
