"""From an image or sound to its derived ones: decoded, steps drawn and applied, encoded. Texts: derive.py."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

import numpy as np

from stages.augmenters.augmenter import Drawable
from stages.augmenters.derive import ATTEMPTS, draw
from stages.augmenters.limits import UNCHANGED
from stages.core.seeds import generator

M = TypeVar("M")
S = TypeVar("S", bound=Drawable)

MediaJob = tuple[str, bytes, int]
"""An original's id and its stored bytes, and the number of copies."""


class MediaOutcome(NamedTuple):
    """One copy: its bytes and the steps that changed it, or the reason why there is none."""

    data: bytes | None
    steps: tuple[str, ...] = ()
    reason: str | None = None


@dataclass(frozen=True)
class MediaDeriver(Generic[S, M]):
    """Derives images or sounds; each depends on the seed, the original and the number of the copy alone.

    `steps` stand in the order of application; `apply(step, item, rng)` gives the changed item, and **the very
    item that came in where nothing has changed**: then the step is not named (arrays are compared besides).
    """

    seed: int
    steps: Mapping[str, S]
    decode: Callable[[bytes], M]
    encode: Callable[[M], bytes]
    apply: Callable[[S, M, np.random.Generator], M]

    def __call__(self, jobs: Sequence[MediaJob]) -> list[list[MediaOutcome]]:
        """For each original its copies, numbered from 1, in order."""
        return [self.derive(sample_id, data, copies) for sample_id, data, copies in jobs]

    def derive(self, sample_id: str, data: bytes, copies: int) -> list[MediaOutcome]:
        """The copies of one original, each different from it and from the copies before."""
        original = self.decode(data)
        outcomes: list[MediaOutcome] = []
        for copy in range(1, copies + 1):
            earlier = {outcome.data for outcome in outcomes}
            outcomes.append(self._one(original, earlier, generator(self.seed, "augment", sample_id, copy)))
        return outcomes

    def _one(self, original: M, earlier: Collection[bytes | None], rng: np.random.Generator) -> MediaOutcome:
        for _ in range(ATTEMPTS):
            derived, changed = self._applied(original, draw(self.steps, rng), rng)
            if changed and (data := self.encode(derived)) not in earlier:
                return MediaOutcome(data, changed)
        return MediaOutcome(None, reason=UNCHANGED)

    def _applied(self, item: M, names: Sequence[str], rng: np.random.Generator) -> tuple[M, tuple[str, ...]]:
        changed = []
        for name in names:
            before, item = item, self.apply(self.steps[name], item, rng)
            if not same(before, item):
                changed.append(name)
        return item, tuple(changed)


def same(one: object, other: object) -> bool:
    """Whether two items are one object, or equal arrays."""
    if one is other:
        return True
    return isinstance(one, np.ndarray) and isinstance(other, np.ndarray) and np.array_equal(one, other)
