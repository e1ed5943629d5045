"""The block `review` of params.yaml: types and ranges. No stage reads it: an edited gate reruns nothing."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from stages.core.blocks import Count, Positive, Share, Strict
from stages.core.registry import nearest

METRICS = {
    "classification": ("accuracy", "macro_f1", "macro_precision", "macro_recall", "roc_auc", "log_loss", "ece"),
    "regression": ("mse", "mae", "r2", "pearson", "spearman"),
}
"""Task -> the metrics that gates can name."""
Above = Annotated[float, Field(gt=0)]


class Bound(Strict):
    """Where a metric has to lie, ends included; null, or left out: no bound on that side."""

    min: float | None = None
    max: float | None = None

    @model_validator(mode="after")
    def _something_lies_between(self) -> "Bound":
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"nothing lies between min {self.min:g} and max {self.max:g}")
        return self


class Drop(Strict):
    """By how much a metric may be worse than the base's; `significant_only`: differences that may be luck pass."""

    max: Annotated[float, Field(ge=0)] | None
    significant_only: bool


class DataGates(Strict):
    """Limits on the data; null: off. Leaks are counted in test samples that training holds, too."""

    max_exact_leaks: Count | None
    max_near_leaks: Count | None
    min_class_share: Share | None
    max_rejected_share: Share | None
    max_dropped_share: Share | None


class CostGates(Strict):
    """Ceilings; null: off."""

    max_training_seconds: Above | None
    max_peak_memory_mib: Above | None
    max_parameters: Positive | None


class Gates(Strict):
    """What has to hold before a change is merged. `bounds`, `drops` and `slices` are by metric; null: off.

    `unverified`: what becomes of results that changed where the outputs that would prove them cannot be read.
    """

    unverified: Literal["fail", "warn"]
    bounds: dict[str, Bound | None]
    drops: dict[str, Drop | None]
    slices: dict[str, Bound | None]
    data: DataGates
    cost: CostGates

    def unknown(self, task: str) -> list[str]:
        """The dotted keys of metrics that the task does not have, each with the one that was probably meant."""
        named = {"bounds": [*self.bounds], "drops": [*self.drops], "slices": [*self.slices]}
        known = METRICS[task]
        return [
            f"review.gates.{name}.{key}{nearest(key, known)}"
            for name, keys in named.items()
            for key in keys
            if key not in known
        ]


class Review(Strict):
    """How two sides are compared, and the gates.

    `quote_samples`: whether a comment shows what samples hold: texts, and names of files.
    """

    quote_samples: bool
    resamples: Positive
    confidence: Annotated[float, Field(gt=0, lt=1)]
    slices: Annotated[
        list[str], Field(description="Columns of `extra` to compare by, besides class, length and source.")
    ]
    min_slice: Positive
    min_common: Positive
    gates: Gates
