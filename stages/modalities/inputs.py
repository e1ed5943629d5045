"""Which samples go into which split's inputs, and in what columns."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stages.core.errors import UserError
from stages.core.samples import SPLITS

Places = Mapping[str, tuple[str | None, int | None]]
"""Sample id -> split and fold."""

TYPES = {"input_ids": pa.list_(pa.int32()), "token_type_ids": pa.list_(pa.int8())}
"""Columns of tokens; all others hold arrays of numbers, as bytes."""
ARRAYS = pa.large_binary()


@dataclass(frozen=True)
class Stored:
    """Numbers of N samples as they are stored, one sample after the other, with what tells how to read them.

    Args:
        content: all bytes.
        counts: (N,) numbers a sample.
        shape: of each sample; [-1] for waveforms, of different lengths.
        seconds: (N,) of sounds, else 0.
    """

    content: bytes
    counts: list[int]
    dtype: str
    shape: list[int]
    seconds: list[float]

    def column(self) -> pa.Array:
        """N binary values, over the same memory."""
        ends = np.concatenate([[0], np.cumsum(self.counts)]).astype(np.int64) * np.dtype(self.dtype).itemsize
        return pa.Array.from_buffers(ARRAYS, len(self.counts), [None, pa.py_buffer(ends), pa.py_buffer(self.content)])


Encoder = Callable[[Sequence[bytes]], Stored]


def stored(arrays: Sequence[npt.NDArray[Any]], seconds: Sequence[float] = ()) -> Stored:
    """N arrays of one type to be stored: pixels as their differences from the pixel to the left, modulo 256.

    Raises:
        UserError: they have several dimensions, and different shapes.
    """
    shape = _shape(arrays[0])
    for one in arrays:
        check_shape(shape, _shape(one))
    block = np.concatenate(arrays) if shape == [-1] else np.stack(arrays)
    if block.dtype == np.uint8:
        block[..., 1:] -= block[..., :-1]
    counts, given = [one.size for one in arrays], list(seconds) or [0.0] * len(arrays)
    return Stored(block.tobytes(), counts, block.dtype.name, shape, given)


def _shape(array: npt.NDArray[Any]) -> list[int]:
    return list(array.shape) if array.ndim > 1 else [-1]


def check_shape(wanted: Sequence[int], found: Sequence[int]) -> None:
    """Refuse inputs that cannot be batched.

    Raises:
        UserError: the shapes differ.
    """
    if list(found) != list(wanted):
        raise UserError(
            f"params.yaml: encode.processor: inputs of different shapes: {list(wanted)} and {list(found)}",
            "set a size (images: size: {height: …, width: …}), or clean.image.steps.resize",
        )


def by_split(batch: pa.Table, places: Places) -> Iterator[tuple[str, npt.NDArray[np.int64], list[int | None]]]:
    """The row numbers of each split, with their folds.

    A derived sample goes with its parent, and only into training.
    """
    owners = [parent or own for own, parent in zip(*(batch[n].to_pylist() for n in ("id", "parent")), strict=True)]
    derived = batch["parent"].is_valid().to_numpy()
    found = [places.get(owner, (None, None)) for owner in owners]
    splits = np.array([split or "" for split, _ in found], dtype=object)
    splits[derived & (splits != "train")] = ""
    for name in SPLITS:
        rows = np.flatnonzero(splits == name)
        if len(rows):
            yield name, rows, [found[row][1] for row in rows]


def table(
    part: pa.Table, folds: Sequence[int | None], numbers: Mapping[str, int] | None, names: Sequence[str]
) -> pa.Table:
    """The encoded rows: id, parent, label (its number) or, where there are no `numbers`, value; fold, length, and the
    inputs `names`.

    Raises:
        UserError: a label without a number, or no value.
    """
    answers = _values(part) if numbers is None else _labels(part, numbers)
    columns = [part["id"], part["parent"], answers, pa.array(folds, pa.int32()), part["length"]]
    return pa.table([*columns, *(part[name] for name in names)], schema=schema(names, values=numbers is None))


def _values(part: pa.Table) -> pa.ChunkedArray:
    if part["value"].null_count:
        odd = part["id"].filter(part["value"].is_null())[0]
        raise UserError(
            f"sample {odd} has no value", "set clean.labels.missing: drop, and fetch.columns.value to its column"
        )
    return part["value"]


def _labels(part: pa.Table, numbers: Mapping[str, int]) -> pa.Array:
    labels = [numbers.get(label, -1) for label in part["label"].to_pylist()]
    if -1 in labels:
        odd = part.slice(labels.index(-1), 1)
        raise UserError(
            f"params.yaml: labels: sample {odd['id'][0]} has the label {odd['label'][0].as_py()!r}, "
            f"which is none of: {', '.join(numbers)}",
            "add it to `labels`, or see clean.labels (map, missing, unknown)",
        )
    return pa.array(labels, pa.int32())


def schema(names: Sequence[str], *, values: bool = False) -> pa.Schema:
    """The schema of encoded tables with the inputs `names`, and with values or the numbers of labels."""
    fixed = [("id", pa.string()), ("parent", pa.string())]
    fixed += [("value", pa.float64()) if values else ("label", pa.int32())]
    fixed += [(name, pa.int32()) for name in ("fold", "length")]
    return pa.schema(fixed + [(name, TYPES.get(name, ARRAYS)) for name in names])


def value_statistics(values: Sequence[float]) -> dict[str, float | int]:
    """Of training values, by which targets are standardised: number, mean and (population) standard deviation.

    Raises:
        UserError: they are all equal.
    """
    found = np.asarray(values, dtype=np.float64)
    if not len(found) or found.min() == found.max():
        raise UserError("the training samples all have one value: there is nothing to learn", "see metrics/split.json")
    return {"count": len(found), "mean": float(found.mean()), "deviation": float(found.std())}


def length_statistics(lengths: Sequence[float], limit: float) -> dict[str, float | int]:
    """Of the lengths before truncation: mean, median, 95th percentile, greatest, and how many exceed the limit."""
    if not lengths:
        return {"rows": 0, "truncated": 0}
    values = np.asarray(lengths)
    return {
        "rows": len(values),
        "mean": round(float(values.mean()), 2),
        "median": float(np.median(values)),
        "p95": round(float(np.percentile(values, 95)), 2),
        "max": round(values.max().item(), 2),
        "truncated": int((values > limit).sum()),
    }
