"""How a model is trained: the values of params.yaml that training needs, in one flat record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

from stages.training.loop import Settings


@dataclass(frozen=True)
class Options:
    """Names and meaning are those of params.yaml."""

    lr: float
    epochs: int
    min_updates: int
    batch_size: int
    layer_decay: float
    optimizer: str
    weight_decay: float
    l1: float
    adam_betas: Sequence[float]
    adam_epsilon: float
    sgd_momentum: float
    schedule: str
    warmup_share: float
    exponential_end: float
    polynomial_power: float
    plateau: Mapping[str, Any]
    accumulation_steps: int
    batch_tokens: int | None
    max_grad_norm: float | None
    loss: str
    focal_gamma: float
    huber_delta: float | None
    class_weights: str
    label_smoothing: float
    mixup: float | None
    ema_decay: float | None
    best_by: str
    early_stopping: Mapping[str, Any]
    group_by_length: bool
    eval_batch_size: int
    precision: str
    gradient_checkpointing: bool
    compile: bool
    threads: int
    watch: Mapping[str, Any]
    dvclive: bool

    @classmethod
    def of(cls, **given: Any) -> Self:
        """From values by name; others than these may be among them."""
        return cls(**{field.name: given[field.name] for field in fields(cls)})

    def settings(self, seed: int) -> Settings:
        """What the loop needs of them."""
        named = {field.name for field in fields(Settings)}
        own = {name: value for name, value in vars(self).items() if name in named}
        return Settings(**own, **self.early_stopping, seed=seed)
