"""Model inputs replaced by what a frozen part of the model makes of them, once.

Legend: B samples of a batch, L the positions of the longest, D the width of the model.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from stages.core import report, tables
from stages.core.errors import UserError
from stages.training.arrays import Rows
from stages.training.batches import FIXED, Encoded, by_length, move

WINDOW_ROWS = 2048
"""Sorted by length together: a constant, so that the same samples always share a batch."""
BATCH_ROWS = 32
SPLITS = ("train", "validation")
"""Test keeps its inputs: evaluate measures the model as it is saved, from end to end."""

Bottom = Callable[[dict[str, torch.Tensor]], tuple[torch.Tensor, torch.Tensor | None]]


def lengths_of(folder: Path) -> npt.NDArray[np.int64]:
    """The stored lengths of all samples that are to be computed."""
    parts = [tables.read(folder / name, "inputs", ["length"])["length"].to_numpy() for name in SPLITS]
    return np.concatenate(parts).astype(np.int64)


def first_of(folder: Path, meta: Mapping[str, Any], device: torch.device) -> dict[str, torch.Tensor] | None:
    """The inputs of one training sample, to try; None where there is none."""
    for table in tables.batches(folder / SPLITS[0], "inputs", batch_rows=1):
        return move(_encoded(table, meta).batch(np.arange(1)), device, ["labels"])
    return None


def compute(
    folder: Path,
    meta: Mapping[str, Any],
    bottom: Bottom,
    *,
    name: str,
    width: int,
    dtype: str,
    device: torch.device,
    alike: bool,
) -> dict[str, Any]:
    """Replace the inputs of training and validation by hidden states, as the input `name`; gives their form.

    Args:
        folder: data/encoded, being written.
        meta: of the inputs as they stand.
        bottom: a batch of inputs to hidden states (B, L, D) and which of them count (B, L), None for all.
        dtype: float32 or float16, as they are stored.
        alike: only samples of one length share a batch, for models that are not told where padding begins.

    Raises:
        UserError: a value is too large for half precision.
    """
    lengths: set[int] = set()
    masked = False
    with report.progress_bar() as bar, side_by_side(device) as each:
        task = bar.add_task("features", total=len(lengths_of(folder)))
        for split in SPLITS:
            new = folder / f"{split}.states"
            new.mkdir()
            with tables.Writer(new, "inputs", _schema(folder / split, name)) as writer:
                for table in _windows(folder / split):
                    counts, states = np.zeros(len(table), dtype=np.int32), [b""] * len(table)
                    encoded = _encoded(table, meta)
                    groups = list(_groups(encoded.lengths, alike))
                    results = each(lambda rows, of=encoded: bottom(move(of.batch(rows), device, ["labels"])), groups)
                    for rows, (found, mask) in zip(groups, results, strict=True):
                        masked = masked or mask is not None
                        for row, one in zip(rows.tolist(), _rows(found, mask, dtype), strict=True):
                            states[row], counts[row] = one.tobytes(), len(one)
                        bar.advance(task, len(rows))
                    lengths |= set(counts.tolist())
                    writer.write(_replaced(table, name, counts, states))
            shutil.rmtree(folder / split)
            new.rename(folder / split)
    whole = not masked and len(lengths) == 1
    return {name: {"dtype": dtype, "shape": [lengths.pop() if whole else -1, width], "mask": not whole}}


@contextmanager
def side_by_side(device: torch.device) -> Iterator[Callable[..., Iterator[Any]]]:
    """A `map` for forward passes: on a CPU as many at once as there are cores, each in one thread of its own.

    Two passes at once are a fifth faster than one that shares each of its small products out over two cores; and
    their sums do not depend on the number of cores.
    """
    threads = torch.get_num_threads()
    if device.type != "cpu":
        yield map
        return
    pool = ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,))
    try:
        yield pool.map
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)


def _windows(folder: Path) -> Iterator[pa.Table]:
    rows = min(WINDOW_ROWS, tables.comfortable_rows(folder, "inputs"))
    return tables.batches(folder, "inputs", batch_rows=max(rows, BATCH_ROWS))


def _groups(lengths: npt.NDArray[np.int64], alike: bool) -> Iterator[Rows]:
    for rows in by_length(lengths, BATCH_ROWS):
        if not alike:
            yield rows
            continue
        for length in np.unique(lengths[rows])[::-1]:
            yield rows[lengths[rows] == length]


def _encoded(table: pa.Table, meta: Mapping[str, Any]) -> Encoded:
    return Encoded(table, pad_token_id=meta.get("pad_token_id", 0), arrays=meta.get("arrays"))


def _rows(found: torch.Tensor, mask: torch.Tensor | None, dtype: str) -> Iterator[npt.NDArray[Any]]:
    """Each sample's states (its own L, D); those that count come first."""
    wide = found.float().cpu().numpy()
    if dtype == "float16" and np.abs(wide).max() > np.finfo(np.float16).max:
        raise UserError("params.yaml: encode.cache_dtype: float16: values over 65504", "encode.cache_dtype: float32")
    stored = wide.astype(dtype)
    counts = [found.shape[1]] * len(found) if mask is None else mask.sum(1).tolist()
    return (one[: int(count)] for one, count in zip(stored, counts, strict=True))


def _fixed(names: list[str]) -> list[str]:
    return [name for name in names if name in FIXED]


def _schema(folder: Path, name: str) -> pa.Schema:
    schema = pq.read_schema(tables.shards(folder, "inputs")[0])
    return pa.schema([*(schema.field(one) for one in _fixed(schema.names)), (name, pa.large_binary())])


def _replaced(table: pa.Table, name: str, counts: npt.NDArray[np.int32], states: list[bytes]) -> pa.Table:
    columns = {one: table[one] for one in _fixed(table.column_names)}
    return pa.table({**columns, "length": pa.array(counts), name: pa.array(states, pa.large_binary())})
