"""What is decided a row at a time: which codes a row gets, and why it is dropped."""

from typing import Any

import pytest

from stages.cleaners import TEXT
from stages.cleaners.chain import chain
from stages.cleaners.rows import RowCleaner, build_steps
from stages.core.blocks import Step
from stages.core.errors import UserError
from stages.core.labels import normaliser
from tests import workplace

STEPS = {"html": str.upper, "whitespace": lambda text: " ".join(text.split())}


def cleaner(**changes: Any) -> RowCleaner:
    mapping = {"gut": "good"}
    whole: dict[str, Any] = {
        "modality": "text",
        "chain": chain(STEPS),
        "normalise": normaliser(labels=["good", "bad"], strip=True, casefold=True, mapping=mapping),
        "labels": frozenset(["good", "bad"]),
        "fill_text": None,
        "fill_label": None,
        "drop_missing_labels": True,
        "drop_unknown_labels": True,
    }
    return RowCleaner(**whole | changes)


def clean(row: workplace.Row, **changes: Any) -> tuple[Any, Any, list[str], str]:
    batch, reasons = cleaner(**changes)(workplace.table([{"label": "good", **row}]))
    (found,) = batch.to_pylist()
    return found["text"], found["label"], found["issues"], reasons[0]


@pytest.mark.parametrize(
    ("text", "expected", "codes", "reason"),
    [
        ("PLAIN", "PLAIN", [], ""),
        ("low", "LOW", ["text.html"], ""),
        (" low ", "LOW", ["text.html", "text.whitespace"], ""),
        (" \t", "", ["text.whitespace", "text.empty"], "text.empty"),
        ("", "", ["text.empty"], "text.empty"),
        (None, None, ["text.missing"], "text.missing"),
    ],
)
def test_a_text_gets_a_code_for_each_step_that_changed_it(
    text: str | None, expected: str | None, codes: list[str], reason: str
) -> None:
    assert clean({"text": text}) == (expected, "good", codes, reason)


@pytest.mark.parametrize(("text", "code"), [(None, "text.missing"), ("", "text.empty")])
def test_a_missing_text_can_be_filled(text: str | None, code: str) -> None:
    assert clean({"text": text}, fill_text="[NONE]") == ("[NONE]", "good", [code, "text.filled"], "")


@pytest.mark.parametrize(
    ("label", "expected", "codes", "reason"),
    [
        ("good", "good", [], ""),
        (" GUT ", "good", ["label.mapped"], ""),
        ("mixed ", "mixed", ["label.mapped", "label.unknown"], "label.unknown"),
        ("", None, ["label.missing"], "label.missing"),
        ("  ", None, ["label.missing"], "label.missing"),
        (None, None, ["label.missing"], "label.missing"),
    ],
)
def test_a_label_gets_its_class_or_a_reason(
    label: str | None, expected: str | None, codes: list[str], reason: str
) -> None:
    assert clean({"text": "X", "label": label}) == ("X", expected, codes, reason)


@pytest.mark.parametrize(
    ("changes", "label", "expected", "codes"),
    [
        ({"drop_missing_labels": False}, None, None, ["label.missing"]),
        ({"fill_label": "bad"}, None, "bad", ["label.missing", "label.filled"]),
        ({"drop_unknown_labels": False}, "mixed", "mixed", ["label.unknown"]),
        ({"labels": frozenset()}, "mixed", "mixed", []),
    ],
)
def test_what_is_not_dropped_is_still_marked(
    changes: dict[str, Any], label: str | None, expected: str | None, codes: list[str]
) -> None:
    assert clean({"text": "X", "label": label}, **changes) == ("X", expected, codes, "")


def test_a_text_that_never_comes_to_rest_is_dropped_for_it() -> None:
    grown = chain({"html": lambda text: text + "<"})
    _, _, codes, reason = clean({"text": "x"}, chain=grown)
    assert (codes, reason) == (["text.html", "text.unstable"], "text.unstable")


def test_the_first_reason_counts_and_every_code_stays() -> None:
    row: workplace.Row = {"text": "", "label": "mixed", "issues": ["row.duplicate", "text.empty"]}
    assert clean(row) == ("", "mixed", ["row.duplicate", "text.empty", "label.unknown"], "text.empty")


def test_the_second_text_is_cleaned_but_may_be_missing() -> None:
    batch, reasons = cleaner()(workplace.table([{"text": "a", "text_pair": " b"}, {"text": "C", "text_pair": None}]))
    assert batch["text_pair"].to_pylist() == ["B", None]
    assert reasons == ["label.missing", "label.missing"]
    assert batch["issues"].to_pylist()[0] == ["text.html", "text.whitespace", "label.missing"]


def test_rows_changed_are_counted_by_step() -> None:
    one = cleaner()
    for _ in range(2):
        one(workplace.table([{"text": " a", "label": "gut"}, {"text": "B", "label": "good"}]))
    assert one.changed == {"html": 2, "whitespace": 2, "labels": 2}


def test_steps_are_built_in_order_and_those_switched_off_are_still_checked() -> None:
    steps = {"case": Step(enabled=True), "html": Step(enabled=False), "whitespace": Step(enabled=True)}
    assert list(build_steps(TEXT, steps, "clean.text.steps")) == ["case", "whitespace"]
    with pytest.raises(UserError) as caught:
        build_steps(TEXT, steps | {"urls": Step(enabled=False, replace="x")}, "clean.text.steps")
    assert str(caught.value).startswith("params.yaml: clean.text.steps.urls.replace")


@pytest.mark.parametrize(
    ("row", "codes", "reason"),
    [
        ({"value": 0.0}, [], ""),
        ({"value": None}, ["value.missing"], "value.missing"),
        ({"value": None, "issues": ["value.invalid"]}, ["value.invalid"], "value.invalid"),
        ({"value": 2.5, "label": None}, [], ""),
    ],
)
def test_where_the_answer_is_a_value_labels_do_not_matter(row: workplace.Row, codes: list[str], reason: str) -> None:
    assert clean({"text": "X", "label": " odd", **row}, answer="value")[1:] == (row.get("label", " odd"), codes, reason)


def test_a_missing_value_can_be_kept() -> None:
    assert clean({"text": "X"}, answer="value", drop_missing_labels=False)[2:] == (["value.missing"], "")
