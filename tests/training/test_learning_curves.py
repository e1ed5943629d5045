"""The learning curves' files, as `dvc plots` reads them."""

from pathlib import Path

import pytest

from stages.training.curves import write_curves
from stages.training.progress import History


def history(steps: int) -> History:
    made = History(best_epoch=2)
    made.steps = [{"step": n + 1, "loss": 1 / (n + 3), "lr": 1e-5 * n, "grad_norm": 2.0} for n in range(steps)]
    made.epochs = [
        {
            "epoch": n,
            "train_loss": 1 / n,
            "train_accuracy": n / 4,
            "log_loss": 2 / n,
            "accuracy": n / 3,
            "macro_f1": n / 7,
            "ece": 0.5,
        }
        for n in (1, 2)
    ]
    return made


def test_losses_and_scores_are_a_row_an_epoch_and_series(tmp_path: Path) -> None:
    write_curves(tmp_path / "plots", history(3))
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["loss.csv", "plots", "scores.csv", "steps.csv"]
    assert (tmp_path / "plots/loss.csv").read_text().splitlines() == [
        '"epoch","series","loss"',
        '1,"train",1',
        '1,"validation",2',
        '2,"train",0.5',
        '2,"validation",1',
    ]
    assert (tmp_path / "plots/scores.csv").read_text().splitlines() == [
        '"epoch","series","value"',
        '1,"accuracy",0.333333',
        '1,"macro_f1",0.142857',
        '1,"accuracy (training)",0.25',
        '2,"accuracy",0.666667',
        '2,"macro_f1",0.285714',
        '2,"accuracy (training)",0.5',
    ]
    assert (tmp_path / "plots/steps.csv").read_text().splitlines() == [
        '"step","loss","lr","grad_norm"',
        "1,0.333333,0,2",
        "2,0.25,0.00001,2",
        "3,0.2,0.00002,2",
    ]


@pytest.mark.parametrize(("steps", "points"), [(1, 1), (200, 200), (399, 399), (400, 200), (100_000, 200)])
def test_many_steps_are_thinned(tmp_path: Path, steps: int, points: int) -> None:
    write_curves(tmp_path / "plots", history(steps))
    assert len((tmp_path / "plots/steps.csv").read_text().splitlines()) == 1 + points


def test_older_curves_are_replaced(tmp_path: Path) -> None:
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots/other.csv").write_text("a\n")
    write_curves(tmp_path / "plots", history(3))
    assert not (tmp_path / "plots/other.csv").exists()
