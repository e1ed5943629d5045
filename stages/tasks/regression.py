"""Regression: how predicted values are scored.

Mean squared and mean absolute error; R2 = 1 - squared error / squared deviation from the mean of gold; Pearson's
correlation, and Spearman's: Pearson's of the ranks, equals sharing their mean rank (as scikit-learn and SciPy have
them). Where all gold values are equal R2 is undefined, and the correlations too, as where all predictions are: they
are left out.

Legend: N samples, R resamples. `gold` and `predicted` (N,) are in the unit of the data. `weights` (R, N) says how
often each resample holds each sample.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stages.tasks.bootstrap import Score, intervals
from stages.tasks.mistakes import Row, one_line
from stages.tasks.task import rounded, rows_of

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

HEADLINE = ("mse", "mae", "r2", "pearson", "spearman")
LOWER_IS_BETTER = frozenset({"mse", "mae"})
HEADER = ("id", "gold", "prediction", "error", "text")
POINTS = 2_000
"""Points of the scatter and residual plots: as many as a screen can show."""


def scorer(gold: Floats, predicted: Floats) -> Score:
    """A function from weights (R, N) to the headline metrics (R,) of those resamples, NaN where undefined."""
    error = predicted - gold
    x, y = gold - gold.mean(), predicted - predicted.mean()  # near 0, sums of squares lose no digits
    columns = np.stack([error**2, np.abs(error), x, x**2], axis=1)
    in_gold, in_predicted = _Ties(gold), _Ties(predicted)

    def score(weights: Floats) -> dict[str, Floats]:
        total = weights.sum(axis=1)
        mse, mae, mean, square = (weights @ columns / total[:, None]).T
        golds, predictions = in_gold.counts(weights), in_predicted.counts(weights)
        differ = (golds > 0).sum(axis=1) > 1
        both = differ & ((predictions > 0).sum(axis=1) > 1)
        spread = np.where(differ, square - mean**2, 0.0)
        unexplained = np.divide(mse, spread, out=np.full(len(weights), np.nan), where=spread > 0)
        ranks = in_gold.ranks(golds), in_predicted.ranks(predictions)
        return {
            "mse": mse,
            "mae": mae,
            "r2": 1 - unexplained,
            "pearson": np.where(both, _correlation(weights, x[None, :], y[None, :]), np.nan),
            "spearman": np.where(both, _correlation(weights, *ranks), np.nan),
        }

    return score


class _Ties:
    """The groups of equal values among N, in rising order."""

    def __init__(self, values: Floats) -> None:
        _, self._group = np.unique(values, return_inverse=True)
        self._order = np.argsort(self._group, kind="stable")
        self._starts = np.flatnonzero(np.diff(self._group[self._order], prepend=-1))

    def counts(self, weights: Floats) -> Floats:
        """How often each resample holds a value of each group: (R, groups)."""
        found: Floats = np.add.reduceat(weights[:, self._order], self._starts, axis=1)
        return found

    def ranks(self, counts: Floats) -> Floats:
        """The mean rank of each of the N values within each resample: (R, N)."""
        means = np.cumsum(counts, axis=1) - (counts - 1) / 2
        found: Floats = means[:, self._group]
        return found


def _correlation(weights: Floats, x: Floats, y: Floats) -> Floats:
    """Pearson's correlation (R,) of x and y, (R, N) or (1, N), each counted as often as its weight says."""
    total = weights.sum(axis=1, keepdims=True)
    x = x - (weights * x).sum(axis=1, keepdims=True) / total
    y = y - (weights * y).sum(axis=1, keepdims=True) / total
    scale = np.sqrt((weights * x * x).sum(axis=1) * (weights * y * y).sum(axis=1))
    found = np.full(len(weights), np.nan)
    np.divide((weights * x * y).sum(axis=1), scale, out=found, where=scale > 0)
    return found.clip(-1, 1)


def headline(gold: Floats, predicted: Floats) -> dict[str, float]:
    """The headline metrics that the samples define: errors from 0 up, R2 at most 1, correlations -1 to 1."""
    values = scorer(gold, predicted)(np.ones((1, len(gold))))
    return {name: float(value[0]) for name, value in values.items() if not np.isnan(value[0])}


def summary(
    gold: Floats, predicted: Floats, train_mean: float, *, resamples: int, confidence: float, seed: int
) -> dict[str, Any]:
    """The content of metrics/evaluate.json: headline values, their intervals, and those of the training mean."""
    spans = intervals(scorer(gold, predicted), len(gold), resamples=resamples, confidence=confidence, seed=seed)
    content = {
        **headline(gold, predicted),
        "samples": len(gold),
        "interval": {name: {"low": low, "high": high} for name, (low, high) in spans.items()},
        "baseline": headline(gold, np.full(len(gold), train_mean)),
    }
    found: dict[str, Any] = rounded(content)
    return found


def headline_rows(metrics: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Rows as `stages.tasks.task.headline_header` says, from the content of metrics/evaluate.json."""
    return rows_of(metrics, HEADLINE, LOWER_IS_BETTER)


def plot(gold: Floats, predicted: Floats) -> pa.Table:
    """Gold, predicted and residual (gold - predicted) of samples spread evenly over the gold values, `POINTS` at most,
    the lowest and the highest among them."""
    order = np.argsort(gold, kind="stable")
    chosen = order[np.unique(np.linspace(0, len(order) - 1, min(POINTS, len(order))).round().astype(np.int64))]
    columns = (gold[chosen], predicted[chosen], gold[chosen] - predicted[chosen])
    return pa.table(dict(zip(("gold", "predicted", "residual"), (column.round(6) for column in columns), strict=True)))


def largest_errors(gold: Floats, predicted: Floats, ids: Sequence[str], *, limit: int) -> Integers:
    """Positions of the largest absolute errors, the largest first, then by id; at most `limit`."""
    error = np.abs(predicted - gold)
    ranked = sorted(range(len(gold)), key=lambda i: (-error[i], ids[i]))
    return np.array(ranked[:limit], dtype=np.int64)


def rows(
    gold: Floats, predicted: Floats, ids: Sequence[str], texts: Mapping[str, str | None], positions: Integers
) -> list[Row]:
    """What is shown of the samples at `positions`: the error is prediction - gold; `texts` by id."""
    return [
        (
            ids[i],
            f"{gold[i]:.5g}",
            f"{predicted[i]:.5g}",
            float(predicted[i] - gold[i]),
            one_line(texts.get(ids[i]) or ""),
        )
        for i in positions.tolist()
    ]
