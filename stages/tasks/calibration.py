"""Calibration: whether a confidence of 0.8 is right in 8 of 10 cases.

Expected calibration error and reliability diagram after Guo et al., "On Calibration of Modern Neural
Networks", ICML 2017: the confidence is the probability of the predicted class, in equal-width bins of (0, 1].

Legend: N samples, K classes.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


def bins_of(confidence: Floats, bins: int) -> Integers:
    """The bin (N,), 0 to `bins - 1`, of each confidence (N,): bin b holds (b / bins, (b + 1) / bins]."""
    upper_edges = np.arange(1, bins) / bins
    return np.searchsorted(upper_edges, confidence, side="left")


def gaps(gold: Integers, probabilities: Floats) -> Floats:
    """Right (1) or wrong (0) minus confidence, (N,), -1 to 1; an overconfident model's mean is negative."""
    right: Floats = (probabilities.argmax(axis=1) == gold).astype(np.float64)
    right -= probabilities.max(axis=1)
    return right


def expected_calibration_error(gold: Integers, probabilities: Floats, *, bins: int) -> float:
    """|accuracy - mean confidence| over the bins, weighted by their counts: 0 to 1, lower is better."""
    inside = bins_of(probabilities.max(axis=1), bins)
    sums = np.bincount(inside, weights=gaps(gold, probabilities), minlength=bins)
    return float(np.abs(sums).sum() / len(gold))


def reliability(gold: Integers, probabilities: Floats, *, bins: int) -> pa.Table:
    """One row a bin that is not empty: mean confidence, accuracy, count."""
    confidence = probabilities.max(axis=1)
    inside = bins_of(confidence, bins)
    counts = np.bincount(inside, minlength=bins)
    filled = counts > 0
    mean_confidence = np.bincount(inside, weights=confidence, minlength=bins)[filled] / counts[filled]
    right = np.bincount(inside, weights=probabilities.argmax(axis=1) == gold, minlength=bins)
    return pa.table(
        {
            "confidence": mean_confidence.round(6),
            "accuracy": (right[filled] / counts[filled]).round(6),
            "count": counts[filled],
        }
    )
