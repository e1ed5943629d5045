"""Headline metrics of many resamples at once, for the bootstrap and for paired comparisons of models.

Definitions as in classification.py; with weights of one, the values are the same.

Legend: N samples, K classes, R resamples. `weights` (R, N) says how often each resample holds each sample.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from stages.tasks.bootstrap import Score
from stages.tasks.calibration import Floats, Integers, bins_of, gaps

EPSILON = float(np.finfo(np.float64).eps)
"""Probabilities are kept this far from 0 and 1 in the log loss, as in scikit-learn."""


def scorer(gold: Integers, probabilities: Floats, *, bins: int) -> Score:
    """A function from weights (R, N) to the headline metrics (R,) of those resamples, NaN where undefined.

    All but the AUC follow from weighted sums over samples, so they come from one sparse matrix product; the
    AUC takes a cumulated sum over the ranked negatives of each class.
    """
    from scipy.sparse import csr_array

    samples, classes = probabilities.shape
    predicted, every = probabilities.argmax(axis=1), np.ones(samples)
    loss = -np.log(probabilities[np.arange(samples), gold].clip(EPSILON, 1 - EPSILON))
    inside = bins_of(probabilities.max(axis=1), bins)
    # each sample adds to five of the sums: hits by class, gold by class, predicted by class, loss, gap by bin
    addends = np.stack([predicted == gold, every, every, loss, gaps(gold, probabilities)], axis=1)
    columns = [gold, classes + gold, 2 * classes + predicted, 3 * classes * every, 3 * classes + 1 + inside]
    places = np.stack(columns, axis=1).astype(np.int64)
    shape = (samples, 3 * classes + 1 + bins)
    addend_matrix = csr_array((addends.ravel(), places.ravel(), np.arange(0, 5 * samples + 1, 5)), shape=shape)
    ranks = [_ranks(gold == k, probabilities[:, k]) for k in ranked_classes(gold, classes)]

    def score(weights: Floats) -> dict[str, Floats]:
        total = weights.sum(axis=1)
        sums = weights @ addend_matrix
        hits, golds, guesses, losses, bin_gaps = np.split(sums, np.array([1, 2, 3, 3]) * classes + [0, 0, 0, 1], axis=1)
        present = golds + guesses > 0
        averages = present.sum(axis=1)
        return {
            "accuracy": hits.sum(axis=1) / total,
            "macro_f1": _share(2 * hits, golds + guesses).sum(axis=1) / averages,
            "macro_precision": _share(hits, guesses).sum(axis=1) / averages,
            "macro_recall": _share(hits, golds).sum(axis=1) / averages,
            "roc_auc": _weighted_auc(weights, ranks),
            "log_loss": losses[:, 0] / total,
            "ece": np.abs(bin_gaps).sum(axis=1) / total,
        }

    return score


def ranked_classes(gold: Integers, classes: int) -> list[int]:
    """Classes whose ROC curve counts: they have positives and negatives; of two classes, the second alone."""
    wanted = [1] if classes == 2 else range(classes)
    return [k for k in wanted if 0 < np.count_nonzero(gold == k) < len(gold)]


def _ranks(right: npt.NDArray[np.bool_], scores: Floats) -> tuple[Integers, Integers, Integers, Integers]:
    """Positives; negatives by rising score; per positive, how many negatives score lower, and not higher."""
    positives, negatives = np.flatnonzero(right), np.flatnonzero(~right)
    negatives = negatives[np.argsort(scores[negatives], kind="stable")]
    below = np.searchsorted(scores[negatives], scores[positives], side="left")
    not_above = np.searchsorted(scores[negatives], scores[positives], side="right")
    return positives, negatives, below, not_above


def _weighted_auc(weights: Floats, ranks: Sequence[tuple[Integers, Integers, Integers, Integers]]) -> Floats:
    """The mean over classes of P(positive scores higher) + P(equal) / 2, by the Mann-Whitney statistic."""
    total, defined = np.zeros(len(weights)), np.zeros(len(weights))
    for positives, negatives, below, not_above in ranks:
        positive = weights[:, positives]
        beaten = np.zeros((len(weights), len(negatives) + 1))
        np.cumsum(weights[:, negatives], axis=1, out=beaten[:, 1:])
        wins = np.einsum("rp,rp->r", positive, beaten[:, below] + beaten[:, not_above]) / 2
        pairs = positive.sum(axis=1) * beaten[:, -1]
        total += _share(wins, pairs)
        defined += pairs > 0
    means = np.full(len(weights), np.nan)
    np.divide(total, defined, out=means, where=defined > 0)
    return means


def _share(part: Floats, whole: Floats) -> Floats:
    """part / whole, and 0 where the whole is 0."""
    out = np.zeros_like(whole)
    np.divide(part, whole, out=out, where=whole > 0)
    return out
