"""Two-sample tests: do two lists of samples come from one distribution?"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from stages.core.seeds import generator

Floats = npt.NDArray[np.float64]
Kernel = npt.NDArray[np.float32]

PERMUTATIONS = 999
"""The least p-value is 1 / (PERMUTATIONS + 1)."""


def of_values(ones: Sequence[float], others: Sequence[float]) -> tuple[float, float]:
    """The greatest distance of the two distribution functions, 0-1, and the p-value (Kolmogorov-Smirnov).

    The p-value is that of the limit, with the correction for small samples of M. A. Stephens, "EDF statistics for
    goodness of fit and some comparisons", 1974. With ties, as lengths have them, it is rather too large than too small.
    """
    from scipy.special import kolmogorov

    first, second = np.sort(ones), np.sort(others)
    places = np.concatenate([first, second])
    shares = (np.searchsorted(side, places, side="right") / len(side) for side in (first, second))
    distance = float(np.abs(next(shares) - next(shares)).max())
    root = float(np.sqrt(len(first) * len(second) / (len(first) + len(second))))
    return distance, float(kolmogorov((root + 0.12 + 0.11 / root) * distance))


def of_classes(ones: Sequence[Any], others: Sequence[Any]) -> tuple[float, float]:
    """Half the sum of the differences of the shares, 0-1, and the p-value (chi-squared, by permutation).

    Permutation, as rare classes make the asymptotic p-value wrong: Monte Carlo test of homogeneity (Hope 1968).
    """
    labels = sorted({*ones, *others}, key=str)
    counts = [Counter(side) for side in (ones, others)]
    table = np.array([[count[label] for label in labels] for count in counts], dtype=np.float64)
    totals, wanted = table.sum(axis=0), len(ones)
    expected = totals * wanted / table.sum()

    def statistic(first: Floats) -> Floats:
        return np.asarray(((first - expected) ** 2 / expected).sum(axis=-1))

    random = generator("review", "classes", wanted, len(others))
    drawn = random.multivariate_hypergeometric(totals.astype(np.int64), wanted, PERMUTATIONS, method="marginals")
    reached = statistic(drawn.astype(np.float64)) >= statistic(table[0]) * (1 - 1e-9)
    shares = table / table.sum(axis=1, keepdims=True)
    return float(np.abs(shares[0] - shares[1]).sum() / 2), float((1 + reached.sum()) / (PERMUTATIONS + 1))


def of_kernel(kernel: Kernel, first: int) -> tuple[float, float]:
    """The maximum mean discrepancy of the first rows of a kernel matrix (N, N) from the rest, and the p-value.

    The biased estimate, its p-value by permutation: A. Gretton, K. Borgwardt, M. Rasch, B. Schölkopf and A. Smola,
    "A kernel two-sample test", 2012.
    """
    rows = len(kernel)
    weights = np.concatenate([np.full(first, 1 / first), np.full(rows - first, -1 / (rows - first))])
    random = generator("review", "kernel", rows, first)
    drawn = random.permuted(np.repeat(weights[:, None], PERMUTATIONS, axis=1), axis=0)
    columns = np.concatenate([weights[:, None], drawn], axis=1).astype(np.float32)
    found = np.einsum("np,np->p", columns, kernel @ columns).astype(np.float64)
    reached = found[1:] >= found[0] * (1 - 1e-6)
    return float(np.sqrt(max(found[0], 0.0))), float((1 + reached.sum()) / (PERMUTATIONS + 1))


def gaussian(squared: Kernel) -> Kernel:
    """A kernel from squared distances (N, N); their median is its width."""
    upper = squared[np.triu_indices(len(squared), k=1)]
    positive = upper[upper > 0]
    width = float(np.median(positive)) if len(positive) else 1.0
    return np.asarray(np.exp(-squared / np.float32(width)), dtype=np.float32)
