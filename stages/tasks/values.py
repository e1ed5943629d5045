"""The task regression: the answer is a number.

Legend: N samples. `gold` (N,) and `outputs` (N,) hold values in the unit of the data.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from stages.tasks import regression
from stages.tasks.bootstrap import Score
from stages.tasks.mistakes import Row
from stages.tasks.regression import Floats, Integers
from stages.tasks.task import Array, check_finite


class Values:
    """See `stages.tasks.task.Task`; `meta` is the content of data/encoded/meta.json.

    `mean` and `deviation` are those of the training values, by which targets are standardised.
    """

    names = ("value",)
    problem_type = "regression"
    best_by: Mapping[str, bool] = {"mse": False, "mae": False, "r2": True, "pearson": True, "spearman": True}
    ties_by = "mse"
    shown = ("loss", "r2", "pearson", "spearman")
    headline_names = regression.HEADLINE
    undefined = "it needs test samples of different values, and predictions that differ"
    baseline_name = "training mean"
    mistakes_title = "Largest errors"
    mistakes_header = regression.HEADER

    def __init__(self, meta: Mapping[str, Any], *, bins: int) -> None:  # noqa: ARG002
        train = meta["train_values"]
        self.mean, self.deviation = float(train["mean"]), float(train["deviation"])

    def gold(self, encoded: pa.Table) -> Floats:
        """Values."""
        return np.asarray(encoded["value"].to_numpy(), dtype=np.float64)

    def outputs(self, logits: Array) -> Floats:
        """Values (N,) from logits (N, 1)."""
        check_finite(logits)
        return np.asarray(logits[:, 0], dtype=np.float64)

    def headline(self, gold: Floats, outputs: Floats) -> dict[str, float]:
        """Errors, R2 and correlations."""
        return regression.headline(gold, outputs)

    def scorer(self, gold: Floats, outputs: Floats) -> Score:
        """The same of resamples."""
        return regression.scorer(gold, outputs)

    def summary(self, gold: Floats, outputs: Floats, *, resamples: int, confidence: float, seed: int) -> dict[str, Any]:
        """Headline values, their intervals, and the baseline."""
        return regression.summary(gold, outputs, self.mean, resamples=resamples, confidence=confidence, seed=seed)

    def predictions(self, ids: Sequence[str], gold: Floats, outputs: Floats) -> pa.Table:
        """One row a sample: id, gold, prediction."""
        return pa.table({"id": pa.array(ids, pa.string()), "gold": gold, "prediction": outputs})

    def from_predictions(self, table: pa.Table) -> tuple[Floats, Floats]:
        """Gold and predicted values."""
        return table["gold"].to_numpy(), table["prediction"].to_numpy()

    def plots(self, gold: Floats, outputs: Floats) -> dict[str, pa.Table]:
        """Predicted against gold, and residuals: one table."""
        return {"values": regression.plot(gold, outputs)}

    def worst(self, gold: Floats, outputs: Floats, ids: Sequence[str], *, limit: int) -> Integers:
        """The largest absolute errors."""
        return regression.largest_errors(gold, outputs, ids, limit=limit)

    def mistakes(
        self, gold: Floats, outputs: Floats, ids: Sequence[str], texts: Mapping[str, str | None], positions: Integers
    ) -> list[Row]:
        """Id, gold, prediction, error and text."""
        return regression.rows(gold, outputs, ids, texts, positions)

    @staticmethod
    def headline_rows(metrics: Mapping[str, Any]) -> list[tuple[str, ...]]:
        """See `stages.tasks.task.headline_header`."""
        return regression.headline_rows(metrics)
