"""Slices: for whom it is worse, and what is too small to be judged."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from review.pairing import Pair
from review.sides import Side
from review.slices import TOO_FEW, _by_quartile, slices
from review.statistics import BETTER, NOTHING, WORSE
from stages.core import tables
from stages.core.errors import UserError
from tests.two_models import pair_of, random_values
from tests.workplace import table

GOLD = [0, 1, 2] * 40
WRONG = [(label + 1) % 3 for label in GOLD]


def side(folder: Path, **columns: Any) -> Side:
    """A workspace with 120 texts of 1 to 12 words, from two channels."""
    rows = [
        {
            "id": f"s{number:03d}",
            "text": " ".join(["word"] * (1 + number % 12)),
            "extra": [("channel", "chat" if number < 60 else "mail"), ("user", f"u{number}")],
            **{name: values[number] for name, values in columns.items()},
        }
        for number in range(120)
    ]
    (folder / "data/cleaned").mkdir(parents=True)
    tables.write(folder / "data/cleaned", "samples", table(rows))
    return Side("head", None, "head", folder, None)


def found(
    one: Side, pair: Pair, *columns: str, modality: str = "text", min_slice: int = 20
) -> dict[tuple[str, str], dict]:
    section = slices(
        one, one, pair, modality=modality, columns=columns, min_slice=min_slice, resamples=500, confidence=0.95, bins=10
    )
    return {(row["by"], row["value"]): row for row in section["rows"]}


def test_the_slice_that_got_worse_comes_first_and_is_told(tmp_path: Path) -> None:
    head = [WRONG[i] if i >= 60 and i % 3 else GOLD[i] for i in range(120)]
    rows = found(side(tmp_path), pair_of(GOLD, head, GOLD), "channel")
    assert next(iter(rows)) == ("channel", "mail")
    row = rows["channel", "mail"]
    assert (row["samples"], row["base"], row["head"], row["finding"]) == (60, 1, pytest.approx(1 / 3), WORSE)
    assert row["low"] <= row["difference"] <= row["high"] < 0
    assert row["p"] == pytest.approx(2 * 0.5**40)
    assert rows["class", "negative"]["finding"] == rows["channel", "chat"]["finding"] == NOTHING
    assert row["values"]["head"]["accuracy"] == pytest.approx(1 / 3)
    assert set(row["values"]["base"]) == {"accuracy", "macro_f1", "macro_precision", "macro_recall", "roc_auc"} | {
        "log_loss",
        "ece",
    }


def test_lengths_are_cut_at_the_quartiles(tmp_path: Path) -> None:
    rows = found(side(tmp_path), pair_of(GOLD, GOLD, GOLD))
    lengths = {value: row["samples"] for (by, value), row in rows.items() if by == "length"}
    assert lengths == {"1 to 3 words": 30, "4 to 6 words": 30, "7 to 9 words": 30, "10 to 12 words": 30}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.1435, 0.27375, 0.352, 0.648], ["0.143 s", "0.274 s", "0.352 s", "0.648 s"]),
        ([0.10001, 0.10002, 0.2, 3.0], ["0.10001 s", "0.10002 s", "0.2 s", "3 s"]),
        ([5.0, 5.0, 5.0, 5.0], ["5 s"]),
        ([float("nan"), 1.0, 2.0, 40_000.0], ["1 s", "2 s", "40000 s"]),
    ],
)
def test_lengths_are_named_by_as_few_digits_as_tell_them_apart(values: list[float], expected: list[str]) -> None:
    assert list(_by_quartile(np.array(values), "s")) == expected


def test_small_slices_come_last_without_a_claim(tmp_path: Path) -> None:
    rows = found(side(tmp_path), pair_of(GOLD, WRONG, GOLD), "user")
    small = {key: row for key, row in rows.items() if key[0] == "user"}
    assert len(small) == 30
    assert list(rows)[-30:] == list(small)
    assert {(row["finding"], row["low"], row["p_holm"]) for row in small.values()} == {(TOO_FEW, None, None)}


def test_one_source_alone_is_no_slice(tmp_path: Path) -> None:
    assert "source" not in {by for by, _ in found(side(tmp_path / "one"), pair_of(GOLD, GOLD, GOLD))}
    two = side(tmp_path / "two", source=["a.csv"] * 50 + ["b.csv"] * 70)
    assert {value for by, value in found(two, pair_of(GOLD, GOLD, GOLD)) if by == "source"} == {"a.csv", "b.csv"}


def test_an_unknown_column_is_told_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"review.slices: chanel: .* \(there are: channel, user\)"):
        found(side(tmp_path), pair_of(GOLD, GOLD, GOLD), "chanel")


def test_values_are_sliced_by_their_quartiles_and_judged_by_the_absolute_error(tmp_path: Path) -> None:
    rows = found(side(tmp_path), random_values(120, noise=4.0))
    assert {row["metric"] for row in rows.values()} == {"mae"}
    by_value = [row for (by, _), row in rows.items() if by == "value"]
    assert [row["samples"] for row in by_value] == [30] * 4
    assert {row["finding"] for row in by_value} == {WORSE}


def test_a_fix_is_better_in_its_slice(tmp_path: Path) -> None:
    base = [WRONG[i] if i < 60 else GOLD[i] for i in range(120)]
    rows = found(side(tmp_path), pair_of(base, GOLD, GOLD), "channel")
    assert rows["channel", "chat"]["finding"] == BETTER
