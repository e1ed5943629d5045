"""The task classification: the answer is one of K classes.

Legend: N samples, K classes. `gold` (N,) holds class numbers, `outputs` (N, K) probabilities.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stages.tasks import classification, curves, mistakes
from stages.tasks.bootstrap import Score
from stages.tasks.calibration import Floats, Integers
from stages.tasks.mistakes import Row
from stages.tasks.task import Array
from stages.tasks.weighted import scorer


class Classes:
    """See `stages.tasks.task.Task`; `meta` is the content of data/encoded/meta.json."""

    problem_type = "single_label_classification"
    best_by: Mapping[str, bool] = {"accuracy": True, "macro_f1": True, "log_loss": False}
    ties_by = "log_loss"
    shown = ("log_loss", "accuracy", "macro_f1")
    headline_names = classification.HEADLINE
    undefined = "it needs test samples of two classes at least"
    baseline_name = "majority class"
    mistakes_title = "Most confident mistakes"
    mistakes_header = mistakes.HEADER

    def __init__(self, meta: Mapping[str, Any], *, bins: int) -> None:
        self.names: list[str] = list(meta.get("labels", ()))
        self._counts: Mapping[str, int] = meta.get("train_label_counts", {})
        self._bins = bins

    def gold(self, encoded: pa.Table) -> Integers:
        """Class numbers."""
        return np.asarray(encoded["label"].to_numpy().astype(np.int64))

    def outputs(self, logits: Array) -> Floats:
        """Probabilities."""
        return classification.probabilities_of(logits)

    def headline(self, gold: Integers, outputs: Floats) -> dict[str, float]:
        """Accuracy, macro averages, AUC, log loss and calibration error."""
        return classification.headline(gold, outputs, bins=self._bins)

    def scorer(self, gold: Integers, outputs: Floats) -> Score:
        """The same of resamples."""
        return scorer(gold, outputs, bins=self._bins)

    def summary(
        self, gold: Integers, outputs: Floats, *, resamples: int, confidence: float, seed: int
    ) -> dict[str, Any]:
        """Headline values, their intervals, per class, and the baseline."""
        counts = [self._counts[label] for label in self.names]
        options = {"bins": self._bins, "resamples": resamples, "seed": seed}
        return classification.summary(gold, outputs, self.names, counts, confidence=confidence, **options)

    def predictions(self, ids: Sequence[str], gold: Integers, outputs: Floats) -> pa.Table:
        """One row a sample: id, gold, prediction, and `probability.LABEL` for each class."""
        return classification.predictions(ids, gold, outputs, self.names)

    def from_predictions(self, table: pa.Table) -> tuple[Integers, Floats]:
        """Class numbers and probabilities."""
        gold = pc.index_in(table["gold"], pa.array(self.names, pa.string()))
        columns = [table[f"probability.{label}"].to_numpy() for label in self.names]
        return gold.to_numpy().astype(np.int64), np.stack(columns, axis=1)

    def plots(self, gold: Integers, outputs: Floats) -> dict[str, pa.Table]:
        """Confusion, ROC, precision and recall, reliability."""
        return curves.plots(gold, outputs, self.names, bins=self._bins)

    def worst(self, gold: Integers, outputs: Floats, ids: Sequence[str], *, limit: int) -> Integers:
        """The most confident mistakes."""
        return mistakes.most_confident(gold, outputs, ids, limit=limit)

    def mistakes(
        self, gold: Integers, outputs: Floats, ids: Sequence[str], texts: Mapping[str, str | None], positions: Integers
    ) -> list[Row]:
        """Id, gold, prediction, confidence and text."""
        return mistakes.rows(gold, outputs, ids, self.names, texts, positions)

    @staticmethod
    def headline_rows(metrics: Mapping[str, Any]) -> list[tuple[str, ...]]:
        """See `stages.tasks.task.headline_header`."""
        return classification.headline_rows(metrics)
