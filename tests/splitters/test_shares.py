"""Sharing out: groups whole, shares kept as far as groups allow, the same whatever the order of the rows."""

import random
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core import registry
from stages.splitters import SPLITTERS
from stages.splitters.shares import share_out
from tests.workplace import quick

SHARES = [0.7, 0.15, 0.15]
PARTS = st.sampled_from([SHARES, [1.0, 0.0, 0.0], [0.5, 0.0, 0.5], [0.25] * 4, [0.9, 0.1]])
ROW = st.tuples(st.integers(0, 12), st.sampled_from(["a", "b", "c", None]))


def share(method: str, rows: list[tuple[Any, Any]], shares: list[float], seed: int = 1) -> list[int]:
    splitter = registry.build(SPLITTERS, method, {}, "split.options")
    columns = {"group": [f"g{group}" for group, _ in rows], "label": [label for _, label in rows]}
    table = pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})
    found = splitter(table, shares, seed=seed, purpose="split")
    assert found.dtype == np.int64
    return list(found)


def singles(*sizes: int) -> list[tuple[str, str]]:
    return [(f"{label}{n}", f"class {label}") for label, size in enumerate(sizes) for n in range(size)]


@pytest.mark.parametrize("method", ["stratified", "random"])
@quick
@given(rows=st.lists(ROW, max_size=40), shares=PARTS, seed=st.integers(0, 9))
def test_groups_stay_whole_and_the_order_of_the_rows_does_not_matter(
    method: str, rows: list[tuple[int, str | None]], shares: list[float], seed: int
) -> None:
    parts = share(method, rows, shares, seed)
    assert len(parts) == len(rows)
    assert all(shares[part] > 0 for part in parts)
    of_group = defaultdict(set)
    for (group, _), part in zip(rows, parts, strict=True):
        of_group[group].add(part)
    assert all(len(found) == 1 for found in of_group.values())
    order = random.Random(seed).sample(range(len(rows)), len(rows))
    assert share(method, [rows[n] for n in order], shares, seed) == [parts[n] for n in order]


@quick
@given(sizes=st.lists(st.integers(1, 9), min_size=1, max_size=12), shares=PARTS)
def test_single_samples_are_shared_out_to_the_unit_in_each_class_and_in_all(
    sizes: list[int], shares: list[float]
) -> None:
    rows = singles(*sizes)
    found = Counter(zip((label for _, label in rows), share("stratified", rows, shares), strict=True))
    for part, wanted in enumerate(shares):
        counts = [found[f"class {label}", part] for label in range(len(sizes))]
        assert all(abs(count - wanted * size) < 1 for count, size in zip(counts, sizes, strict=True))
        assert abs(sum(counts) - wanted * len(rows)) < 1.5


@pytest.mark.parametrize(
    ("sizes", "shares", "expected"),
    [
        ([100], SHARES, [70, 15, 15]),
        ([3] * 10, SHARES, [21, 5, 4]),
        ([2] * 3, [0.2] * 5, [2, 1, 1, 1, 1]),
        ([1], SHARES, [1, 0, 0]),
    ],
)
def test_small_classes_do_not_leave_a_small_part_empty(
    sizes: list[int], shares: list[float], expected: list[int]
) -> None:
    parts = share("stratified", singles(*sizes), shares)
    assert np.bincount(parts, minlength=len(shares)).tolist() == expected


@quick
@given(sizes=st.lists(st.integers(1, 8), min_size=1, max_size=40), shares=PARTS)
def test_groups_miss_a_share_by_no_more_than_their_size(sizes: list[int], shares: list[float]) -> None:
    rows = [(group, "a") for group, size in enumerate(sizes) for _ in range(size)]
    counts = np.bincount(share("random", rows, shares), minlength=len(shares))
    assert np.abs(counts - np.array(shares) * len(rows)).max() <= max(sizes)


