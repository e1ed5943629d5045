"""Drift: only lists that share no sample are compared."""

from pathlib import Path
from typing import Any

import numpy as np

from review.data import data_changes
from tests import folders
from tests.workplace import Row

WORDS = [f"word{number}" for number in range(40)]


def rows(count: int, seed: int, words: int = 6, label: str | None = None, split: str = "train") -> list[Row]:
    random = np.random.default_rng(seed)
    return [
        {
            "text": " ".join(random.choice(WORDS, words)) + f" {random.integers(1e6)}",
            "label": label or str(random.choice(["positive", "negative"])),
            "split": split,
        }
        for number in range(count)
    ]


def drift(folder: Path, base: list[Row], head: list[Row]) -> dict[str, Any]:
    folders.lay_out(folder / "base", base)
    folders.lay_out(folder / "head", head)
    found: dict[str, Any] = data_changes(folders.side(folder / "base"), folders.side(folder / "head"))["drift"]
    return found


def findings(found: dict[str, Any]) -> dict[str, str]:
    return {row["what"]: row["finding"] for row in found["rows"] if row["compared"] == "new, against the base's"}


def test_the_same_samples_are_not_tested(tmp_path: Path) -> None:
    found = drift(tmp_path, rows(50, 1), rows(50, 1))
    assert (found["rows"], found["untested"]) == ([], [])
    assert found["lengths"][0]["base_median"] == found["lengths"][0]["head_median"]


def test_new_samples_of_the_same_kind_are_no_drift(tmp_path: Path) -> None:
    found = drift(tmp_path, rows(80, 1), [*rows(80, 1), *rows(40, 2)])
    nothing = "no detectable drift"
    assert findings(found) == {"length": nothing, "label": nothing, "content": nothing}
    assert [(row["samples"], row["others"]) for row in found["rows"]] == [(40, 80)] * 3


def test_new_samples_of_another_length_and_class_are_drift(tmp_path: Path) -> None:
    found = drift(tmp_path, rows(80, 1), [*rows(80, 1), *rows(40, 2, words=15, label="neutral")])
    assert findings(found) == {"length": "drift", "label": "drift", "content": "drift"}


def test_samples_that_went_are_compared_with_those_that_stayed(tmp_path: Path) -> None:
    long = rows(30, 2, words=15)
    found = drift(tmp_path, [*rows(60, 1), *long], rows(60, 1))
    assert {row["compared"] for row in found["rows"]} == {"gone, against those kept"}
    assert [row["finding"] for row in found["rows"] if row["what"] == "length"] == ["drift"]


def test_too_few_samples_are_told(tmp_path: Path) -> None:
    found = drift(tmp_path, rows(60, 1), [*rows(60, 1), *rows(5, 2), *rows(3, 3, split="test")])
    assert found["rows"] == []
    assert found["untested"] == ["train: new, against the base's: only 5 samples"]
