"""The data behind the plots: which class is taken for which, and one-against-rest curves.

Legend: N samples, K classes.
"""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stages.tasks.calibration import Floats, Integers, reliability

POINTS = 200
"""Points kept of a curve: as many as a screen can show, and small files whatever the number of samples."""


def plots(gold: Integers, probabilities: Floats, labels: Sequence[str], *, bins: int) -> dict[str, pa.Table]:
    """The data of each plot that dvc.yaml declares, by file name."""
    return {
        "confusion": confusion(gold, probabilities, labels),
        "roc": roc(gold, probabilities, labels),
        "precision_recall": precision_recall(gold, probabilities, labels),
        "reliability": reliability(gold, probabilities, bins=bins),
    }


def confusion(gold: Integers, probabilities: Floats, labels: Sequence[str]) -> pa.Table:
    """Actual and predicted label of each sample, as DVC's confusion template counts them."""
    names = np.array(labels, dtype=object)
    return pa.table({"actual": pa.array(names[gold]), "predicted": pa.array(names[probabilities.argmax(axis=1)])})


def roc(gold: Integers, probabilities: Floats, labels: Sequence[str]) -> pa.Table:
    """False and true positive rate by class, from (0, 0) to (1, 1)."""
    from sklearn.metrics import roc_curve

    return _by_class(gold, probabilities, labels, ("fpr", "tpr"), lambda right, score: roc_curve(right, score)[:2])


def precision_recall(gold: Integers, probabilities: Floats, labels: Sequence[str]) -> pa.Table:
    """Recall and precision by class, from recall 0 (precision 1 by convention) to recall 1."""
    from sklearn.metrics import precision_recall_curve

    def curve(right: npt.NDArray[np.bool_], score: Floats) -> tuple[Floats, Floats]:
        precision, recall, _ = precision_recall_curve(right, score, drop_intermediate=True)
        return recall[::-1], precision[::-1]

    return _by_class(gold, probabilities, labels, ("recall", "precision"), curve)


def _by_class(
    gold: Integers,
    probabilities: Floats,
    labels: Sequence[str],
    axes: tuple[str, str],
    curve: Callable[[npt.NDArray[np.bool_], Floats], tuple[Floats, Floats]],
) -> pa.Table:
    """Rows (class, x, y); classes without positives or without negatives have no curve."""
    schema = pa.schema([("class", pa.string()), (axes[0], pa.float64()), (axes[1], pa.float64())])
    parts = [schema.empty_table()]
    for k, label in enumerate(labels):
        right = gold == k
        if right.any() and not right.all():
            x, y = thin(*curve(right, probabilities[:, k]))
            parts.append(pa.table([[label] * len(x), x.round(6), y.round(6)], schema=schema))
    return pa.concat_tables(parts)


def thin(x: Floats, y: Floats, points: int = POINTS) -> tuple[Floats, Floats]:
    """At most `points` points of a curve, evenly spread along its length |dx| + |dy|, both ends included."""
    if len(x) <= points:
        return x, y
    travelled = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))])
    kept = np.searchsorted(travelled, np.linspace(0.0, travelled[-1], points))
    kept[0], kept[-1] = 0, len(x) - 1
    kept = np.unique(kept)
    return x[kept], y[kept]
