"""What every text augmenter is: a probability and a change."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from stages.augmenters.protect import NOTHING, Protected


class Change(Protocol):
    """A change of a text that leaves protected words alone; the same generator state gives the same text."""

    def __call__(self, text: str, rng: np.random.Generator, protected: Protected, /) -> str: ...


class Drawable(Protocol):
    """A step of the augmentation of any kind: `p` is the probability that it is applied."""

    @property
    def p(self) -> float: ...


@dataclass(frozen=True)
class Augmenter:
    """A step of the augmentation: called with a text and a generator it gives the changed text.

    `p` is the probability that the step is applied to a derived text; the caller, who knows all steps, draws.
    """

    p: float
    change: Change

    def __call__(self, text: str, rng: np.random.Generator, protected: Protected = NOTHING) -> str:
        return self.change(text, rng, protected)
