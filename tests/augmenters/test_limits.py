"""What a derived text may differ by."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.augmenters.limits import Limits, changed_share, distance
from stages.augmenters.protect import Protected

LIMITS = Limits(0.4, 3, Protected(["not", "no"]))


def table_of_distances(one: str, other: str) -> int:
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        last, row[0] = row[0], i
        for j, b in enumerate(other, start=1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (a != b))
    return row[-1]


@pytest.mark.parametrize(
    ("one", "other", "result"),
    [
        ("", "", 0),
        ("", "abc", 3),
        ("kitten", "sitting", 3),
        ("parcel", "parcle", 2),
        ("好的", "好", 1),
        ("ab", "ba", 2),
    ],
)
def test_the_distance_is_levenshteins(one: str, other: str, result: int) -> None:
    assert distance(one, other) == distance(other, one) == result


@settings(max_examples=200, deadline=None, derandomize=True)
@given(one=st.text("abc", max_size=80), other=st.text("abc", max_size=80))
def test_the_distance_is_that_of_the_plain_table(one: str, other: str) -> None:
    assert distance(one, other) == table_of_distances(one, other)


def test_the_changed_share_is_of_the_longer_text() -> None:
    assert changed_share("abcd", "abcdefgh") == changed_share("abcdefgh", "abcd") == 0.5
    assert changed_share("", "") == 0.0


@pytest.mark.parametrize(
    ("derived", "reason"),
    [
        ("it did not worj", None),
        ("it did not work", "augment.unchanged"),
        ("it did nto work", "augment.unchanged"),
        ("  it  ", "augment.too_short"),
        ("it did nott work", "augment.protected"),
        ("it did work", "augment.protected"),
        ("it no did not work", "augment.protected"),
        ("that was not broken", "augment.too_different"),
    ],
)
def test_each_limit_has_its_reason(derived: str, reason: str | None) -> None:
    limits = Limits(0.4, 5, LIMITS.protected)
    assert limits.broken("it did not work", derived, {"it did nto work"}) == reason


def test_the_order_of_protected_words_counts() -> None:
    assert LIMITS.broken("no, not now", "not, no now", set()) == "augment.protected"
