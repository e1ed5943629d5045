"""From an original to its derived texts: steps drawn, applied, held to the limits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from stages.augmenters import TEXT
from stages.augmenters.augmenter import Augmenter, Drawable
from stages.augmenters.limits import Limits
from stages.augmenters.protect import Protected
from stages.augmenters.steps import build_steps
from stages.core.seeds import generator

ATTEMPTS = 5
"""Draws for one copy before it is given up."""

KEY = "augment.text.steps"

Job = tuple[str, str, int]
"""An original's id and text, and the number of copies."""


class Outcome(NamedTuple):
    """One copy: its text and the steps that changed it, or the reason why there is none."""

    text: str | None
    steps: tuple[str, ...] = ()
    reason: str | None = None


@dataclass(frozen=True)
class Deriver:
    """Derives texts; each depends on the seed, the original and the number of the copy alone."""

    seed: int
    steps: Mapping[str, Augmenter]
    limits: Limits

    def __call__(self, jobs: Sequence[Job]) -> list[list[Outcome]]:
        """For each original its copies, numbered from 1, in order."""
        return [self.derive(sample_id, text, copies) for sample_id, text, copies in jobs]

    def derive(self, sample_id: str, text: str, copies: int) -> list[Outcome]:
        """The copies of one original, each different from it and from the copies before."""
        outcomes: list[Outcome] = []
        for copy in range(1, copies + 1):
            earlier = {outcome.text for outcome in outcomes if outcome.text is not None}
            outcomes.append(self._one(text, earlier, generator(self.seed, "augment", sample_id, copy)))
        return outcomes

    def _one(self, text: str, earlier: set[str], rng: np.random.Generator) -> Outcome:
        reason: str | None = None
        for _ in range(ATTEMPTS):
            derived, changed = self._applied(text, draw(self.steps, rng), rng)
            reason = self.limits.broken(text, derived, earlier)
            if reason is None:
                return Outcome(derived, changed)
        return Outcome(None, reason=reason)

    def _applied(self, text: str, names: Sequence[str], rng: np.random.Generator) -> tuple[str, tuple[str, ...]]:
        changed = []
        for name in names:
            before, text = text, self.steps[name](text, rng, self.limits.protected)
            if text != before:
                changed.append(name)
        return text, tuple(changed)


def draw(steps: Mapping[str, Drawable], rng: np.random.Generator) -> list[str]:
    """The steps to apply, in their order: each with its probability; if that gives none, one of them."""
    drawn = [name for name, step in steps.items() if rng.random() < step.p]
    if drawn:
        return drawn
    weights = np.array([step.p for step in steps.values()])
    return [list(steps)[rng.choice(len(steps), p=weights / weights.sum())]]


def make_deriver(
    *,
    steps: Mapping[str, Mapping[str, Any]],
    seed: int,
    protected_words: Sequence[str],
    max_changed_share: float,
    min_characters: int,
) -> Deriver:
    """The deriver with its augmenters built: a second or more, so once a process.

    Args:
        steps: name -> options, in the order of application.

    Raises:
        UserError: no step, or none with a probability above 0; what the augmenters find wrong.
    """
    built = build_steps(TEXT, steps, KEY)
    return Deriver(seed, built, Limits(max_changed_share, min_characters, Protected(protected_words)))
