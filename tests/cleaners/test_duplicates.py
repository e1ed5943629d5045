"""Repeats, contradictions and groups, against the plainest way of finding them."""

from collections import Counter, defaultdict
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.cleaners.duplicates import conflicts, join_groups, repeats
from tests.workplace import quick

KEYS = st.lists(st.integers(0, 5), max_size=30)
LABELLED = st.lists(st.tuples(st.integers(0, 5), st.integers(-1, 3)), max_size=30)
Action = Literal["drop", "majority", "keep"]


def run(rows: list[tuple[int, int]], action: Action) -> tuple[list[bool], list[bool]]:
    keys = np.array([key for key, _ in rows], dtype=np.uint64)
    labels = np.array([label for _, label in rows], dtype=np.int32)
    found, dropped = conflicts(keys, labels, action)
    return found.tolist(), dropped.tolist()


def plain_conflicts(rows: list[tuple[int, int]], action: Action) -> tuple[list[bool], list[bool]]:
    given: dict[int, Counter[int]] = defaultdict(Counter)
    for key, label in rows:
        if label >= 0:
            given[key][label] += 1
    found, dropped = [], []
    for key, label in rows:
        contradicts = label >= 0 and len(given[key]) > 1
        most = max(given[key].values(), default=0)
        wins = [name for name, count in given[key].items() if count == most] == [label]
        found.append(contradicts)
        dropped.append(contradicts and (action == "drop" or (action == "majority" and not wins)))
    return found, dropped


@quick
@given(KEYS)
def test_repeats_are_the_rows_whose_key_came_earlier(keys: list[int]) -> None:
    expected = [key in keys[:row] for row, key in enumerate(keys)]
    assert repeats(np.array(keys, dtype=np.uint64)).tolist() == expected


@pytest.mark.parametrize("action", ["drop", "majority", "keep"])
@quick
@given(rows=LABELLED)
def test_conflicts_are_those_of_a_plain_count(action: Action, rows: list[tuple[int, int]]) -> None:
    assert run(rows, action) == plain_conflicts(rows, action)


@pytest.mark.parametrize(
    ("labels", "action", "dropped"),
    [
        ([0, 0, 0], "drop", [False, False, False]),
        ([0, 1, 0], "drop", [True, True, True]),
        ([0, 1, 0], "majority", [False, True, False]),
        ([0, 1, 0, 1], "majority", [True, True, True, True]),
        ([0, 1, 0], "keep", [False, False, False]),
        ([0, -1], "drop", [False, False]),
        ([0, 1, -1], "drop", [True, True, False]),
        ([], "majority", []),
    ],
)
def test_contradicting_labels_of_one_input(labels: list[int], action: Action, dropped: list[bool]) -> None:
    assert run([(7, label) for label in labels], action)[1] == dropped


def test_keys_at_the_ends_of_their_range_are_told_apart() -> None:
    assert repeats(np.array([2**64 - 1, 2**63, 0, 2**64 - 1], dtype=np.uint64)).tolist() == [False, False, False, True]


@quick
@given(
    groups=st.lists(st.integers(0, 9), min_size=1, max_size=20),
    pairs=st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), max_size=15),
)
def test_joined_groups_are_those_of_plain_merging(groups: list[int], pairs: list[tuple[int, int]]) -> None:
    inside = [(a % len(groups), b % len(groups)) for a, b in pairs]
    expected = list(groups)
    for a, b in inside * len(inside):
        low, high = sorted((expected[a], expected[b]))
        expected = [low if group == high else group for group in expected]
    array = np.array(inside, dtype=np.int64).reshape(-1, 2)
    assert join_groups(np.array(groups, dtype=np.int64), array).tolist() == expected


def test_no_rows_are_no_groups() -> None:
    assert join_groups(np.empty(0, np.int64), np.empty((0, 2), np.int64)).tolist() == []
