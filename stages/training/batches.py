"""Batches from encoded tables: flat arrays, grouped by length, padded to the longest of each batch.

Legend: N samples, B of them in a batch, L the length of its longest.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch

FIXED = ("id", "parent", "label", "fold", "length")
BATCHES_SORTED_TOGETHER = 50
"""Long enough for even lengths within a batch, short enough that an epoch stays well mixed."""

Rows = npt.NDArray[np.int64]


class Encoded:
    """An encoded table in flat arrays: 4 bytes a token, no Python object a sample."""

    def __init__(self, table: pa.Table, *, pad_token_id: int) -> None:
        self.labels: npt.NDArray[np.int64] = table["label"].to_numpy().astype(np.int64)
        self.lengths: npt.NDArray[np.int64] = table["length"].to_numpy().astype(np.int64)
        self._offsets = np.concatenate([[0], np.cumsum(self.lengths)])
        names = [name for name in table.column_names if name not in FIXED]
        self._values = {name: table[name].combine_chunks().flatten().to_numpy() for name in names}
        self._padding = {name: pad_token_id if name == "input_ids" else 0 for name in names}

    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, rows: Rows) -> dict[str, torch.Tensor]:
        """The inputs (B, L) of some rows, their `attention_mask` (B, L) and `labels` (B,)."""
        lengths = self.lengths[rows]
        inside = np.arange(lengths.max()) < lengths[:, None]
        starts = np.repeat(self._offsets[rows] - np.concatenate([[0], np.cumsum(lengths)[:-1]]), lengths)
        source = starts + np.arange(lengths.sum())
        batch = {"attention_mask": torch.from_numpy(inside.astype(np.int64))}
        for name, values in self._values.items():
            padded = np.full(inside.shape, self._padding[name], dtype=np.int64)
            padded[inside] = values[source]
            batch[name] = torch.from_numpy(padded)
        return batch | {"labels": torch.from_numpy(self.labels[rows])}


def shuffled(lengths: npt.NDArray[np.int64], size: int, draw: np.random.Generator, *, group: bool) -> list[Rows]:
    """All N rows once, in batches of `size` in a drawn order; `group` puts rows of like length together."""
    order = draw.permutation(len(lengths))
    if group:
        window = size * BATCHES_SORTED_TOGETHER
        parts = [order[start : start + window] for start in range(0, len(order), window)]
        order = np.concatenate([part[np.argsort(-lengths[part], kind="stable")] for part in parts])
    batches = [order[start : start + size] for start in range(0, len(order), size)]
    return [batches[number] for number in draw.permutation(len(batches))] if group else batches


def by_length(lengths: npt.NDArray[np.int64], size: int) -> Iterator[Rows]:
    """All N rows once, the longest first: least padding, and a batch that does not fit in memory fails at once."""
    order = np.argsort(-lengths, kind="stable")
    return (order[start : start + size] for start in range(0, len(order), size))


def move(
    batch: dict[str, torch.Tensor], device: torch.device, leave_out: Sequence[str] = ()
) -> dict[str, torch.Tensor]:
    """The batch on the device, some entries left out."""
    return {name: value.to(device, non_blocking=True) for name, value in batch.items() if name not in leave_out}
