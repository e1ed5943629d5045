"""Learning curves as files that `dvc plots` draws."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.csv

from stages.core import tables
from stages.training.objective import CLASSES
from stages.training.progress import TRAIN, History

POINTS = 200
Point = dict[str, object]


def write_curves(
    folder: Path,
    history: History,
    shown: Sequence[str] = CLASSES.task.shown,
    members: Mapping[str, History] | None = None,
) -> None:
    """`loss.csv`: training and validation loss an epoch; `scores.csv`: validation scores, and the one that training
    batches give, too; `steps.csv`: every step, thinned to about 200 points. `shown` names the loss on validation, then
    the scores.

    Of several members, by name, the first two hold all in the same series, told apart by the column `member`; the steps
    are those of `history`.
    """
    losses: list[Point] = []
    scores: list[Point] = []
    for name, one in (members or {"": history}).items():
        own: Point = {"member": name} if members else {}
        losses += [{**point, **own} for point in loss_points(one, shown[0])]
        scores += [{**point, **own} for point in score_points(one, shown[1:])]
    stride = max(len(history.steps) // POINTS, 1)
    steps: list[Point] = [
        {
            "step": int(row["step"]),
            "loss": float(f"{row['loss']:.6g}"),
            "lr": float(f"{row['lr']:.6g}"),
            "grad_norm": float(f"{row['grad_norm']:.6g}"),
        }
        for row in history.steps[::stride]
    ]
    with tables.new_folder(folder) as target:
        for name, rows in (("loss", losses), ("scores", scores), ("steps", steps)):
            write_csv(target / f"{name}.csv", rows)


def loss_points(history: History, loss: str) -> list[Point]:
    """The loss of each epoch in training and, as it is called there, on validation."""
    return [
        {"epoch": int(row["epoch"]), "series": split, "loss": round(row[name], 6)}
        for row in history.epochs
        for split, name in (("train", "train_loss"), ("validation", loss))
    ]


def score_points(history: History, names: Sequence[str]) -> list[Point]:
    """The scores of each epoch on validation, those that are defined, and in training, as `accuracy (training)`."""
    series = {name: name for name in names} | {f"{TRAIN}{name}": f"{name} (training)" for name in names}
    return [
        {"epoch": int(row["epoch"]), "series": shown, "value": round(row[name], 6)}
        for row in history.epochs
        for name, shown in series.items()
        if name in row
    ]


def write_csv(path: Path, rows: Sequence[Point]) -> None:
    """Rows of the same keys as CSV with a header."""
    pa.csv.write_csv(pa.Table.from_pylist(list(rows)), path, pa.csv.WriteOptions(quoting_style="needed"))
