"""Near-duplicates: MinHash signatures of character shingles (rensa), banded into candidates, proved by exact Jaccard.

Broder (1997), "On the resemblance and containment of documents"; Leskovec, Rajaraman and Ullman,
"Mining of Massive Datasets", chapter 3, for the banding.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

RECALL = 0.98
"""The least probability that a pair just as similar as the threshold becomes a candidate."""
DEVIATIONS = 4
"""Of a similarity as signatures estimate it: one pair in 30,000 lies further below the threshold."""
PAIRS_AT_ONCE = 2**16
KEPT_SHINGLES = 4_096
ALL_PAIRS_UP_TO = 16
MOST_PARTNERS = 32
"""Rows of one bucket that are compared with one row of another list, others in each band."""
SEED = 42

Signatures = npt.NDArray[np.uint32]
Pairs = npt.NDArray[np.int64]


def shingle_hashes(texts: Sequence[str], size: int) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """Hashes of all windows of `size` characters, flat, and the offsets (N + 1,) of each text's own.

    A text shorter than `size` has one shingle, which runs into the padding after it.
    """
    padding = "\0" * size
    codes = np.frombuffer((padding.join(texts) + padding).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    lengths = np.fromiter((len(text) for text in texts), dtype=np.int64, count=len(texts))
    hashes = np.zeros(len(codes) - size + 1, dtype=np.uint64)
    for shift in range(size):
        hashes = (hashes ^ codes[shift : len(codes) - size + 1 + shift]) * np.uint64(0x9E3779B97F4A7C15)
        hashes ^= hashes >> np.uint64(29)
    counts = np.maximum(lengths - size + 1, 1)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    starts = np.concatenate([[0], np.cumsum(lengths + size)[:-1]])
    windows = np.repeat(starts - offsets[:-1], counts) + np.arange(offsets[-1])
    return hashes[windows], offsets.astype(np.uint64)


def signatures(texts: Sequence[str], *, shingle_characters: int, permutations: int) -> Signatures:
    """MinHash signatures (N, permutations) of the texts without regard to case."""
    from rensa import RMinHash

    if not texts:
        return np.empty((0, permutations), dtype=np.uint32)
    hashes, offsets = shingle_hashes([text.casefold() for text in texts], shingle_characters)
    matrix = RMinHash.digest_matrix_from_flat_token_hashes(hashes, offsets, permutations, SEED)
    return np.array(matrix.to_rows(), dtype=np.uint32)


def candidates(signed: Signatures, *, threshold: float) -> Pairs:
    """Pairs (M, 2), first < second, in order, of rows that agree in all of some band of their signatures (N, P).

    Chance agreements in a band grow with the square of the rows: pairs whose whole signatures say that they are
    far from the threshold are left out at once, band by band.
    """
    size = band_size(signed.shape[1], threshold)
    found = [np.empty(0, dtype=np.int64)]
    for start in range(0, signed.shape[1] - size + 1, size):
        pairs = bucket_pairs(_band_keys(signed, range(start, start + size)))
        pairs = pairs[_likely(pairs, signed, signed, threshold)]
        found.append(pairs[:, 0] * len(signed) + pairs[:, 1])
    numbers = np.unique(np.concatenate(found))
    return np.stack(np.divmod(numbers, max(len(signed), 1)), axis=1)


def candidates_between(signed: Signatures, others: Signatures, *, threshold: float) -> Pairs:
    """Pairs (M, 2) of a row of `signed` (N, P) and one of `others` (K, P) that agree in all of some band, in order.

    Of a bucket with more than `MOST_PARTNERS` rows some are left out. So pairs that agree in two neighbouring bands
    are looked for as well: where most texts share a template, these buckets are small, and hold the most similar.
    """
    size = band_size(signed.shape[1], threshold)
    starts = range(0, signed.shape[1] - size + 1, size)
    found = [np.empty(0, dtype=np.int64)]
    for number, (start, width) in enumerate((start, width) for width in (size, 2 * size) for start in starts):
        columns = range(start, min(start + width, signed.shape[1]))
        pairs = _partners(_band_keys(signed, columns), _band_keys(others, columns), number)
        pairs = pairs[_likely(pairs, signed, others, threshold)]
        found.append(pairs[:, 0] * len(others) + pairs[:, 1])
    numbers = np.unique(np.concatenate(found))
    return np.stack(np.divmod(numbers, max(len(others), 1)), axis=1)


def _partners(keys: npt.NDArray[np.uint64], others: npt.NDArray[np.uint64], band: int) -> Pairs:
    """Each row with the rows of the other list that have its key: of many, `MOST_PARTNERS`, others in each band."""
    order = np.argsort(others, kind="stable")
    ordered = others[order]
    starts = np.searchsorted(ordered, keys)
    sizes = np.searchsorted(ordered, keys, side="right") - starts
    counts = np.minimum(sizes, MOST_PARTNERS)
    rows = np.repeat(np.arange(len(keys)), counts)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    places = starts[rows] + (within + band * MOST_PARTNERS) % np.maximum(sizes[rows], 1)
    return np.stack([rows, order[places]], axis=1)


def _likely(pairs: Pairs, signed: Signatures, others: Signatures, threshold: float) -> npt.NDArray[np.bool_]:
    """Whether the share of equal places in two signatures is within `DEVIATIONS` of what the threshold gives."""
    places = signed.shape[1]
    least = threshold - DEVIATIONS * (threshold * (1 - threshold) / places) ** 0.5
    likely = np.empty(len(pairs), dtype=bool)
    for start in range(0, len(pairs), PAIRS_AT_ONCE):
        one, other = pairs[start : start + PAIRS_AT_ONCE].T
        agreeing = np.count_nonzero(signed[one] == others[other], axis=1)
        likely[start : start + PAIRS_AT_ONCE] = agreeing >= least * places
    return likely


def band_size(permutations: int, threshold: float) -> int:
    """The largest band, so the fewest candidates, at which `RECALL` is kept.

    At 64 permutations and a threshold of 0.7 it is 4: such a pair is found with 1 - (1 - 0.7^4)^16 = 0.988.
    """
    return max(
        (size for size in range(1, permutations + 1) if 1 - (1 - threshold**size) ** (permutations // size) >= RECALL),
        default=1,
    )


def _band_keys(signed: Signatures, columns: range) -> npt.NDArray[np.uint64]:
    keys = np.zeros(len(signed), dtype=np.uint64)
    for column in columns:
        keys = (keys ^ signed[:, column]) * np.uint64(0x9E3779B97F4A7C15)
        keys ^= keys >> np.uint64(31)
    return keys


def bucket_pairs(keys: npt.NDArray[np.uint64]) -> Pairs:
    """All pairs of a small bucket; of a large one, each row with its first and with the one before."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])) if len(keys) else np.empty(0, int)
    sizes = np.diff(np.append(starts, len(keys)))
    found = []
    for size in np.unique(sizes[sizes > 1]):
        buckets = order[starts[sizes == size][:, None] + np.arange(size)]
        if size <= ALL_PAIRS_UP_TO:
            first, second = np.triu_indices(size, k=1)
        else:
            later = np.arange(1, size)
            first, second = (
                np.concatenate([np.zeros(size - 1, int), later - 1]),
                np.concatenate([later, later]),
            )
        found.append(np.stack([buckets[:, first].ravel(), buckets[:, second].ravel()], axis=1))
    return np.concatenate(found) if found else np.empty((0, 2), dtype=np.int64)


def shingles(text: str, size: int) -> set[str]:
    """The set of windows of `size` characters without regard to case; a shorter text is its own."""
    folded = text.casefold()
    return {folded[start : start + size] for start in range(max(len(folded) - size, 0) + 1)}


def proved(pairs: Pairs, texts: Mapping[int, str], *, threshold: float, shingle_characters: int) -> Iterator[int]:
    """The numbers of the pairs whose exact Jaccard similarity, 0-1, is at least `threshold`."""
    of_row = lru_cache(KEPT_SHINGLES)(lambda row: shingles(texts[row], shingle_characters))
    for number, (first, second) in enumerate(pairs.tolist()):
        one, other = of_row(first), of_row(second)
        common = len(one & other)
        if common >= threshold * (len(one) + len(other) - common):
            yield number
