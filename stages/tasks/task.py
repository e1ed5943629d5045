"""The face that every task shows to finetune, evaluate and the closing table.

Legend: N samples, K outputs of the model. `gold` (N,) holds class numbers or values; `outputs` are what the task
makes of logits (N, K): probabilities (N, K) or values (N,).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stages.core.errors import UserError
from stages.tasks.bootstrap import Score
from stages.tasks.mistakes import Row

Array = npt.NDArray[Any]

PLOTS = {
    "confusion": ("actual", "predicted"),
    "roc": ("class", "fpr", "tpr"),
    "precision_recall": ("class", "recall", "precision"),
    "reliability": ("confidence", "accuracy", "count"),
    "values": ("gold", "predicted", "residual"),
}
"""The plots of evaluate that dvc.yaml declares, and their columns; those of another task stay empty."""


class Task(Protocol):
    """A member of `TASKS`: made from data/encoded/meta.json, with `bins` for the calibration of probabilities.

    `best_by` holds the scores that can choose the best epoch, and whether higher is better, and `ties_by` the one of
    them that decides between epochs with equal scores; `shown` the scores told after each epoch: the loss first.
    `names` are those of the model's outputs, `problem_type` is that of transformers.
    """

    @property
    def names(self) -> Sequence[str]: ...
    @property
    def problem_type(self) -> str: ...
    @property
    def best_by(self) -> Mapping[str, bool]: ...
    @property
    def ties_by(self) -> str: ...
    @property
    def shown(self) -> Sequence[str]: ...
    @property
    def headline_names(self) -> Sequence[str]: ...
    @property
    def undefined(self) -> str:
        """What a headline value that is left out would have needed."""

    @property
    def baseline_name(self) -> str: ...
    @property
    def mistakes_title(self) -> str: ...
    @property
    def mistakes_header(self) -> Sequence[str]: ...

    def gold(self, encoded: pa.Table) -> Array:
        """The right answers of encoded samples."""

    def outputs(self, logits: Array) -> Array:
        """Predictions from the model's logits; a UserError where they are not finite."""

    def headline(self, gold: Array, outputs: Array) -> dict[str, float]:
        """The headline metrics that the samples define."""

    def scorer(self, gold: Array, outputs: Array) -> Score:
        """The headline metrics of resamples."""

    def summary(self, gold: Array, outputs: Array, *, resamples: int, confidence: float, seed: int) -> dict[str, Any]:
        """The content of metrics/evaluate.json."""

    def predictions(self, ids: Sequence[str], gold: Array, outputs: Array) -> pa.Table:
        """The content of models/predictions.parquet."""

    def from_predictions(self, table: pa.Table) -> tuple[Array, Array]:
        """Right answers and outputs, back from such a table."""

    def plots(self, gold: Array, outputs: Array) -> dict[str, pa.Table]:
        """The data of the task's own plots, by the names in `PLOTS`."""

    def worst(self, gold: Array, outputs: Array, ids: Sequence[str], *, limit: int) -> npt.NDArray[np.int64]:
        """Positions of the worst predictions, the worst first."""

    def mistakes(
        self, gold: Array, outputs: Array, ids: Sequence[str], texts: Mapping[str, str | None], positions: Array
    ) -> list[Row]:
        """What is shown of the samples at `positions`; `texts` by id."""

    def headline_rows(self, metrics: Mapping[str, Any]) -> list[tuple[str, ...]]:
        """Rows as `headline_header` says for a reader, from the content of metrics/evaluate.json."""


def headline_header(task: Task, interval: str = "interval") -> tuple[str, ...]:
    """What the columns of headline rows are called."""
    return ("metric", "value", interval, "simple model", task.baseline_name)


def check_finite(logits: Array) -> None:
    """Raise a UserError where a logit of (N, K) is not finite, as after a training run that diverged."""
    broken = int((~np.isfinite(logits)).any(axis=1).sum())
    if broken:
        raise UserError(
            f"the model's logits are not finite for {broken} of {len(logits)} samples: training has diverged",
            "lower lr in params.yaml, or set finetune.max_grad_norm",
        )


def rows_of(metrics: Mapping[str, Any], names: Sequence[str], lower_is_better: frozenset[str]) -> list[tuple[str, ...]]:
    """Rows (metric, value, interval, simple model, baseline) of the metrics called `names`, those that there are."""
    simple = metrics.get("simple_model", {}).get("scores", {})
    rows: list[tuple[str, ...]] = []
    for name in (name for name in names if name in metrics):
        span, plain = metrics.get("interval", {}).get(name), metrics.get("baseline", {}).get(name)
        between = f"{span['low']:.4f} - {span['high']:.4f}" if span else ""
        shown = f"{name} (lower is better)" if name in lower_is_better else name
        others = (f"{value:.4f}" if value is not None else "" for value in (simple.get(name), plain))
        rows.append((shown, f"{metrics[name]:.4f}", between, *others))
    return rows


def rounded(value: Any) -> Any:
    """Numbers, in nested mappings too, with six digits after the point."""
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    return round(value, 6) if isinstance(value, float) else value
