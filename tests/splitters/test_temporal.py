"""A split along time: training sees the past."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core import registry
from stages.core.errors import UserError
from stages.splitters import SPLITTERS
from tests import workplace

SHARES = [0.6, 0.2, 0.2]
DAY = date(2025, 1, 1)


def share(
    rows: list[tuple[str, str]], shares: list[float] = SHARES, column: str = "date", format: str = "iso"
) -> list[int]:
    splitter = registry.build(SPLITTERS, "temporal", {"column": column, "format": format}, "split.options")
    samples: list[workplace.Row] = [
        {"text": str(n), "group": group, "extra": [("date", day)]} for n, (group, day) in enumerate(rows)
    ]
    return list(splitter(workplace.table(samples), shares, seed=1, purpose="split"))


def days(count: int) -> list[tuple[str, str]]:
    return [(f"g{n}", (DAY + timedelta(days=n)).isoformat()) for n in range(count)]


def test_the_earliest_are_trained_on_and_the_latest_tested() -> None:
    assert share(days(10)) == [0] * 6 + [1] * 2 + [2] * 2
    assert share(days(10)[::-1]) == [2] * 2 + [1] * 2 + [0] * 6


def test_a_part_without_a_share_stays_empty() -> None:
    assert share(days(4), [0.5, 0.0, 0.5]) == [0, 0, 2, 2]
    assert share(days(4), [1.0, 0.0, 0.0]) == [0, 0, 0, 0]


def test_samples_of_one_moment_stay_together() -> None:
    assert share([(f"g{n}", "2025-01-01") for n in range(5)]) == [2] * 5


def test_a_group_goes_where_its_latest_sample_belongs() -> None:
    rows = [("g9" if group == "g0" else group, day) for group, day in days(10)]
    assert share(rows)[0] == share(rows)[9] == 2


def test_without_rows_nothing_is_shared_out() -> None:
    assert share([]) == []


@pytest.mark.parametrize(
    ("early", "late", "format"),
    [
        ("2025-01-31", "2025-02-01T00:00:00", "iso"),
        ("2025-01-01T12:00:00+02:00", "2025-01-01T11:00:00", "iso"),
        ("31.01.2025", "01.02.2025", "%d.%m.%Y"),
        ("0001-01-01", "9999-12-31", "iso"),
    ],
)
def test_dates_are_read_as_their_format_says(early: str, late: str, format: str) -> None:
    assert share([("a", late), ("b", early)], [0.5, 0.0, 0.5], format=format) == [2, 0]


@workplace.quick
@given(
    rows=st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 30)), min_size=1, max_size=30),
    shares=st.sampled_from([SHARES, [0.5, 0.0, 0.5], [0.98, 0.01, 0.01]]),
)
def test_no_group_is_trained_on_that_ends_after_what_is_tested_begins(
    rows: list[tuple[str, int]], shares: list[float]
) -> None:
    parts = share([(group, (DAY + timedelta(days=day)).isoformat()) for group, day in rows], shares)
    latest: dict[str, int] = {}
    for group, day in rows:
        latest[group] = max(day, latest.get(group, day))
    of_group = {group: part for (group, _), part in zip(rows, parts, strict=True)}
    assert [of_group[group] for group, _ in rows] == parts
    ends = sorted((latest[group], part) for group, part in of_group.items())
    assert [part for _, part in ends] == sorted(of_group.values())


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        (
            [("a", "2025-01-01")],
            {"column": "day"},
            "params.yaml: split.options.column: sample 6fa95964cef710f8 has no 'day'; it has: date",
        ),
        ([("a", "soon")], {}, "'soon' of sample 6fa95964cef710f8 is no date of the form 'iso'"),
        ([("a", "2025-01-01")], {"format": "%d.%m.%Y"}, "is no date of the form '%d.%m.%Y'"),
        ([("a", "2025-01-01")], {"format": "%Q"}, "is no date of the form '%Q'"),
    ],
)
def test_a_sample_without_a_date_is_named(rows: list[Any], options: dict[str, str], message: str) -> None:
    with pytest.raises(UserError) as caught:
        share(rows, **options)
    assert message in str(caught.value)
