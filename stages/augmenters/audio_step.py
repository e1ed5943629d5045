"""What every audio augmenter is: a probability and a change; and how nlpaug is made to do it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from stages.augmenters.library import global_randomness
from stages.core.errors import UserError
from stages.modalities.sound import Samples

AUDIO = "nlpaug.augmenter.audio"
ZONE: dict[str, Any] = {"zone": (0.0, 1.0), "coverage": 1.0}
"""The whole sound: nlpaug leaves its first and last fifth alone unless told otherwise."""

Change = Callable[[Samples, int, np.random.Generator], Any]


@dataclass(frozen=True)
class AudioAugmenter:
    """A step of the augmentation: called with samples (T,), their rate (Hz) and a generator it gives samples (T',).

    The same state of the generator gives the same samples. `p` is for the caller, who draws the steps.
    """

    p: float
    change: Change

    def __call__(self, samples: Samples, sampling_rate: int, rng: np.random.Generator) -> Samples:
        if not samples.any():
            return samples
        changed = np.asarray(self.change(samples, sampling_rate, rng), dtype=np.float32)
        return np.clip(changed, -1, 1)


def at_rate(p: float, aug: Any) -> AudioAugmenter:
    """The step that applies `aug`, an augmenter of nlpaug, told the sampling rate of each sound."""

    def change(samples: Samples, sampling_rate: int, rng: np.random.Generator) -> Any:
        aug.sampling_rate = sampling_rate
        return run(aug, samples, rng)

    return AudioAugmenter(p, change)


def run(aug: Any, data: Any, rng: np.random.Generator) -> Any:
    """One result of `aug`, which draws from Python's and numpy's global generators."""
    with global_randomness(rng):
        return aug.augment(data)[0]


def ordered(name: str, low: float, high: float) -> None:
    """Raise a UserError where the limits of the step `name` stand the wrong way round."""
    if low > high:
        raise UserError(
            f"params.yaml: augment.audio.steps.{name}: the least, {low:g}, is above the most, {high:g}",
            "swap them",
        )
