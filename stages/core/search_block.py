"""The block `search` of params.yaml: types and ranges. No stage reads it; `python -m review.search` does."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from stages.core.blocks import Count, Positive, Strict

Scalar = bool | int | float | str | None


class Searched(Strict):
    """The values that one key may take: from `low` to `high`, evenly, by `log` or in steps; or one of `choices`."""

    low: int | float | None = None
    high: int | float | None = None
    log: bool = False
    step: Annotated[int | float, Field(gt=0)] | None = None
    choices: Annotated[list[Scalar | list[Scalar]], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _a_range_or_choices(self) -> "Searched":
        if self.choices is not None:
            if self.model_fields_set != {"choices"}:
                raise ValueError("choices go without low, high, log and step")
            return self
        if self.low is None or self.high is None:
            raise ValueError("give low and high, or choices")
        if self.low >= self.high:
            raise ValueError(f"low {self.low} should be less than high {self.high}")
        if self.log and (self.step is not None or self.low <= 0):
            raise ValueError("log goes without step, and needs low > 0")
        if self.step is not None:
            steps = (self.high - self.low) / self.step
            if steps < 1 - 1e-9 or abs(steps - round(steps)) > 1e-9:
                raise ValueError(f"step {self.step} should divide high - low = {self.high - self.low:g}")
        return self


class Pruner(Strict):
    """When a trial that falls behind is stopped; see Optuna's MedianPruner and HyperbandPruner."""

    name: Literal["median", "hyperband", "none"]
    warmup_epochs: Count
    reduction_factor: Annotated[int, Field(ge=2)]


class Search(Strict):
    """What is tried, and by which validation score it is judged."""

    trials: Positive
    space: Annotated[dict[str, Searched], Field(min_length=1)]
    objective: Literal["accuracy", "macro_f1", "log_loss", "mse", "mae", "r2", "pearson", "spearman"]
    sampler: Literal["tpe", "random", "grid"]
    startup_trials: Count
    pruner: Pruner
    seed: Count
    workers: Count
    timeout_s: Annotated[float, Field(gt=0)] | None
