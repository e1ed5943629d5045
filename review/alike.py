"""Texts of one list that are like texts of another: the project's near-duplicate search, between two lists."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from stages.cleaners import near

SHINGLE_CHARACTERS = 4
PERMUTATIONS = 64
BATCH_TEXTS = 8_192


class Alike(NamedTuple):
    """Positions in either list, and the Jaccard similarity of their character shingles, 0-1."""

    one: int
    other: int
    similarity: float


def alike(
    ones: Sequence[str],
    others: Sequence[str],
    *,
    threshold: float,
    most: int,
    shingle_characters: int = SHINGLE_CHARACTERS,
    permutations: int = PERMUTATIONS,
) -> list[Alike]:
    """Pairs of a text of `ones` and one of `others` with at least that similarity, in order.

    Of each text of `ones` only its `most` likeliest partners, by their signatures, are compared letter by letter.
    A pair just at the threshold is found with a probability of `near.RECALL` or more; see stages/cleaners/near.py.
    """
    if not ones or not others:
        return []
    sizes = {"shingle_characters": shingle_characters, "permutations": permutations}
    signed = [np.concatenate([_signed(side, start, sizes) for start in _starts(side)]) for side in (ones, others)]
    pairs = near.candidates_between(signed[0], signed[1], threshold=threshold)
    pairs = likeliest(pairs, signed[0], signed[1], most)
    pairs[:, 1] += len(ones)
    texts = {row: ones[row] for row in np.unique(pairs[:, 0]).tolist()}
    texts |= {row: others[row - len(ones)] for row in np.unique(pairs[:, 1]).tolist()}
    proof = near.proved(pairs, texts, threshold=threshold, shingle_characters=shingle_characters)
    found = pairs[np.fromiter(proof, dtype=np.int64)].tolist()
    return [
        Alike(one, other - len(ones), similarity(texts[one], texts[other], shingle_characters)) for one, other in found
    ]


def likeliest(pairs: near.Pairs, signed: near.Signatures, others: near.Signatures, most: int) -> near.Pairs:
    """Of each row's pairs (M, 2) those whose signatures agree most, at most so many, in order."""
    agreeing = np.empty(len(pairs), dtype=np.int64)
    for start in range(0, len(pairs), near.PAIRS_AT_ONCE):
        one, other = pairs[start : start + near.PAIRS_AT_ONCE].T
        agreeing[start : start + near.PAIRS_AT_ONCE] = np.count_nonzero(signed[one] == others[other], axis=1)
    order = np.lexsort((-agreeing, pairs[:, 0]))
    ranked = pairs[order]
    ranks = np.arange(len(pairs)) - np.searchsorted(ranked[:, 0], ranked[:, 0])
    return pairs[np.sort(order[ranks < most])]


def similarity(one: str, other: str, shingle_characters: int = SHINGLE_CHARACTERS) -> float:
    """The Jaccard similarity of two texts' character shingles, 0-1."""
    first, second = near.shingles(one, shingle_characters), near.shingles(other, shingle_characters)
    return len(first & second) / len(first | second)


def _starts(texts: Sequence[str]) -> range:
    return range(0, len(texts), BATCH_TEXTS)


def _signed(texts: Sequence[str], start: int, sizes: dict[str, int]) -> near.Signatures:
    return near.signatures(texts[start : start + BATCH_TEXTS], **sizes)
