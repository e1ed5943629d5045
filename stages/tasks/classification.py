"""Classification: how predictions are scored.

The predicted class is the most probable one, the first of equals. Macro averages go over the classes that
occur in gold or are predicted, where a class that is never predicted has precision 0 and one that never
occurs has recall 0, as in scikit-learn. ROC-AUC is one against rest, averaged over the classes that have
positives and negatives; with two classes it is that of the second (positive) one. A value that the samples do
not define is left out.

Legend: N samples, K classes. `gold` (N,) holds classes 0 to K - 1; rows of `probabilities` (N, K) sum to 1.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stages.tasks.bootstrap import intervals
from stages.tasks.calibration import Floats, Integers, expected_calibration_error
from stages.tasks.task import check_finite, rounded, rows_of
from stages.tasks.weighted import ranked_classes, scorer

HEADLINE = ("accuracy", "macro_f1", "macro_precision", "macro_recall", "roc_auc", "log_loss", "ece")
LOWER_IS_BETTER = frozenset({"log_loss", "ece"})


def probabilities_of(logits: npt.NDArray[Any]) -> Floats:
    """Softmax of logits (N, K) in double precision.

    Raises:
        UserError: a logit is not finite, as after a training run that diverged.
    """
    check_finite(logits)
    powers = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float64)


def headline(gold: Integers, probabilities: Floats, *, bins: int) -> dict[str, float]:
    """The headline metrics that the samples define, each 0 to 1 but the log loss (0 up, in nats)."""
    from sklearn.metrics import accuracy_score, log_loss, precision_recall_fscore_support

    predicted = probabilities.argmax(axis=1)
    precision, recall, f1, _ = precision_recall_fscore_support(gold, predicted, average="macro", zero_division=0)
    values = {
        "accuracy": accuracy_score(gold, predicted),
        "macro_f1": f1,
        "macro_precision": precision,
        "macro_recall": recall,
        "roc_auc": roc_auc(gold, probabilities),
        "log_loss": log_loss(gold, probabilities, labels=np.arange(probabilities.shape[1])),
        "ece": expected_calibration_error(gold, probabilities, bins=bins),
    }
    return {name: float(value) for name, value in values.items() if value is not None}


def roc_auc(gold: Integers, probabilities: Floats) -> float | None:
    """Macro ROC-AUC, one against rest; None where no class has both positives and negatives."""
    from sklearn.metrics import roc_auc_score

    classes = ranked_classes(gold, probabilities.shape[1])
    values = [roc_auc_score(gold == k, probabilities[:, k]) for k in classes]
    return float(np.mean(values)) if values else None


def per_class(gold: Integers, probabilities: Floats, labels: Sequence[str]) -> dict[str, dict[str, float]]:
    """Precision, recall, F1, support by label; support alone if a class neither occurs nor is predicted."""
    from sklearn.metrics import precision_recall_fscore_support

    predicted = probabilities.argmax(axis=1)
    columns = precision_recall_fscore_support(gold, predicted, labels=np.arange(len(labels)), zero_division=0)
    found: dict[str, dict[str, float]] = {}
    for k, label in enumerate(labels):
        precision, recall, f1, support = (column[k] for column in columns)
        found[label] = {"support": int(support)}
        if support or (predicted == k).any():
            found[label] |= {"precision": float(precision), "recall": float(recall), "f1": float(f1)}
    return found


def baseline(gold: Integers, train_counts: Sequence[int]) -> dict[str, float]:
    """Accuracy, macro F1 and log loss of always answering with the class shares of training (K counts)."""
    shares = np.array(train_counts, dtype=np.float64) / sum(train_counts)
    values = headline(gold, np.tile(shares, (len(gold), 1)), bins=1)
    return {name: values[name] for name in ("accuracy", "macro_f1", "log_loss")}


def summary(
    gold: Integers,
    probabilities: Floats,
    labels: Sequence[str],
    train_counts: Sequence[int],
    *,
    bins: int,
    resamples: int,
    confidence: float,
    seed: int,
) -> dict[str, Any]:
    """The content of metrics/evaluate.json: headline values, their intervals, per class, and the baseline."""
    score = scorer(gold, probabilities, bins=bins)
    spans = intervals(score, len(gold), resamples=resamples, confidence=confidence, seed=seed)
    content = {
        **headline(gold, probabilities, bins=bins),
        "samples": len(gold),
        "interval": {name: {"low": low, "high": high} for name, (low, high) in spans.items()},
        "per_class": per_class(gold, probabilities, labels),
        "baseline": baseline(gold, train_counts),
    }
    found: dict[str, Any] = rounded(content)
    return found


def predictions(ids: Sequence[str], gold: Integers, probabilities: Floats, labels: Sequence[str]) -> pa.Table:
    """One row a sample: id, gold, prediction, and `probability.LABEL` for each class."""
    names = np.array(labels, dtype=object)
    return pa.table(
        {
            "id": pa.array(ids, pa.string()),
            "gold": pa.array(names[gold], pa.string()),
            "prediction": pa.array(names[probabilities.argmax(axis=1)], pa.string()),
        }
        | {f"probability.{label}": probabilities[:, k] for k, label in enumerate(labels)}
    )


def headline_rows(metrics: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Rows as `stages.tasks.task.headline_header` says, from the content of metrics/evaluate.json."""
    return rows_of(metrics, HEADLINE, LOWER_IS_BETTER)
