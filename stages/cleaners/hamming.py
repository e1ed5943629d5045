"""Pairs of 64-bit hashes that differ in few bits: perceptual hashes of images, fingerprints of sounds.

By the pigeonhole principle: two hashes that differ in at most d bits agree in one of d + 1 bands of their bits, so
only hashes that share a band are compared.
"""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from stages.cleaners.near import bucket_pairs

Hashes = npt.NDArray[np.uint64]
Pairs = npt.NDArray[np.int64]

BITS = 64
REPEATS = 16
"""Equal hashes of which each is compared; further ones are only linked to the first and to the one before."""
COMPARED_AT_ONCE = 2**21
MOST_PAIRS = 2**22
"""More are reduced to a spanning forest, so that memory does not grow with the square of a cluster."""


def pairs(signatures: Hashes, *, max_distance: int) -> Pairs:
    """Pairs (M, 2), first < second, in order, of the rows (N,) whose hashes differ in at most `max_distance` bits.

    All pairs, but for hashes that more than `REPEATS` rows share, and results beyond `MOST_PAIRS`: there the pairs
    still link the same rows to the same clusters.
    """
    rows = len(signatures)
    linked = bucket_pairs(signatures)
    kept = [linked[:, 0] * rows + linked[:, 1]]
    cluster = np.arange(rows)
    compared = np.flatnonzero(_rank(signatures) < REPEATS)
    for found in _close(signatures[compared], max_distance):
        one, other = compared[found].T
        numbers = np.minimum(one, other) * rows + np.maximum(one, other)
        kept.append(numbers[cluster[one] != cluster[other]])
        if sum(map(len, kept)) > MOST_PAIRS:
            whole = _distinct(kept)
            if len(whole) > MOST_PAIRS // 2:
                whole, cluster = _forest(whole, rows)
            kept = [whole]
    return np.stack(np.divmod(_distinct(kept), max(rows, 1)), axis=1)


def _distinct(parts: list[npt.NDArray[np.int64]]) -> npt.NDArray[np.int64]:
    """Each number once, in order. (np.unique hashes integers, which takes longer than sorting them.)"""
    numbers = np.sort(np.concatenate(parts))
    new: npt.NDArray[np.bool_] = np.append(True, numbers[1:] != numbers[:-1])[: len(numbers)]
    return np.asarray(numbers[new])


def _rank(signatures: Hashes) -> npt.NDArray[np.int64]:
    """How many equal hashes come before each (N,)."""
    order = np.argsort(signatures, kind="stable")
    ordered = signatures[order]
    firsts = np.searchsorted(ordered, ordered)
    rank = np.empty(len(signatures), dtype=np.int64)
    rank[order] = np.arange(len(signatures)) - firsts
    return rank


def _close(hashes: Hashes, max_distance: int) -> Iterator[Pairs]:
    """Pairs of rows of `hashes` (N,) at most so far apart; a pair comes once for each band in which it agrees."""
    for keys in _bands(hashes, max_distance):
        order = np.argsort(keys, kind="stable")
        _, starts, sizes = np.unique(keys[order], return_index=True, return_counts=True)
        for size in np.unique(sizes[sizes > 1]).tolist():
            buckets = order[starts[sizes == size][:, None] + np.arange(size)]
            yield from _close_within(buckets, hashes, max_distance)


def _bands(hashes: Hashes, max_distance: int) -> Iterator[Hashes]:
    """The bits of each band as keys (N,); one key for all where the bands would give more to compare than that."""
    edges = [BITS * band // (max_distance + 1) for band in range(max_distance + 2)]
    keys = []
    for low, high in pairwise(edges):
        keys.append((hashes >> np.uint64(low)) & np.uint64(2 ** (high - low) - 1))
    work = sum(int((np.unique(key, return_counts=True)[1].astype(np.float64) ** 2).sum()) for key in keys)
    yield from keys if work < len(hashes) ** 2 else [np.zeros_like(hashes)]


def _close_within(buckets: npt.NDArray[np.int64], hashes: Hashes, max_distance: int) -> Iterator[Pairs]:
    """Pairs of close rows in each bucket (K, size), a limited number of comparisons at a time."""
    size = buckets.shape[1]
    at_once = max(1, COMPARED_AT_ONCE // size**2)
    lines = max(1, COMPARED_AT_ONCE // (at_once * size))
    for start in range(0, len(buckets), at_once):
        some = buckets[start : start + at_once]
        values = hashes[some]
        for line in range(0, size, lines):
            apart = np.bitwise_count(values[:, line : line + lines, None] ^ values[:, None, line:])
            bucket, one, other = np.nonzero(apart <= max_distance)
            bucket, one, other = (part[one < other] for part in (bucket, one, other))
            if len(bucket):
                yield np.stack([some[bucket, line + one], some[bucket, line + other]], axis=1)


def _forest(numbers: npt.NDArray[np.int64], rows: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Of pairs as numbers first * rows + second, those of a spanning forest; and the cluster of each row (N,)."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components, minimum_spanning_tree

    graph = coo_array((np.ones(len(numbers), dtype=np.int8), np.divmod(numbers, rows)), shape=(rows, rows)).tocsr()
    first, second = minimum_spanning_tree(graph).nonzero()
    tree = np.minimum(first, second).astype(np.int64) * rows + np.maximum(first, second)
    return tree, connected_components(graph, directed=False)[1].astype(np.int64)
