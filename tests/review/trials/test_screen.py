"""The table of trials."""

import io

import optuna
import pytest
from optuna.trial import TrialState
from rich.console import Console

from review.trials import plot, screen
from review.trials import study as studies
from stages.core import report


@pytest.fixture
def study() -> optuna.Study:
    """Two that are done, one pruned, one failed, one that was interrupted and is to be run again, and a repeat."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    made = optuna.create_study(direction="minimize")
    of = {"lr": optuna.distributions.FloatDistribution(1e-6, 1.0)}
    for lr, state, value in (
        (3.1e-5, TrialState.COMPLETE, 0.5),
        (1e-4, TrialState.COMPLETE, 0.25),
        (0.5, TrialState.PRUNED, None),
        (0.9, TrialState.FAIL, None),
    ):
        trial = made.ask(of)
        trial.set_user_attr(studies.VALUES, {"lr": lr, "finetune.mixup": None})
        trial.set_user_attr(studies.SECONDS, 12.4)
        if state == TrialState.PRUNED:
            trial.report(2.5, 1)
            trial.report(3.5, 2)
        made.tell(trial, value, state=state)
    studies.put_back(made, made.ask(of).number, {"lr": 0.1})
    repeat = made.ask(of)
    repeat.set_user_attr(studies.VALUES, {"lr": 1e-4, "finetune.mixup": None})
    repeat.set_user_attr(studies.SAME_AS, 1)
    made.tell(repeat, 0.25)
    return made


def test_every_trial_but_those_that_are_run_again_is_told_with_its_state(study: optuna.Study) -> None:
    keys = ["lr", "finetune.mixup"]
    assert screen.header(keys, "log_loss") == ["trial", "state", "lr", "mixup", "log_loss", "seconds"]
    assert screen.header(["a.p", "b.p"], "r2") == ["trial", "state", "a.p", "b.p", "r2", "seconds"]
    assert [screen.row(trial, keys, None) for trial in studies.tried(study)] == [
        ["0", "done", "3.1e-05", "None", "0.5000", "12"],
        ["1", "done", "0.0001", "None", "0.2500", "12"],
        ["2", "pruned", "0.5", "None", "3.5000 in epoch 2", "12"],
        ["3", "failed", "0.9", "None", "", "12"],
        ["5", "as trial 1", "0.0001", "None", "0.2500", ""],
    ]


def test_the_best_is_the_first_of_equals_and_pruned_trials_keep_their_last_score(study: optuna.Study) -> None:
    best = screen.best_of(study)
    assert best is not None and best.number == 1
    assert [plot.reached(trial) for trial in studies.tried(study)] == [0.5, 0.25, 3.5, None, None]


def test_in_a_terminal_the_table_is_drawn_anew(study: optuna.Study, monkeypatch: pytest.MonkeyPatch) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    monkeypatch.setattr(report, "console", console)
    with screen.Screen(study, objective="log_loss", keys=["lr"], trials=20) as seen:
        seen.show({})
    assert "4 of 20 trials, best log_loss so far: 0.2500 (trial 1)" in console.file.getvalue()  # type: ignore[attr-defined]


def test_elsewhere_each_trial_that_ends_is_a_line(study: optuna.Study) -> None:
    with report.console.capture() as told, screen.Screen(study, objective="log_loss", keys=["lr"], trials=20) as seen:
        trial = study.ask()
        seen.show({})
        trial.set_user_attr(studies.VALUES, {"lr": 0.25})
        study.tell(trial, 0.125)
        seen.show({})
        seen.show({})
    assert told.get() == "6 done 0.25 0.1250\n"
