"""Values as strata."""

from collections import Counter

import numpy as np
import pytest

from stages.splitters.bins import by_quantile
from tests import workplace


def bins(values: list[float | None]) -> list[str | None]:
    rows: list[workplace.Row] = [{"text": str(n), "value": value, "label": "old"} for n, value in enumerate(values)]
    found: list[str | None] = by_quantile(workplace.table(rows))["label"].to_pylist()
    return found


def test_different_values_fill_ten_bins_alike_whatever_their_order() -> None:
    values = np.random.default_rng(0).normal(size=200).tolist()
    found = bins(values)
    assert Counter(found) == dict.fromkeys("0123456789", 20)
    assert bins(values[::-1]) == found[::-1]
    ranked = [name for _, name in sorted(zip(values, found, strict=True))]
    assert ranked == sorted(ranked, key=str)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], []),
        ([None, None], [None, None]),
        ([3.0, None, 3.0], ["0", None, "0"]),
        ([1.0] * 9 + [2.0], ["0"] * 9 + ["2"]),
    ],
)
def test_equal_values_share_a_bin_and_missing_ones_have_none(
    values: list[float | None], expected: list[str | None]
) -> None:
    assert bins(values) == expected