def test_the_largest_group_goes_where_there_is_most_room() -> None:
    rows = [("big", "class 0")] * 12 + singles(8)
    assert Counter(share("stratified", rows, SHARES)) == {0: 14, 1: 3, 2: 3}


def test_of_parts_that_need_a_group_alike_the_emptiest_takes_it() -> None:
    rows = [("A", "a")] * 3 + [("B", "b")] * 3 + [("C", "a")]
    assert len(set(share("stratified", rows, [1 / 3] * 3))) == 3


@pytest.mark.parametrize("method", ["stratified", "random"])
def test_a_new_sample_moves_few_of_the_others(method: str) -> None:
    rows = singles(400, 300, 300)
    before = dict(zip(rows, share(method, rows, SHARES), strict=True))
    for new in [("new", "class 0")], [(f"new {n}", f"class {n % 3}") for n in range(10)]:
        after = dict(zip(rows + new, share(method, rows + new, SHARES), strict=True))
        moved = sum(after[row] != part for row, part in before.items())
        assert moved <= 2 * len(new) + 4  # a boundary moves by one for each new sample, and by rounding


def authors(seed: int = 0) -> list[tuple[str, str]]:
    """Samples by 250 authors, each of two to five, mostly but not only of one class."""
    chosen = random.Random(seed)
    rows = []
    for author in range(250):
        usual = chosen.choice("abc")
        labels = [usual if chosen.random() < 0.8 else chosen.choice("abc") for _ in range(chosen.randint(2, 5))]
        rows += [(f"author {author}", label) for label in labels]
    return rows


def test_groups_of_several_classes_are_shared_out_by_class() -> None:
    rows = authors()
    found = Counter(zip((label for _, label in rows), share("stratified", rows, SHARES), strict=True))
    for label, count in Counter(label for _, label in rows).items():
        for part, wanted in enumerate(SHARES):
            assert abs(found[label, part] - wanted * count) <= 5, f"{label}, part {part}"


@pytest.mark.parametrize("method", ["stratified", "random"])
@pytest.mark.parametrize(
    "changed",
    [
        lambda rows: [(group, "abc"[n % 3]) if n % 100 == 0 else (group, label) for n, (group, label) in rows],
        lambda rows: [row for n, row in rows if n % 50],
        lambda rows: [row for _, row in rows] + [(f"new {n // 3}", "abc"[n % 3]) for n in range(len(rows) // 7)],
        lambda rows: [row for _, row in rows] + [(f"author {n}", "a") for n in range(0, 250, 5)],
    ],
    ids=["one of a hundred relabelled", "one of fifty removed", "a seventh more", "more of some authors, of one class"],
)
def test_a_change_of_the_data_moves_at_most_two_groups_out_of_each_part(
    method: str, changed: Callable[[Any], list[tuple[str, str]]]
) -> None:
    rows = authors()
    after = changed(list(enumerate(rows)))
    before, now = (
        dict(zip((group for group, _ in some), share(method, some, SHARES), strict=True)) for some in (rows, after)
    )
    assert Counter(before.values()) == {0: 177, 1: 34, 2: 39}
    for part in range(len(SHARES)):
        assert sum(now[group] != part for group, found in before.items() if found == part and group in now) <= 2


def test_seed_and_purpose_change_the_draw() -> None:
    rows = singles(100)
    assert share("random", rows, SHARES, seed=1) != share("random", rows, SHARES, seed=2)
    groups, strata = [group for group, _ in rows], np.zeros(100, dtype=np.int64)
    one, other = (share_out(groups, strata, SHARES, seed=1, purpose=purpose) for purpose in ("split", "folds"))
    assert one.tolist() != other.tolist()


def test_stratified_keeps_what_random_may_lose() -> None:
    rows = singles(180, 20)
    parts = share("stratified", rows, SHARES)
    assert Counter(part for (_, label), part in zip(rows, parts, strict=True) if label == "class 1") == {
        0: 14,
        1: 3,
        2: 3,
    }
