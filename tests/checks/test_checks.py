"""Checks of texts, labels and rows: which rows each finds."""

from typing import Any

import pytest

from stages.checks import CHECKS
from stages.checks.verdicts import MEDIA
from stages.core import registry, samples
from stages.core.errors import UserError
from tests import workplace

TEXTS = [None, "", " \t\n\u00a0", "a", " ab ", "abcd", "日本語で"]
LABELS = [None, "", "  ", "good", "Good", "good ", "NaN"]


def found(code: str, rows: list[workplace.Row], labels: list[str], **options: Any) -> list[bool]:
    check = registry.build(CHECKS, code, options, code)
    mask = check(workplace.table(rows), labels)
    assert mask.dtype == bool
    assert mask.shape == (len(rows),)
    return list(mask)


@pytest.mark.parametrize(
    ("code", "options", "expected"),
    [
        ("text.missing", {}, [None]),
        ("text.empty", {}, ["", " \t\n\u00a0"]),
        ("text.too_short", {"min_characters": 3}, ["a", " ab "]),
        ("text.too_short", {"min_characters": 0}, []),
        ("text.too_long", {"max_characters": 3}, [" \t\n\u00a0", " ab ", "abcd", "日本語で"]),
        ("text.too_long", {"max_characters": 4}, []),
    ],
)
def test_checks_of_the_text(code: str, options: dict[str, int], expected: list[str | None]) -> None:
    mask = found(code, [{"text": text} for text in TEXTS], [], **options)
    assert [text for text, hit in zip(TEXTS, mask, strict=True) if hit] == expected


@pytest.mark.parametrize(
    ("code", "labels", "expected"),
    [
        ("label.missing", ["good"], [None, "", "  "]),
        ("label.unknown", ["good"], ["Good", "good ", "NaN"]),
        ("label.unknown", [], []),
    ],
)
def test_checks_of_the_label(code: str, labels: list[str], expected: list[str | None]) -> None:
    mask = found(code, [{"text": "x", "label": label} for label in LABELS], labels)
    assert [label for label, hit in zip(LABELS, mask, strict=True) if hit] == expected


def test_a_row_whose_input_came_earlier_is_a_duplicate_whatever_its_label() -> None:
    rows = [{"text": "a", "label": "x"}, {"text": "b"}, {"text": "a", "label": "y"}, {"text": "a", "text_pair": ""}]
    assert found("row.duplicate", rows, []) == [False, False, True, False]


def test_a_row_that_the_source_could_not_read_is_malformed() -> None:
    rows: list[workplace.Row] = [{"text": None, "issues": ["row.malformed"]}, {"text": "a", "issues": ["x.y"]}]
    assert found("row.malformed", rows, []) == [True, False]


VALUES: list[workplace.Row] = [
    {"text": "x", "value": value, "issues": issues}
    for value, issues in [(None, []), (None, ["value.invalid"]), (0.9, []), (1.0, []), (5.0, []), (5.1, [])]
]


@pytest.mark.parametrize(
    ("code", "options", "expected"),
    [
        ("value.missing", {}, [0]),
        ("value.invalid", {}, [1]),
        ("value.out_of_range", {"minimum": 1, "maximum": 5.0}, [2, 5]),
        ("value.out_of_range", {"minimum": 0.9, "maximum": 5.1}, []),
    ],
)
def test_checks_of_the_value(code: str, options: dict[str, float], expected: list[int]) -> None:
    assert [row for row, hit in enumerate(found(code, VALUES, [], **options)) if hit] == expected


OF_ROWS = [code for code in CHECKS if code.split(".")[0] not in MEDIA or code.endswith(".missing")]
"""The others are of decoded images and sounds."""
OPTIONS = {
    "text.too_short": {"min_characters": 1},
    "text.too_long": {"max_characters": 9},
    "value.out_of_range": {"minimum": 1.0, "maximum": 5.0},
}


@pytest.mark.parametrize("code", OF_ROWS)
@pytest.mark.parametrize("labels", [[], ["good"]], ids=["any label", "known labels"])
def test_every_check_takes_no_rows_and_rows_of_nulls(code: str, labels: list[str]) -> None:
    assert found(code, [], labels, **OPTIONS.get(code, {})) == []
    nulls: workplace.Row = dict.fromkeys(samples.SCHEMA.names)
    alone = found(
        code, [nulls | {"id": "a", "group": "a", "source": "s", "issues": []}], labels, **OPTIONS.get(code, {})
    )
    assert alone == [code.endswith(".missing")]


@pytest.mark.parametrize("code", [code for code in CHECKS if code.split(".")[0] not in MEDIA])
def test_every_check_stands_in_params_with_its_options(code: str) -> None:
    family, name = code.split(".")
    recipe = "sick" if family == "value" else "messages"
    options = workplace.params({}, f"recipes/{recipe}.yaml")["validate"]["checks"][family][name]
    assert callable(registry.build(CHECKS, code, options, code))


def test_a_negative_length_is_refused() -> None:
    with pytest.raises(UserError, match=r"text\.too_short\.min_characters: -1: should be greater than or equal to 0"):
        found("text.too_short", [], [], min_characters=-1)
