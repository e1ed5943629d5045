"""Stratified and plain random splits, by group."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stages.splitters import Splitter
from stages.splitters.shares import Ints, share_out


def stratified() -> Splitter:
    """Each part gets its share of each class (of samples without a label likewise), as far as groups allow."""

    def split(samples: pa.Table, shares: Sequence[float], *, seed: int, purpose: str) -> Ints:
        labels = samples["label"].combine_chunks().dictionary_encode(null_encoding="encode")
        by_name = pc.rank(labels.dictionary).to_numpy().astype(np.int64) - 1  # the order of the rows does not matter
        strata = by_name[labels.indices.to_numpy()]
        return share_out(samples["group"].to_pylist(), strata, shares, seed=seed, purpose=purpose)

    return split


def random() -> Splitter:
    """Each part gets its share of all samples, whatever their class."""

    def split(samples: pa.Table, shares: Sequence[float], *, seed: int, purpose: str) -> Ints:
        strata = np.zeros(len(samples), dtype=np.int64)
        return share_out(samples["group"].to_pylist(), strata, shares, seed=seed, purpose=purpose)

    return split
