"""Schedules: the factor on the learning rate over the steps, and the one that waits for validation to stand still."""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch

Decay = Callable[[float], float]


def linear() -> Decay:
    """Down to 0 in a straight line."""
    return lambda done: 1 - done


def cosine() -> Decay:
    """Down to 0 along half a cosine (Loshchilov and Hutter 2017, arXiv:1608.03983)."""
    return lambda done: (1 + math.cos(math.pi * done)) / 2


def constant() -> Decay:
    """The full rate throughout."""
    return lambda done: 1.0  # noqa: ARG005


def exponential(*, end: float) -> Decay:
    """Down by the same factor each step, to `end` (0-1]."""
    return lambda done: end**done


def polynomial(*, power: float) -> Decay:
    """Down to 0 as a power of the share that is left (Liu et al. 2015, arXiv:1506.04579: "poly")."""
    return lambda done: max(1 - done, 0.0) ** power


DECAYS: dict[str, tuple[Callable[..., Decay], tuple[str, ...]]] = {
    "linear": (linear, ()),
    "cosine": (cosine, ()),
    "constant": (constant, ()),
    "exponential": (exponential, ("end",)),
    "polynomial": (polynomial, ("power",)),
    "reduce_on_plateau": (constant, ()),
}
"""Name -> the maker of its decay (share of the steps after warm-up that is done, 0-1 -> factor), and its options."""


def factor(schedule: str, *, steps: int, warmup_share: float, **options: float) -> Callable[[int], float]:
    """The factor on the learning rate at step 0 to `steps` - 1: up linearly over the warm-up, then down as named.

    Of `options` (`end`, `power`) the schedule gets those that it has.
    """
    warmup = math.ceil(steps * warmup_share)
    make, wanted = DECAYS[schedule]
    decay = make(**{name: options[name] for name in wanted})

    def at(step: int) -> float:
        if step < warmup:
            return (step + 1) / (warmup + 1)
        return decay((step - warmup) / max(steps - warmup, 1))

    return at


@dataclass
class Plateau:
    """Lowers the rate when the validation metric stands still; as torch's ReduceLROnPlateau, but with a warm-up.

    Args:
        by: what the rate is multiplied by, each time; 0-1.
        patience_epochs: so many epochs in a row without improvement are borne.
        min_delta: what counts as improvement.
    """

    by: float
    patience_epochs: int
    min_delta: float
    factor: float = 1.0
    best: float = math.inf
    waited: int = 0

    def epoch(self, value: float) -> None:
        """Take note of an epoch's metric, of which lower is better."""
        if value < self.best - self.min_delta:
            self.best, self.waited = value, 0
            return
        self.waited += 1
        if self.waited > self.patience_epochs:
            self.factor, self.waited = self.factor * self.by, 0

    def state_dict(self) -> dict[str, Any]:
        """What has happened so far."""
        return asdict(self)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        vars(self).update(state)


def make_scheduler(
    optimizer: torch.optim.Optimizer, at: Callable[[int], float], plateau: Plateau | None = None
) -> torch.optim.lr_scheduler.LambdaLR:
    """The schedule on the optimiser, times the plateau's factor where there is one."""
    if plateau is None:
        return torch.optim.lr_scheduler.LambdaLR(optimizer, at)
    return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: at(step) * plateau.factor)
