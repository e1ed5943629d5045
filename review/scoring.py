"""How predictions are scored in a review: by the functions of stages/tasks, so that no metric is defined twice.

Legend: N samples, K classes. `gold` (N,) holds class numbers or values, `outputs` probabilities (N, K) or values (N,).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from stages.tasks import classification, regression
from stages.tasks.bootstrap import Floats, Score
from stages.tasks.weighted import scorer as classes_scorer

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Scoring:
    """A task's metrics. `each` gives a value a sample, (N,), whose mean is the metric `mean_of`."""

    names: tuple[str, ...]
    lower_is_better: frozenset[str]
    mean_of: str
    each: Callable[[Array, Array], Floats]
    scorer: Callable[[Array, Array, int], Score]
    """Gold, outputs and the bins of the calibration error -> a function of weights (R, N)."""

    def direction(self, metric: str) -> str:
        """Whether `higher` or `lower` values are better."""
        return "lower" if metric in self.lower_is_better else "higher"

    def gain(self, metric: str, difference: float) -> float:
        """The difference, positive where head is better."""
        return -difference if metric in self.lower_is_better else difference


def right(gold: Array, outputs: Array) -> Floats:
    """1 where the most probable class is the right one, else 0: (N,)."""
    found: Floats = (outputs.argmax(axis=1) == gold).astype(np.float64)
    return found


def error(gold: Array, outputs: Array) -> Floats:
    """|prediction - gold|: (N,)."""
    found: Floats = np.abs(outputs - gold)
    return found


SCORINGS = {
    "classification": Scoring(
        classification.HEADLINE,
        classification.LOWER_IS_BETTER,
        "accuracy",
        right,
        lambda gold, outputs, bins: classes_scorer(gold, outputs, bins=bins),
    ),
    "regression": Scoring(
        regression.HEADLINE,
        regression.LOWER_IS_BETTER,
        "mae",
        error,
        lambda gold, outputs, bins: regression.scorer(gold, outputs),  # noqa: ARG005
    ),
}
"""Task -> its metrics."""
