"""Checks of the row as a whole."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from stages.checks.text import Check, Mask
from stages.core.samples import is_repeat


def duplicate() -> Check:
    """The same input came earlier from the source (its id has an ordinal)."""

    def check(samples: pa.Table, _: Sequence[str]) -> Mask:
        return np.fromiter((is_repeat(i) for i in samples["id"].to_pylist()), dtype=bool, count=len(samples))

    return check


def malformed() -> Check:
    """The source could not read the row (`fetch.options.bad_rows: keep`)."""

    def check(samples: pa.Table, _: Sequence[str]) -> Mask:
        found = ("row.malformed" in codes for codes in samples["issues"].to_pylist())
        return np.fromiter(found, dtype=bool, count=len(samples))

    return check
