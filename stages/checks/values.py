"""Checks of the value as it came."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stages.checks.text import Check, Mask, mask

INVALID = "value.invalid"


def missing() -> Check:
    """No value at all; what is no number has a code of its own."""
    return lambda samples, _: mask(pc.is_null(samples["value"])) & ~_invalid(samples)


def invalid() -> Check:
    """The column mapped to `value` holds something that is no finite number."""
    return lambda samples, _: _invalid(samples)


def out_of_range(*, minimum: float, maximum: float) -> Check:
    """A value below `minimum` or above `maximum`."""

    def check(samples: pa.Table, _: Sequence[str]) -> Mask:
        return mask(pc.or_(pc.less(samples["value"], minimum), pc.greater(samples["value"], maximum)))

    return check


def _invalid(samples: pa.Table) -> Mask:
    found = (INVALID in codes for codes in samples["issues"].to_pylist())
    return np.fromiter(found, dtype=bool, count=len(samples))
