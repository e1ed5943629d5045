"""Repeats of one input: exact ones, contradicting labels, and groups of what must stay together."""

from typing import Literal

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def repeats(keys: npt.NDArray[np.uint64]) -> Mask:
    """Whether an earlier row has the same key; keys and result are (N,)."""
    found = np.ones(len(keys), dtype=bool)
    found[np.unique(keys, return_index=True)[1]] = False
    return found


def conflicts(
    keys: npt.NDArray[np.uint64], labels: npt.NDArray[np.int32], action: Literal["drop", "majority", "keep"]
) -> tuple[Mask, Mask]:
    """Rows whose input stands with several labels, and those of them to drop; all arrays are (N,).

    Args:
        keys: equal for equal inputs.
        labels: class numbers; negative: no label, which contradicts nothing.
        action: drop all of them; keep the label of the strict majority; keep all.
    """
    labelled = np.flatnonzero(labels >= 0)
    conflicting = np.zeros(len(keys), dtype=bool)
    if not len(labelled):
        return conflicting, conflicting.copy()
    _, inverse = np.unique(keys[labelled], return_inverse=True)
    pairs, counts = np.unique(np.stack([inverse, labels[labelled]]), axis=1, return_counts=True)
    starts = np.flatnonzero(np.concatenate([[True], pairs[0, 1:] != pairs[0, :-1]]))
    several = np.diff(np.append(starts, pairs.shape[1])) > 1
    conflicting[labelled] = several[inverse]
    if action == "keep":
        return conflicting, np.zeros(len(keys), dtype=bool)
    drop = conflicting.copy()
    if action == "majority":
        most = np.maximum.reduceat(counts, starts)
        leading = counts == np.repeat(most, np.diff(np.append(starts, len(counts))))
        strict = np.add.reduceat(leading.astype(np.int64), starts) == 1
        winner = np.add.reduceat(pairs[1] * leading, starts)  # the one leading label, where `strict`
        drop[labelled] &= ~(strict[inverse] & (labels[labelled] == winner[inverse]))
    return conflicting, drop


def join_groups(groups: Ints, pairs: Ints) -> Ints:
    """Groups (N,) after the rows of each pair (M, 2) came into one group, which takes the smallest number."""
    edges = groups[pairs]
    leader = np.arange(groups.max(initial=-1) + 1)
    while True:
        ends = leader[edges]
        lower = ends.min(axis=1)
        if (ends == lower[:, None]).all():
            joined: Ints = leader[groups]
            return joined
        for side in ends.T:
            np.minimum.at(leader, side, lower)
        while not np.array_equal(further := leader[leader], leader):
            leader = further
