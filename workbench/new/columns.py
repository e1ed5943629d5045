"""What a column of a table holds: how much of it, how many different values, and of which kind."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from statistics import median

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stages.sources.values import numbers

LOOKED_AT = 1_000
"""Different values that are tried as dates."""
MOST = 0.95
"""Of the values that are there: so many must be of a kind, for the column to be."""
DATES = ("iso", "%d.%m.%Y", "%d.%m.%Y %H:%M", "%d/%m/%Y", "%d/%m/%Y %H:%M", "%m/%d/%Y", "%m/%d/%Y %H:%M", "%Y/%m/%d")
"""Formats in order: where both fit, the day comes before the month."""
EXAMPLES = 3
FILE = re.compile(r"\.(jpe?g|png|gif|bmp|webp|tiff?|wav|flac|mp3|ogg|opus)$", re.IGNORECASE)


@dataclass(frozen=True)
class Column:
    """A column by its name or position; `values` are N texts, null or white space where there is none."""

    name: str | int
    values: pa.Array

    @cached_property
    def counts(self) -> Counter[str]:
        """Different values, white space at the ends left out -> rows; those without a value do not count."""
        trimmed = pc.utf8_trim_whitespace(self.values)
        table = trimmed.filter(pc.not_equal(trimmed, "")).value_counts()
        return Counter(dict(zip(table.field(0).to_pylist(), table.field(1).to_pylist(), strict=True)))

    @cached_property
    def filled(self) -> int:
        """Rows with a value."""
        return self.counts.total()

    @property
    def share_filled(self) -> float:
        """Of all rows, 0 to 1."""
        return self.filled / len(self.values) if len(self.values) else 0.0

    @property
    def distinct(self) -> int:
        """Different values."""
        return len(self.counts)

    @property
    def repeats(self) -> float:
        """Rows a value, on average."""
        return self.filled / self.distinct if self.distinct else 0.0

    @cached_property
    def lengths(self) -> npt.NDArray[np.int32]:
        """Characters of each value that is there."""
        trimmed = pc.utf8_trim_whitespace(self.values)
        there = trimmed.filter(pc.not_equal(trimmed, ""))
        lengths: npt.NDArray[np.int32] = pc.utf8_length(there).to_numpy(zero_copy_only=False)
        return lengths

    @cached_property
    def words(self) -> float:
        """White space between words, median of the values; 1 for a single word."""
        some = list(self.counts)[:LOOKED_AT]
        return median(len(value.split()) for value in some) if some else 0.0

    @cached_property
    def is_number(self) -> bool:
        """Whether the values are numbers."""
        return self._share_of_numbers() >= MOST

    @cached_property
    def is_whole(self) -> bool:
        """Whether the values are whole numbers, such as counts, classes or ids."""
        return self.is_number and all(
            re.fullmatch(r"[+-]?\d+(\.0*)?", value) for value in list(self.counts)[:LOOKED_AT]
        )

    @cached_property
    def date_format(self) -> str | None:
        """The format of dates, for `split.options.format`; None where they are no dates."""
        some = list(self.counts)[:LOOKED_AT]
        if not some or self.is_number or not 6 <= median(map(len, some)) <= 40:
            return None
        return next((format for format in DATES if _share_of_dates(some, format) >= MOST), None)

    @cached_property
    def names_files(self) -> bool:
        """Whether the values are names of pictures or sounds."""
        some = list(self.counts)[:LOOKED_AT]
        return bool(some) and sum(bool(FILE.search(value)) for value in some) >= MOST * len(some)

    def examples(self) -> list[str]:
        """A few different values; of classes the most frequent ones."""
        return [value for value, _ in self.counts.most_common(EXAMPLES)]

    def range(self) -> tuple[float, float]:
        """The least and the largest number."""
        found = numbers(pa.array(self.counts, pa.string()))[0].drop_null().to_numpy()
        return float(found.min()), float(found.max())

    def _share_of_numbers(self) -> float:
        texts = list(self.counts)
        _, wrong = numbers(pa.array(texts, pa.string()))
        bad = sum(self.counts[texts[position]] for position in wrong)
        return 1 - bad / self.filled if self.filled else 0.0


def _share_of_dates(values: Sequence[str], format: str) -> float:
    return sum(_is_date(value, format) for value in values) / len(values)


def _is_date(value: str, format: str) -> bool:
    try:
        datetime.fromisoformat(value) if format == "iso" else datetime.strptime(value, format)
    except ValueError:
        return False
    return True
