"""Inputs that are stored as arrays of numbers: pixels, spectra, waveforms.

Legend: N samples, B of them in a batch, L the length of its longest waveform.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch

Rows = npt.NDArray[np.int64]


class Arrays:
    """A column of arrays, flat in memory, in the type that it was stored in.

    Args:
        column: N binary values.
        form: `dtype`, `shape` ([-1] for waveforms of different lengths, [-1, D] for hidden states of different
            lengths), `mask` (whether the model wants to know where padding begins) and, for pixels as bytes,
            `scaling` and `differences`: whether each pixel is stored as its difference, modulo 256, from the one to
            its left, which compresses better.
    """

    def __init__(self, column: pa.ChunkedArray, form: Mapping[str, Any]) -> None:
        array = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
        dtype = np.dtype(form["dtype"])
        offsets = np.frombuffer(array.buffers()[1], dtype=np.int64)[array.offset : array.offset + len(array) + 1]
        content = array.buffers()[2]
        values = np.frombuffer(content, dtype=np.uint8) if content is not None else np.empty(0, np.uint8)
        self._values = values[offsets[0] : offsets[-1]].view(dtype)
        if form.get("differences"):
            rows = self._values.reshape(-1, form["shape"][-1])
            self._values = np.cumsum(rows, axis=1, dtype=dtype).ravel()
        self._offsets = (offsets - offsets[0]) // dtype.itemsize
        self._shape = tuple(form["shape"])
        self._mask = bool(form["mask"])
        scaling = form.get("scaling")
        self._scaling = scaling and _affine(scaling, len(self._shape))

    def raw(self, rows: Rows) -> npt.NDArray[Any]:
        """The stored arrays (B, *shape) of some rows; of one shape only."""
        found: npt.NDArray[Any] = self._values.reshape(-1, *self._shape)[rows]
        return found

    def batch(self, name: str, rows: Rows, changed: npt.NDArray[Any] | None = None) -> dict[str, torch.Tensor]:
        """The input `name` in single precision: (B, *shape), or padded with 0 to (B, L) or (B, L, D), with its mask.

        `changed`: stored arrays to use in place of those of `rows`.
        """
        if self._shape[0] == -1:
            return self._padded(name, rows)
        found = torch.from_numpy(self.raw(rows) if changed is None else changed).float()
        if self._scaling:
            slope, shift = self._scaling
            found = found * slope + shift
        return {name: found}

    def _padded(self, name: str, rows: Rows) -> dict[str, torch.Tensor]:
        flat = (self._values[self._offsets[row] : self._offsets[row + 1]] for row in rows.tolist())
        pieces = [piece.reshape(self._shape) for piece in flat]
        longest = max(len(piece) for piece in pieces)
        padded = np.zeros((len(pieces), longest, *self._shape[1:]), dtype=np.float32)
        for number, piece in enumerate(pieces):
            padded[number, : len(piece)] = piece
        if not self._mask:
            return {name: torch.from_numpy(padded)}
        inside = np.arange(longest) < np.array([[len(piece)] for piece in pieces])
        return {name: torch.from_numpy(padded), "attention_mask": torch.from_numpy(inside.astype(np.int64))}


def _affine(scaling: Mapping[str, Any], dimensions: int) -> tuple[torch.Tensor, torch.Tensor]:
    """(value * factor - mean) / std as slope and shift a channel."""
    mean, std = (torch.tensor(scaling[key], dtype=torch.float64) for key in ("mean", "std"))
    shape = (-1, *[1] * (dimensions - 1))
    return (scaling["factor"] / std).float().view(shape), (-mean / std).float().view(shape)
