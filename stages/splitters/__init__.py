"""Splitters: factories that return a function which shares samples out over parts, by group."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa


class Splitter(Protocol):
    """A part number for each of N samples; a group's samples all get the same."""

    def __call__(
        self, samples: "pa.Table", shares: Sequence[float], *, seed: int, purpose: str
    ) -> "npt.NDArray[np.int64]":
        """`shares` of the parts sum to 1; `purpose` keeps the draws of splits and folds apart."""


SPLITTERS = {
    "stratified": "stages.splitters.stratified:stratified",
    "random": "stages.splitters.stratified:random",
    "temporal": "stages.splitters.temporal:temporal",
}

READ_EXTRA = ("temporal",)
"""Members that read the column `extra`, which can be large: it is not read for the others."""
