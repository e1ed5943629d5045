"""What is decided over all rows: who stays, in which group, and with which codes."""

from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pytest

from stages.cleaners import outliers
from stages.cleaners.survey import Survey
from tests import workplace

LONG = "my parcel was left with a neighbour and nobody told me about it"


class Surveyed:
    """A survey of rows, in batches of two."""

    def __init__(self, rows: list[workplace.Row], reasons: list[str] | None = None, permutations: int = 64) -> None:
        self.table = workplace.table([{"label": "a", **row} for row in rows])
        self.survey = Survey(shingle_characters=4, permutations=permutations)
        given = reasons or [""] * len(rows)
        for start in range(0, len(rows), 2):
            self.survey.add(self.table.slice(start, 2), given[start : start + 2])
        self.survey.close()

    def batches(self) -> Iterator[pa.Table]:
        return (self.table.slice(start, 2) for start in range(0, len(self.table), 2))

    @property
    def reasons(self) -> list[str]:
        return [self.survey.names[number] for number in self.survey.reasons]

    def column(self, name: str) -> list[Any]:
        found: list[Any] = self.survey.finish(self.table, slice(0, len(self.table)))[name].to_pylist()
        return found


def test_of_exact_repeats_the_first_stays() -> None:
    found = Surveyed([{"text": "x"}, {"text": "y"}, {"text": "x"}, {"text": "x", "text_pair": "z"}])
    found.survey.repeats("drop", "drop")
    assert found.reasons == ["", "", "duplicate.exact", ""]
    assert found.column("issues") == [[], [], ["duplicate.exact"], []]


def test_repeats_that_are_kept_come_into_one_group() -> None:
    found = Surveyed([{"text": "x", "group": "g"}, {"text": "y", "group": "h"}, {"text": "x", "group": "h"}])
    found.survey.repeats("drop", "keep")
    assert found.reasons == ["", "", ""]
    assert found.column("group") == ["g", "g", "g"]
    assert found.survey.count_groups() == 1


def test_contradictions_come_before_repeats() -> None:
    rows = [{"text": "x", "label": label} for label in ("a", "b", "a")]
    found = Surveyed(rows)
    found.survey.repeats("majority", "drop")
    assert found.reasons == ["", "label.conflict", "duplicate.exact"]
    assert found.column("issues") == [["label.conflict"], ["label.conflict"], ["label.conflict", "duplicate.exact"]]


def test_a_row_dropped_before_takes_no_part() -> None:
    rows = [{"text": "x", "label": "odd"}, {"text": "x", "label": "a"}, {"text": "x", "label": "a"}]
    found = Surveyed(rows, ["label.unknown", "", ""])
    found.survey.repeats("drop", "drop")
    assert found.reasons == ["label.unknown", "", "duplicate.exact"]
    assert found.column("issues") == [[], [], ["duplicate.exact"]]


@pytest.mark.parametrize("exact", ["train", None])
def test_a_held_out_sample_stays_whatever_repeats_it(exact: str | None) -> None:
    splits = [exact, "validation", "test", "test"]
    found = Surveyed([{"text": "x", "split": split} for split in splits])
    found.survey.repeats("drop", "drop")
    assert found.reasons == ["duplicate.exact", "", "", ""]


def test_a_labelled_sample_stays_before_one_without_a_label() -> None:
    found = Surveyed([{"text": "x", "label": None}, {"text": "x", "label": "a"}])
    found.survey.repeats("drop", "drop")
    assert found.reasons == ["duplicate.exact", ""]


def near(action: Any, *splits: str | None) -> Surveyed:
    texts = [LONG, "something else entirely, yes", LONG + "!", LONG.upper() + "?"]
    rows = [{"text": text, "group": f"g{n}"} for n, text in enumerate(texts)]
    found = Surveyed([row | {"split": split} for row, split in zip(rows, splits or [None] * 4, strict=True)])
    found.survey.near(found.batches, action=action, threshold=0.7)
    return found


def test_near_duplicates_come_into_one_group() -> None:
    found = near("group")
    assert found.reasons == [""] * 4
    assert found.column("group") == ["g0", "g1", "g0", "g0"]
    assert found.column("issues") == [[], [], ["duplicate.near"], ["duplicate.near"]]


def test_near_duplicates_can_be_dropped_but_for_the_first() -> None:
    assert near("drop").reasons == ["", "", "duplicate.near", "duplicate.near"]


def test_near_duplicates_of_a_held_out_sample_are_dropped_not_it() -> None:
    found = near("drop", "train", "train", "test", "validation")
    assert found.reasons == ["duplicate.near", "", "", ""]


Check = Callable[..., Any]
LENGTHS = [50, 55] * 20 + [5000, 70]


@pytest.mark.parametrize(
    ("action", "reasons"), [("flag", ["", ""]), ("drop", ["outlier.length", "outlier.length"])], ids=["flag", "drop"]
)
def test_outliers_are_flagged_once_or_dropped_until_there_are_none(action: Any, reasons: list[str]) -> None:
    found = Surveyed([{"text": "x" * length} for length in LENGTHS], permutations=0)
    found.survey.outliers(found.batches, {"length": outliers.length(z=4.0)}, action=action)
    assert found.reasons == [""] * 40 + reasons
    flagged = [bool(codes) for codes in found.column("issues")]
    assert flagged == [False] * 40 + [True, action == "drop"]


def test_without_any_row_there_is_nothing_to_find() -> None:
    found = Surveyed([])
    found.survey.repeats("majority", "keep")
    found.survey.near(found.batches, action="drop", threshold=0.7)
    found.survey.outliers(found.batches, {"length": outliers.length(z=4.0)}, action="drop")
    assert found.survey.count_groups() == 0
    assert found.column("text") == []


def test_when_all_rows_were_dropped_there_is_nothing_to_find() -> None:
    found = Surveyed([{"text": "x"}, {"text": "x"}], ["text.empty", "text.empty"])
    found.survey.repeats("drop", "drop")
    found.survey.near(found.batches, action="group", threshold=0.7)
    found.survey.outliers(found.batches, {"length": outliers.length(z=4.0)}, action="flag")
    assert found.reasons == ["text.empty", "text.empty"]
    assert found.survey.count_groups() == 0
