"""A contract that fits the data that were found: as they are it holds, and refuses them when they have changed much."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ROWS = 0.8
"""Of the rows found: with fewer the contract is broken."""
ROWS_PER_CLASS = 0.6
"""Of the rows of the smallest class."""
IMBALANCE = 1.5
"""Times the imbalance found."""
MARGIN = (1.5, 0.01)
"""A share may grow by half, and by a hundredth of all rows."""
Content = dict[str, Any]


@dataclass(frozen=True)
class Found:
    """What there is.

    Attributes:
        rows: all rows.
        classes: class -> rows; empty where answers are values.
        shares: reason code -> share of the rows, 0 to 1.
    """

    rows: int
    classes: Mapping[str, int]
    shares: Mapping[str, float]


def fit(contract: Mapping[str, Any], found: Found) -> Content:
    """The block `validate.contract` that the data keep, from that of a recipe."""
    fitted = dict(contract) | {"min_rows": math.floor(ROWS * found.rows)}
    if found.classes:
        smallest, largest = min(found.classes.values()), max(found.classes.values())
        fitted["min_rows_per_class"] = math.floor(ROWS_PER_CLASS * smallest)
        fitted["max_imbalance"] = float(math.ceil(max(2.0, IMBALANCE * largest / max(smallest, 1))))
    shares = dict(contract["max_shares"])
    for code, usual in shares.items():
        shares[code] = roomy(found.shares.get(code, 0.0), usual)
    return fitted | {"max_shares": shares}


def roomy(found: float, usual: float) -> float:
    """The usual share, or one with some room above what was found, in hundredths."""
    times, more = MARGIN
    return usual if found <= usual / times else min(1.0, math.ceil(round(100 * (times * found + more), 6)) / 100)
