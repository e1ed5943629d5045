"""What the members of a run come to together: the one that is saved, metrics, and out-of-fold predictions.

Legend: N original training samples, V of validation, K classes.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from stages.core import report, tables
from stages.tasks.spread import member_table, spread
from stages.tasks.task import Array, Task
from stages.training.members import Data, Result
from stages.training.objective import rank
from stages.training.results import scores_of, summary, take_over


def best_of(results: Sequence[Result], best_by: str, task: Task) -> Result:
    """The member whose best epoch is the best on validation, the first of those that rank alike."""
    return min(results, key=lambda result: rank(result.best, best_by, task))


def metrics_of(
    results: Sequence[Result], best: Result, validation: int, *, epochs_asked: int | None = None
) -> dict[str, Any]:
    """The content of metrics/finetune.json: of the saved member and, of several, each one, mean and deviation.

    Args:
        validation: samples.
        epochs_asked: those of params.yaml, where `min_updates` has raised them.
    """
    found = summary(best.history, best.counts, best.samples, validation, epochs_asked=epochs_asked)
    if len(results) == 1:
        return found
    members = {
        result.member.name: {
            "train": result.samples,
            "epochs": len(result.history.epochs),
            "best_epoch": result.history.best_epoch,
            "train_loss": round(result.best["train_loss"], 6),
            "validation": scores_of(result.best),
        }
        for result in results
    }
    return {**found, "saved": best.member.name, **spread([scores_of(one.best) for one in results]), "members": members}


def show(metrics: dict[str, Any], shown: Sequence[str]) -> None:
    """A table of several members: validation scores of each, mean and deviation."""
    if "members" in metrics:
        scores = {name: one["validation"] for name, one in metrics["members"].items()}
        title, header, rows = member_table({**metrics, "members": scores}, shown)
        report.table(f"{title}, on validation; saved: {metrics['saved']}", header, rows)


def write_members(results: Sequence[Result], best: Result) -> None:
    """models/members: the weights of all members but the saved one, and members.json, which names them all.

    It is empty in an ordinary run. The processor of all of them stands in models/model.
    """
    several = len(results) > 1
    with tables.new_folder("models/members") as folder:
        listed = []
        for result in results if several else ():
            name = result.member.name
            path = "models/model" if result is best else f"models/members/{name}"
            listed.append({"name": name, "fold": result.member.fold, "seed": result.member.seed, "path": path})
            if result is not best:
                take_over(result.folder, folder / name)
        tables.write_json(folder / "members.json", {"members": listed})


def write_out_of_fold(data: Data, results: Sequence[Result], task: Task) -> None:
    """models/out_of_fold.parquet; see `out_of_fold`."""
    tables.write_file("models/out_of_fold.parquet", out_of_fold(data, results, task))


def out_of_fold(data: Data, results: Sequence[Result], task: Task) -> pa.Table:
    """Predictions by models that were not trained on the sample; no rows where no folds were left out.

    Each of the N originals of training is predicted by the members that left its fold out, each of the V samples of
    validation by all members: with several, the mean of their outputs.
    """
    folds = sorted({result.member.fold for result in results if result.member.fold is not None})
    inputs = data.train.inputs
    rows = np.concatenate([np.arange(0), *(data.train.held_out(fold) for fold in folds)])
    outputs = [_mean([one.outputs["held_out"] for one in results if one.member.fold == fold]) for fold in folds]
    order = np.argsort(rows, kind="stable")
    empty = task.outputs(np.zeros((0, len(task.names)), dtype=np.float32))
    table = task.predictions(
        inputs.part(rows[order]).ids,
        inputs.labels[rows[order]],
        np.concatenate([empty, *outputs])[order],
    )
    parts = [_placed(table, "train", data.train.folds[rows[order]])]
    if folds:
        judged = _mean([result.outputs["validation"] for result in results])
        table = task.predictions(data.validation.inputs.ids, data.validation.inputs.labels, judged)
        parts.append(_placed(table, "validation", None))
    return pa.concat_tables(parts)


def _mean(outputs: Sequence[Array]) -> Array:
    found: Array = np.mean(np.stack(outputs), axis=0)
    return found


def _placed(table: pa.Table, split: str, folds: Array | None) -> pa.Table:
    """The table with its split and, of training samples, their folds as second and third columns."""
    numbers = pa.nulls(len(table), pa.int32()) if folds is None else pa.array(folds, pa.int32())
    names = pa.array([split] * len(table), pa.string())
    return table.add_column(1, "split", names).add_column(2, "fold", numbers)
