"""Close pairs of 64-bit hashes: the same as by comparing all, in time and memory that many repeats do not blow up."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from stages.cleaners import hamming
from stages.cleaners.hamming import REPEATS, pairs

HASHES = st.lists(st.integers(0, 2**64 - 1), max_size=12)
FLIPS = st.lists(st.tuples(st.integers(0, 11), st.sets(st.integers(0, 63), max_size=6)), max_size=12)


def by_comparing_all(hashes: list[int], max_distance: int) -> list[list[int]]:
    rows = range(len(hashes))
    return [[i, j] for i in rows for j in rows[i + 1 :] if (hashes[i] ^ hashes[j]).bit_count() <= max_distance]


def found(hashes: list[int], max_distance: int) -> list[list[int]]:
    return pairs(np.array(hashes, dtype=np.uint64), max_distance=max_distance).tolist()


@settings(max_examples=200, deadline=None)
@given(HASHES, FLIPS, st.integers(0, 16))
def test_the_pairs_are_those_found_by_comparing_all(
    hashes: list[int], flips: list[tuple[int, set[int]]], max_distance: int
) -> None:
    for row, bits in flips:
        if row < len(hashes):
            hashes.append(hashes[row] ^ sum(1 << bit for bit in bits))
    assert found(hashes, max_distance) == by_comparing_all(hashes, max_distance)


@pytest.mark.parametrize("max_distance", [0, 4, 8, 16])
def test_many_random_hashes_are_paired_as_by_comparing_all(max_distance: int) -> None:
    generator = np.random.default_rng(1)
    hashes = generator.integers(0, 2**64, 300, dtype=np.uint64).tolist()
    hashes += [value ^ (1 << int(generator.integers(64))) for value in hashes]
    assert found(hashes, max_distance) == by_comparing_all(hashes, max_distance)


@pytest.mark.parametrize("hashes", [[], [5]])
def test_fewer_than_two_have_no_pairs(hashes: list[int]) -> None:
    assert pairs(np.array(hashes, dtype=np.uint64), max_distance=4).shape == (0, 2)


def test_repeats_beyond_some_are_linked_to_their_first() -> None:
    hashes = [7] * (REPEATS + 5) + [6]
    linked = found(hashes, 1)
    assert {second for first, second in linked if first == 0} == set(range(1, REPEATS + 6))
    assert found(hashes, 1) == sorted(linked)


def test_a_large_cluster_is_kept_whole_by_fewer_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    hashes = [low | far << 32 for far in (0, 0xFFFF) for low in range(64)]
    whole = np.array(by_comparing_all(hashes, 6))
    monkeypatch.setattr(hamming, "MOST_PAIRS", 500)
    monkeypatch.setattr(hamming, "COMPARED_AT_ONCE", 256)
    fewer = np.array(found(hashes, 6))
    assert len(fewer) < 500 < len(whole)
    assert {tuple(pair) for pair in fewer.tolist()} <= {tuple(pair) for pair in whole.tolist()}
    assert clusters(fewer, len(hashes)) == clusters(whole, len(hashes)) == 2


def clusters(linked: np.ndarray, rows: int) -> int:
    graph = coo_array((np.ones(len(linked)), (linked[:, 0], linked[:, 1])), shape=(rows, rows))
    return int(connected_components(graph, directed=False)[0])


def test_a_hundred_thousand_hashes_take_seconds() -> None:
    generator = np.random.default_rng(1)
    hashes = generator.integers(0, 2**64, 100_000, dtype=np.uint64)
    hashes[60_000:70_000] = hashes[:10_000] ^ np.uint64(0b1011)
    hashes[70_000:] = hashes[1]
    start = time.perf_counter()
    linked = pairs(hashes, max_distance=4)
    assert time.perf_counter() - start < 5
    assert len(linked) < 100_000
    assert {(row, row + 60_000) for row in range(2, 10_000)} <= {(first, second) for first, second in linked.tolist()}
