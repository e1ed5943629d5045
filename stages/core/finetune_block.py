"""The block `finetune` of params.yaml: types and ranges."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from stages.core.blocks import Count, Options, Ordered, Positive, Share, Strict


def _each_once(seeds: list[int]) -> list[int]:
    """The seeds.

    Raises:
        ValueError: one is given twice: two trainings would be the same.
    """
    twice = sorted({seed for seed in seeds if seeds.count(seed) > 1})
    if twice:
        raise ValueError(f"each seed once, not twice: {', '.join(map(str, twice))}")
    return seeds


class Dropout(Strict):
    """Null keeps what the model's own config says."""

    hidden: Annotated[float, Field(ge=0, lt=1)] | None
    attention: Annotated[float, Field(ge=0, lt=1)] | None


class Lora(Strict):
    """Low-rank adapters; `target`: names of linear layers, null for all of the blocks; `save`: what is saved."""

    rank: Positive
    alpha: Annotated[float, Field(gt=0)]
    dropout: Annotated[float, Field(ge=0, lt=1)]
    target: Annotated[list[str], Field(min_length=1)] | None
    save: Literal["merged", "adapter"]


class EarlyStopping(Strict):
    """Stop when the validation metric has not improved for `patience_epochs`; 0 switches it off."""

    patience_epochs: Count
    min_delta: Annotated[float, Field(ge=0)]


class Plateau(Strict):
    """`reduce_on_plateau`: the rate times `factor` when `best_by` has not improved for more than `patience_epochs`."""

    factor: Annotated[float, Field(gt=0, lt=1)]
    patience_epochs: Count
    min_delta: Annotated[float, Field(ge=0)]


class Checkpoint(Strict):
    """State to go on from after a crash: seconds between checkpoints, days that those of ended runs are kept."""

    every_s: Annotated[float, Field(ge=0)] | None
    keep_days: Annotated[float, Field(ge=0)]


class Watch(Strict):
    """When training is told to go wrong."""

    exploding_factor: Annotated[float, Field(gt=1)]
    overfitting_epochs: Positive


class Finetune(Strict):
    """The training loop."""

    folds: Literal["all"] | None
    seeds: Annotated[
        list[Count],
        AfterValidator(_each_once),
        Field(description="A training each, of weights and order; an empty list: `seed` alone."),
    ]
    min_updates: Annotated[
        Count,
        Field(
            description="Updates that a training makes at least: epochs are raised, and early stopping waits; 0: off."
        ),
    ]
    architecture: Options | None = None
    online: Ordered | None = None
    lora: Lora
    layer_decay: Annotated[float, Field(gt=0, le=1)]
    optimizer: Literal["adamw", "sgd", "adafactor"]
    weight_decay: Annotated[float, Field(ge=0)]
    l1: Annotated[float, Field(ge=0)]
    adam_betas: Annotated[list[Annotated[float, Field(ge=0, lt=1)]], Field(min_length=2, max_length=2)]
    adam_epsilon: Annotated[float, Field(gt=0)]
    sgd_momentum: Annotated[float, Field(ge=0, lt=1)]
    schedule: Literal["linear", "cosine", "constant", "exponential", "polynomial", "reduce_on_plateau"]
    warmup_share: Share
    exponential_end: Annotated[float, Field(gt=0, le=1)]
    polynomial_power: Annotated[float, Field(gt=0)]
    plateau: Plateau
    accumulation_steps: Positive
    batch_tokens: Positive | None
    max_grad_norm: Annotated[float, Field(gt=0)] | None
    loss: Literal["cross_entropy", "focal", "mse", "huber"]
    focal_gamma: Annotated[float, Field(ge=0)]
    huber_delta: Annotated[float, Field(gt=0)] | None = None
    class_weights: Literal["none", "balanced"]
    label_smoothing: Annotated[float, Field(ge=0, lt=1)]
    mixup: Annotated[float, Field(gt=0)] | None
    ema_decay: Annotated[float, Field(gt=0, lt=1)] | None
    dropout: Dropout
    best_by: Literal["accuracy", "macro_f1", "log_loss", "mse", "mae", "r2", "pearson", "spearman"]
    early_stopping: EarlyStopping
    group_by_length: bool
    eval_batch_size: Positive
    device: Literal["auto", "cpu", "cuda", "mps"]
    processes: Count
    precision: Literal["fp32", "bf16", "fp16"]
    gradient_checkpointing: bool
    compile: bool
    threads: Count
    checkpoint: Checkpoint
    watch: Watch
    dvclive: bool

    def online_steps(self) -> dict[str, dict[str, Any]]:
        """The options of the enabled steps of `online`, in their order."""
        steps = {name: self.online.steps[name] for name in self.online.order} if self.online else {}
        return {name: step.options for name, step in steps.items() if step.enabled}
