"""Checks of the text as it came."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stages.core.blocks import Count

Mask = npt.NDArray[np.bool_]
Check = Callable[[pa.Table, Sequence[str]], Mask]


def mask(array: pa.ChunkedArray) -> Mask:
    """Arrow booleans as numpy ones, null as False; shape (N,)."""
    found: Mask = pc.fill_null(array, False).to_numpy(zero_copy_only=False).astype(bool)
    return found


def missing() -> Check:
    """No text at all."""
    return lambda samples, _: mask(pc.is_null(samples["text"]))


def empty() -> Check:
    """Nothing but white space."""
    return lambda samples, _: mask(pc.equal(pc.utf8_length(pc.utf8_trim_whitespace(samples["text"])), 0))


def too_short(*, min_characters: Count) -> Check:
    """Fewer characters than that, white space at the ends not counted; empty texts have a code of their own."""

    def check(samples: pa.Table, _: Sequence[str]) -> Mask:
        length = pc.utf8_length(pc.utf8_trim_whitespace(samples["text"]))
        return mask(pc.and_(pc.greater(length, 0), pc.less(length, min_characters)))

    return check


def too_long(*, max_characters: Count) -> Check:
    """More characters than that."""
    return lambda samples, _: mask(pc.greater(pc.utf8_length(samples["text"]), max_characters))
