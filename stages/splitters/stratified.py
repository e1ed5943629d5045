"""Stratified and plain random splits, by group."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from stages.splitters import Splitter
from stages.splitters.shares import Ints, share_out


def stratified() -> Splitter:
    """Each part gets its share of each class (of samples without a label likewise), as far as groups allow."""

    def split(samples: pa.Table, shares: Sequence[float], *, seed: int, purpose: str) -> Ints:
        names = ["" if label is None else f"={label}" for label in samples["label"].to_pylist()]
        strata = np.unique(names, return_inverse=True)[1].astype(np.int64)  # by name: the rows' order does not matter
        return share_out(samples["group"].to_pylist(), strata, shares, seed=seed, purpose=purpose)

    return split


def random() -> Splitter:
    """Each part gets its share of all samples, whatever their class."""

    def split(samples: pa.Table, shares: Sequence[float], *, seed: int, purpose: str) -> Ints:
        strata = np.zeros(len(samples), dtype=np.int64)
        return share_out(samples["group"].to_pylist(), strata, shares, seed=seed, purpose=purpose)

    return split
