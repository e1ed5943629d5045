"""Whether a difference between two models is more than luck: both are scored on the same test samples.

- Paired bootstrap: the samples are drawn again with replacement, the same for both sides; the percentile interval of
  the difference, and the p-value that goes with it (Efron & Tibshirani, "An Introduction to the Bootstrap", 1993,
  chapters 13 and 15; for comparisons of models: Koehn, "Statistical Significance Tests for Machine Translation
  Evaluation", EMNLP 2004). Both are widened for few samples: the percentile interval is too narrow by the factor that
  parts the normal law from Student's (Hesterberg, "What Teachers Should Know About the Bootstrap", The American
  Statistician 69, 2015, section 4: the expanded percentile interval).
- McNemar's exact test of two accuracies: among samples that one side alone gets right, either side is as likely as
  the other (McNemar, Psychometrika 12, 1947; Dietterich, Neural Computation 10, 1998).
- Holm's correction for several p-values (Scandinavian Journal of Statistics 6, 1979): under no difference at all, the
  chance of any claim stays below the level, however the metrics hang together.
- The smallest detectable difference: at 80 % power (Card et al., "With Little Power Comes Great Responsibility",
  EMNLP 2020), from the bootstrap's standard error and the normal law.

Legend: N samples, R resamples.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from scipy.special import bdtr, ndtr, ndtri, stdtr, stdtrit

from stages.tasks.bootstrap import Floats, Score, resample

SEED = 0
"""Of the resamples: the same two sides give the same review."""
POWER = 0.8
NOISE = 1e-12
"""Differences below it are those of floating-point sums in another order."""
BETTER, WORSE, NOTHING = "better", "worse", "no detectable difference"
NOT_VERIFIED = "not verified"
"""Finding of a committed metric whose predictions cannot be read."""
One = TypeVar("One")
Other = TypeVar("Other")


@dataclass(frozen=True)
class Estimate:
    """A difference, head - base: its percentile interval, two-sided p-value, and the smallest detectable one.

    NaN where no resample defines it; the smallest detectable one also where all resamples agree.
    """

    low: float
    high: float
    p: float
    smallest_detectable: float


def differences(base: Score, head: Score, samples: int, *, resamples: int) -> dict[str, Floats]:
    """By metric, head - base on the same resamples, (R,), NaN where either side is undefined.

    Memory does not grow with R: a few chunks of weights are held at a time, one a core.
    """

    def both(weights: Floats) -> dict[str, Floats]:
        first, second = base(weights), head(weights)
        return {name: second[name] - first[name] for name in first}

    parts = list(_in_threads(both, resample(samples, resamples, seed=SEED)))
    drawn = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return {name: np.where(np.abs(values) < NOISE, 0.0, values) for name, values in drawn.items()}


def _in_threads(function: Callable[[One], Other], items: Iterable[One]) -> Iterator[Other]:
    """The results in order; numpy lets threads run side by side. Two items a thread are taken in advance, not all."""
    threads = os.cpu_count() or 1
    waiting: deque[Future[Other]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > 2 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def estimate(drawn: Floats, *, samples: int, confidence: float) -> Estimate:
    """What the differences of R resamples, (R,), of N `samples` say.

    The p-value is twice the share of resamples on the rarer side of 0, 0 counted on both; the sides' own difference
    counts as one more resample, so that p is never 0 (Davison & Hinkley, "Bootstrap Methods and their Application",
    1997, chapter 4).
    """
    defined = drawn[~np.isnan(drawn)]
    if not len(defined):
        return Estimate(np.nan, np.nan, np.nan, np.nan)
    tail, freedom = (1 - confidence) / 2, max(1, samples - 1)
    outer = float(ndtr(stdtrit(freedom, tail) / np.sqrt(freedom / samples)))
    low, high = np.quantile(defined, [outer, 1 - outer])
    rarer = min(np.count_nonzero(defined <= 0), np.count_nonzero(defined >= 0))
    share = min(1.0, 2 * (1 + rarer) / (1 + len(defined)))
    deviation = float(defined.std(ddof=1)) if len(defined) > 1 else 0.0
    factor = float(ndtri(1 - tail) + ndtri(POWER))
    return Estimate(float(low), float(high), _p_value(share, samples), factor * deviation if deviation > 0 else np.nan)


def _p_value(share: float, samples: int) -> float:
    """The bootstrap's p-value, two-sided, by Student's law in place of the normal one."""
    freedom = max(1, samples - 1)
    return float(2 * stdtr(freedom, ndtri(share / 2) * np.sqrt(freedom / samples)))


def can_claim(comparisons: int, samples: int, *, resamples: int, confidence: float) -> bool:
    """Whether so few resamples can give a p-value that is small enough when it is corrected."""
    return comparisons * _p_value(2 / (1 + resamples), samples) <= 1 - confidence


def mcnemar(first: int, second: int) -> float:
    """The exact two-sided p-value of McNemar's test, from the counts of samples that one side alone gets right."""
    return float(min(1.0, 2 * bdtr(min(first, second), first + second, 0.5)))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's corrected p-values, in the order given; NaN stays, and is not counted."""
    given = np.array(p_values, dtype=np.float64)
    order = [i for i in np.argsort(given, kind="stable").tolist() if not np.isnan(given[i])]
    corrected, so_far = given.copy(), 0.0
    for rank, i in enumerate(order):
        so_far = max(so_far, min(1.0, (len(order) - rank) * float(given[i])))
        corrected[i] = so_far
    return [float(value) for value in corrected]


def finding(gain: float, low: float, high: float, p_holm: float, *, confidence: float) -> str:
    """`better` or `worse`, where both the interval and the corrected p-value rule out luck; else that nothing does.

    `gain` is the difference, positive where head is better; `low` and `high` bound it or its negative.
    """
    excludes_zero = low > 0 or high < 0
    if excludes_zero and p_holm <= 1 - confidence and gain != 0:
        return BETTER if gain > 0 else WORSE
    return NOTHING
