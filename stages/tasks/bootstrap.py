"""Bootstrap intervals: how far a metric would move if other test samples had been drawn.

Percentile intervals after Efron & Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13. A
resample of N samples is given as N weights: how often each was drawn. Two models scored with the same weights
are paired.

Legend: N samples, R resamples.
"""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import numpy.typing as npt

from stages.core.seeds import generator

Floats = npt.NDArray[np.float64]
Score = Callable[[Floats], Mapping[str, Floats]]
"""Weights (R, N) to values (R,) by metric, NaN where a metric is undefined."""

CHUNK_VALUES = 2**18
"""Weights held at once (2 MiB): what fits the cache is faster, and memory does not grow with R."""


def resample(samples: int, resamples: int, *, seed: int, chunk_values: int = CHUNK_VALUES) -> Iterator[Floats]:
    """Weights in chunks (r, N), `resamples` rows in all; the size of a chunk changes none of them."""
    random = generator(seed, "bootstrap")
    rows = max(1, chunk_values // samples)
    for start in range(0, resamples, rows):
        count = min(rows, resamples - start)
        drawn = random.integers(samples, size=(count, samples))
        drawn += np.arange(count)[:, None] * samples
        yield np.bincount(drawn.ravel(), minlength=count * samples).reshape(count, samples).astype(np.float64)


def intervals(
    score: Score, samples: int, *, resamples: int, confidence: float, seed: int
) -> dict[str, tuple[float, float]]:
    """The percentile interval (low, high) of each metric, over the resamples in which it is defined.

    Metrics that no resample defines are left out; with 0 resamples, all are.
    """
    parts = [score(weights) for weights in resample(samples, resamples, seed=seed)]
    tail = (1 - confidence) / 2
    found = {}
    for metric in parts[0] if parts else ():
        values = np.concatenate([part[metric] for part in parts])
        defined = values[~np.isnan(values)]
        if len(defined):
            low, high = np.quantile(defined, [tail, 1 - tail])
            found[metric] = (float(low), float(high))
    return found
