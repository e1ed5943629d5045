"""Batches from encoded tables: flat arrays, grouped by length, padded to the longest of each batch.

Legend: N samples, B of them in a batch, L the length of its longest.
"""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch

from stages.training.arrays import Arrays, Rows

FIXED = ("id", "parent", "label", "value", "fold", "length")
BATCHES_SORTED_TOGETHER = 50
"""Long enough for even lengths within a batch, short enough that an epoch stays well mixed."""

Augment = Callable[[npt.NDArray[Any], Sequence[str], int], npt.NDArray[Any]]


class Encoded:
    """An encoded table in flat arrays: 4 bytes a token, no Python object a sample.

    Args:
        pad_token_id: of inputs that are tokens.
        arrays: the form of inputs that are stored as arrays, by name (data/encoded/meta.json).
        augment: changes pixels as bytes (B, C, H, W) of the samples with some ids, before they are scaled.
    """

    def __init__(
        self,
        table: pa.Table,
        *,
        pad_token_id: int = 0,
        arrays: Mapping[str, Mapping[str, Any]] | None = None,
        augment: Augment | None = None,
    ) -> None:
        self._arrays = {name: Arrays(table[name], form) for name, form in (arrays or {}).items()}
        self._ids = table["id"]
        self._augment = augment
        self.epoch = 0
        self.labels: npt.NDArray[Any] = answers(table)
        self.lengths: npt.NDArray[np.int64] = table["length"].to_numpy().astype(np.int64)
        self._all_lengths, self._rows = self.lengths, np.arange(len(self.lengths))
        self._offsets = np.concatenate([[0], np.cumsum(self.lengths)])
        names = [name for name in table.column_names if name not in FIXED and name not in self._arrays]
        self._values = {name: table[name].combine_chunks().flatten().to_numpy() for name in names}
        self._padding = {name: pad_token_id if name == "input_ids" else 0 for name in names}

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def ids(self) -> list[str]:
        """The samples' ids."""
        found: list[str] = self._ids.take(pa.array(self._rows)).to_pylist()
        return found

    def part(self, rows: Rows, augment: Augment | None = None) -> "Encoded":
        """Some of the rows, which share the arrays of all, with an augmentation of their own or none."""
        found = copy.copy(self)
        found._rows, found._augment, found.epoch = self._rows[rows], augment, 0
        found.labels, found.lengths = self.labels[rows], self.lengths[rows]
        return found

    def batch(self, rows: Rows) -> dict[str, torch.Tensor]:
        """The inputs of some rows, tokens (B, L) with their `attention_mask` (B, L), and `labels` (B,): class numbers,
        or values in single precision."""
        labels, rows = self.labels[rows], self._rows[rows]
        batch = self._tokens(rows) if self._values else {}
        for name, stored in self._arrays.items():
            changed = None
            if self._augment is not None:
                ids = self._ids.take(pa.array(rows)).to_pylist()
                changed = self._augment(stored.raw(rows), ids, self.epoch)
            batch |= stored.batch(name, rows, changed)
        return batch | {"labels": torch.from_numpy(labels if labels.dtype == np.int64 else labels.astype(np.float32))}

    def _tokens(self, rows: Rows) -> dict[str, torch.Tensor]:
        lengths = self._all_lengths[rows]
        inside = np.arange(lengths.max()) < lengths[:, None]
        starts = np.repeat(self._offsets[rows] - np.concatenate([[0], np.cumsum(lengths)[:-1]]), lengths)
        source = starts + np.arange(lengths.sum())
        batch = {"attention_mask": torch.from_numpy(inside.astype(np.int64))}
        for name, values in self._values.items():
            padded = np.full(inside.shape, self._padding[name], dtype=np.int64)
            padded[inside] = values[source]
            batch[name] = torch.from_numpy(padded)
        return batch


def answers(table: pa.Table) -> npt.NDArray[Any]:
    """Class numbers (N,), or values in double precision."""
    if "value" in table.column_names:
        return np.asarray(table["value"].to_numpy(), dtype=np.float64)
    return np.asarray(table["label"].to_numpy().astype(np.int64))


def shuffled(lengths: npt.NDArray[np.int64], size: int, draw: np.random.Generator, *, group: bool) -> list[Rows]:
    """All N rows once, in batches of `size` in a drawn order; `group` puts rows of like length together."""
    order = draw.permutation(len(lengths))
    if group:
        window = size * BATCHES_SORTED_TOGETHER
        parts = [order[start : start + window] for start in range(0, len(order), window)]
        order = np.concatenate([part[np.argsort(-lengths[part], kind="stable")] for part in parts])
    batches = [order[start : start + size] for start in range(0, len(order), size)]
    if len(batches) > 1 and len(batches[-1]) == 1:  # batch normalisation cannot take a single sample
        batches[-2:] = [np.concatenate(batches[-2:])]
    return [batches[number] for number in draw.permutation(len(batches))] if group else batches


def shuffled_by_tokens(
    lengths: npt.NDArray[np.int64], tokens: int, draw: np.random.Generator, *, group: bool
) -> list[Rows]:
    """All N rows once, in batches of at most `tokens` places, padding included, in a drawn order.

    A row that is longer than that is a batch of its own.
    """
    order = draw.permutation(len(lengths))
    if group:
        window = max(tokens * BATCHES_SORTED_TOGETHER // max(int(lengths.mean()), 1), 1)
        parts = [order[start : start + window] for start in range(0, len(order), window)]
        order = np.concatenate([part[np.argsort(-lengths[part], kind="stable")] for part in parts])
    starts, longest, begun = [0], 0, 0
    for place, length in enumerate(lengths[order].tolist()):
        longest = max(longest, length)
        if place > begun and longest * (place + 1 - begun) > tokens:
            starts.append(place)
            begun, longest = place, length
    batches = np.split(order, starts[1:])
    return [batches[number] for number in draw.permutation(len(batches))] if group else batches


def count_batches(rows: int, size: int) -> int:
    """The batches that `shuffled` makes of `rows` samples."""
    return max(rows // size, 1) if rows % size == 1 else -(-rows // size)


def by_length(lengths: npt.NDArray[np.int64], size: int) -> Iterator[Rows]:
    """All N rows once, the longest first: least padding, and a batch that does not fit in memory fails at once."""
    order = np.argsort(-lengths, kind="stable")
    return (order[start : start + size] for start in range(0, len(order), size))


def move(
    batch: dict[str, torch.Tensor], device: torch.device, leave_out: Sequence[str] = ()
) -> dict[str, torch.Tensor]:
    """The batch on the device, some entries left out."""
    return {name: value.to(device, non_blocking=True) for name, value in batch.items() if name not in leave_out}
