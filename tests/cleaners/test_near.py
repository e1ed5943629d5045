"""Near-duplicates: what is planted is found, and what is found is similar enough."""

import random
import string
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.cleaners import near
from tests.workplace import quick

SIZE, PERMUTATIONS = 4, 64
MASK = 2**64 - 1
MESSAGE = "my parcel was left with a neighbour and nobody told me about it until the next morning"
VARIANTS = [MESSAGE[a:b] + end for a in (0, 3, 40) for b in (60, 80, 88) for end in ("", "!", " thanks")]


def jaccard(one: str, other: str) -> float:
    a, b = near.shingles(one, SIZE), near.shingles(other, SIZE)
    return len(a & b) / len(a | b)


def found(texts: list[str], threshold: float, permutations: int = PERMUTATIONS) -> set[tuple[int, int]]:
    signed = near.signatures(texts, shingle_characters=SIZE, permutations=permutations)
    pairs = near.candidates(signed, threshold=threshold)
    proof = near.proved(pairs, dict(enumerate(texts)), threshold=threshold, shingle_characters=SIZE)
    return {(first, second) for first, second in pairs[list(proof)].tolist()}


def noise(seed: int, length: int) -> str:
    return "".join(random.Random(seed).choices(string.ascii_lowercase + " ", k=length))


def plain_hashes(text: str, size: int) -> list[int]:
    padded = [ord(letter) for letter in text] + [0] * size
    hashes = []
    for start in range(max(len(text) - size + 1, 1)):
        value = 0
        for code in padded[start : start + size]:
            value = ((value ^ code) * 0x9E3779B97F4A7C15) & MASK
            value ^= value >> 29
        hashes.append(value)
    return hashes


@quick
@given(texts=st.lists(st.text(max_size=9), max_size=6), size=st.integers(1, 6))
def test_shingle_hashes_are_those_of_a_plain_loop(texts: list[str], size: int) -> None:
    hashes, offsets = near.shingle_hashes(texts, size)
    bounds = offsets.astype(int).tolist()
    pieces = [hashes[start:end].tolist() for start, end in pairwise(bounds)]
    assert pieces == [plain_hashes(text, size) for text in texts]


def test_shingles_are_without_regard_to_case_and_a_short_text_is_its_own() -> None:
    assert near.shingles("Straße", 4) == {"stra", "tras", "rass", "asse"}
    assert near.shingles("ab", 4) == {"ab"}
    assert near.shingles("", 4) == {""}


@pytest.mark.parametrize("permutations", [16, 30, 64])
def test_signatures_have_a_row_a_text_and_are_equal_for_equal_shingles(permutations: int) -> None:
    signed = near.signatures(["One text", "oNE TEXT", "another"], shingle_characters=SIZE, permutations=permutations)
    assert signed.shape == (3, permutations)
    assert signed.dtype == np.uint32
    assert (signed[0] == signed[1]).all()
    assert (signed[0] != signed[2]).any()
    assert near.signatures([], shingle_characters=SIZE, permutations=permutations).shape == (0, permutations)


def test_planted_pairs_are_found_and_no_others() -> None:
    texts = [noise(seed, 80) for seed in range(300)]
    planted = set()
    for row in range(0, 100, 2):
        texts[row + 1] = texts[row][:-3] + "xyz"
        planted.add((row, row + 1))
    assert min(jaccard(texts[a], texts[b]) for a, b in planted) > 0.85
    assert found(texts, 0.7) == planted


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7, 0.9])
@pytest.mark.parametrize("permutations", [16, 64])
def test_of_pairs_at_the_threshold_nearly_all_are_found(threshold: float, permutations: int) -> None:
    texts, planted = [], set()
    for seed in range(200):
        own, shared = noise(seed, 90), int(90 * 2 * threshold / (1 + threshold)) + 4
        texts += [own, own[:shared] + noise(seed + 1000, 90 - shared)]
        planted.add((2 * seed, 2 * seed + 1))
    similar = {pair for pair in planted if jaccard(texts[pair[0]], texts[pair[1]]) >= threshold}
    assert len(similar) > 150
    caught = found(texts, threshold, permutations)
    assert caught <= similar
    assert len(caught) >= 0.95 * len(similar)


@quick
@given(
    texts=st.lists(st.sampled_from(VARIANTS), max_size=8),
    threshold=st.sampled_from([0.4, 0.7, 1.0]),
)
def test_every_pair_found_is_proved_and_every_very_similar_pair_is_found(texts: list[str], threshold: float) -> None:
    caught = found(texts, threshold)
    similarity = {(a, b): jaccard(texts[a], texts[b]) for a, b in combinations(range(len(texts)), 2)}
    assert all(similarity[pair] >= threshold for pair in caught)
    assert {pair for pair, share in similarity.items() if share >= (1 + threshold) / 2} <= caught


def test_texts_too_short_for_a_shingle_are_compared_as_a_whole() -> None:
    assert found(["ok", "OK", "no", "", "okay"], 0.7) == {(0, 1)}


def test_a_large_bucket_stays_linear_and_hangs_together() -> None:
    texts = [MESSAGE] * 1000
    signed = near.signatures(texts, shingle_characters=SIZE, permutations=PERMUTATIONS)
    pairs = near.candidates(signed, threshold=0.7)
    assert len(pairs) == 999 + 998
    assert {tuple(pair) for pair in pairs.tolist()} == {(0, n) for n in range(1, 1000)} | {
        (n, n + 1) for n in range(999)
    }


@pytest.mark.parametrize(
    ("permutations", "threshold", "size"), [(64, 0.7, 4), (64, 0.5, 2), (64, 0.9, 8), (16, 0.7, 2)]
)
def test_bands_are_as_large_as_the_recall_allows(permutations: int, threshold: float, size: int) -> None:
    assert near.band_size(permutations, threshold) == size
    chance = 1 - (1 - threshold**size) ** (permutations // size)
    assert chance >= near.RECALL


def test_a_recall_that_no_band_reaches_still_searches() -> None:
    assert near.band_size(16, 0.01) == 1


def test_no_texts_are_no_pairs() -> None:
    assert near.candidates(np.empty((0, 64), np.uint32), threshold=0.7).shape == (0, 2)
