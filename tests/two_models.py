"""Pairs of predictions on the same samples, for the sections of a review."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from review.pairing import Pair
from stages.core.seeds import generator
from stages.tasks.classification import probabilities_of

LABELS = ("negative", "neutral", "positive")


def pair_of(base: Sequence[int], head: Sequence[int], gold: Sequence[int], **changes: Any) -> Pair:
    """Two classifiers that answer with these classes, the sooner samples with more confidence."""
    confidence = np.linspace(0.9, 0.6, len(gold))
    sides = [np.full((len(gold), 3), 0.0) for _ in range(2)]
    for outputs, answers in zip(sides, (base, head), strict=True):
        outputs += ((1 - confidence) / 2)[:, None]
        outputs[np.arange(len(gold)), list(answers)] = confidence
    ids = [f"s{number:03d}" for number in range(len(gold))]
    given = {"samples_base": len(ids), "samples_head": len(ids), "relabelled": [], **changes}
    return Pair("classification", LABELS, ids, np.array(gold, dtype=np.int64), sides[0], sides[1], **given)


def random_pair(samples: int, *, gain: float = 0.0, own: float = 0.5, seed: int = 0) -> Pair:
    """Two classifiers that see mostly the same; the head's is better by `gain`."""
    random = generator(seed, "models")
    gold = random.integers(3, size=samples)
    seen = random.normal(size=(samples, 3)) + 2 * np.eye(3)[gold]
    base, head = (seen + own * random.normal(size=seen.shape) for _ in range(2))
    ids = [f"s{number:05d}" for number in range(samples)]
    outputs = probabilities_of(base), probabilities_of(head + gain * np.eye(3)[gold])
    return Pair("classification", LABELS, ids, gold, *outputs, samples, samples, [])


def random_values(samples: int, *, noise: float = 1.0, seed: int = 0) -> Pair:
    """Two regressors; the head's errors are `noise` times as large."""
    random = generator(seed, "values")
    gold = random.normal(size=samples)
    base, head = gold + random.normal(size=samples), gold + noise * random.normal(size=samples)
    ids = [f"s{number:05d}" for number in range(samples)]
    return Pair("regression", (), ids, gold, base, head, samples, samples, [])
