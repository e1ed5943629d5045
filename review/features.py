"""Samples as points: what the drift test of contents compares."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from review.twosample import Kernel
from stages.cleaners.near import shingle_hashes

if TYPE_CHECKING:
    from review.sides import Side

SHINGLE_CHARACTERS = 3
BUCKETS = 2**16
CELLS = 8
"""Along each axis of a picture or spectrum: means over so many parts."""
BATCH_ROWS = 256

Vectors = Mapping[str, npt.NDArray[np.float32]]


def of_texts(texts: Sequence[str]) -> Kernel:
    """Squared distances (N, N), 0-2, between texts as bags of hashed character trigrams, of length 1."""
    from scipy.sparse import csr_array

    hashes, offsets = shingle_hashes([text.casefold() for text in texts], SHINGLE_CHARACTERS)
    columns = (hashes % np.uint64(BUCKETS)).astype(np.int32)
    ones = np.ones(len(columns), dtype=np.float32)
    bags = csr_array((ones, columns, offsets.astype(np.int64)), shape=(len(texts), BUCKETS))
    bags.sum_duplicates()
    np.sqrt(bags.data, out=bags.data)
    norms = np.sqrt(np.asarray(bags.multiply(bags).sum(axis=1))).ravel()
    return np.asarray(np.maximum(2 - 2 * ((bags @ bags.T).toarray() / np.outer(norms, norms)), 0), dtype=np.float32)


def of_vectors(vectors: Sequence[npt.NDArray[np.float32]]) -> Kernel:
    """Squared distances (N, N) between vectors, each of their dimensions brought to a deviation of 1."""
    points = np.stack(vectors).astype(np.float64)
    deviations = points.std(axis=0)
    points = (points - points.mean(axis=0))[:, deviations > 0] / deviations[deviations > 0]
    squares = (points**2).sum(axis=1)
    return np.asarray(np.maximum(squares[:, None] + squares[None] - 2 * points @ points.T, 0), dtype=np.float32)


def stored_form(base: Mapping[str, Any], head: Mapping[str, Any], split: str) -> tuple[str, Mapping[str, Any]] | None:
    """The name and form of vectors that `encode` stored alike on both sides (by their meta.json); None: there are none.

    Training holds the features of the frozen body where strategy is head; else, of images and sounds, the inputs.
    """
    cuts = [side.get("cut") or {} for side in (base, head)]
    whole = all(cut.get("cached") and not cut.get("last_layers") for cut in cuts)
    if split != "test" and whole and base["model"] == head["model"] and cuts[0] == cuts[1]:
        return _first(cuts[0]["arrays"])
    if split != "test" and any(cut.get("cached") for cut in cuts):
        return None
    forms = [side.get("arrays") for side in (base, head)]
    if not forms[0] or forms[0] != forms[1]:
        return None
    return _first(forms[0])


def _first(forms: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    name = next(iter(forms))
    return name, forms[name]


def read_vectors(side: "Side", split: str, name: str, form: Mapping[str, Any], wanted: set[str]) -> Vectors:
    """The vectors of the wanted samples of a split, by id."""
    found = {}
    folder = f"data/encoded/{split}"
    for shard in side.names(folder):
        with side.open(f"{folder}/{shard}") as source, pq.ParquetFile(source) as file:
            for batch in file.iter_batches(BATCH_ROWS, columns=["id", name]):
                for one, content in zip(batch["id"].to_pylist(), batch[name], strict=True):
                    if one in wanted:
                        found[one] = to_vector(content.as_py(), form)
    return found


def to_vector(content: bytes, form: Mapping[str, Any]) -> npt.NDArray[np.float32]:
    """A stored array as a short vector: means over `CELLS` parts of each axis; of states their mean; of a waveform
    the logarithms of its energies."""
    array = np.frombuffer(content, dtype=form["dtype"])
    shape = tuple(form["shape"])
    if shape == (-1,):
        parts = np.array_split(array.astype(np.float32), CELLS * 4)
        energies = [float((part**2).mean()) if len(part) else 0.0 for part in parts]
        return np.asarray(np.log(np.array(energies) + 1e-10), dtype=np.float32)
    array = array.reshape(shape)
    if form.get("differences"):
        array = np.cumsum(array, axis=-1, dtype=array.dtype)
    if shape[0] == -1:
        return np.asarray(array.mean(axis=0), dtype=np.float32)
    if len(shape) == 2 and shape[0] <= 2:  # what a head takes
        return np.asarray(array.ravel(), dtype=np.float32)
    return np.asarray(_means(array.astype(np.float64)).ravel(), dtype=np.float32)


def _means(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Means over `CELLS` parts of each axis that is longer."""
    for axis, size in enumerate(values.shape):
        if size > CELLS:
            starts = np.linspace(0, size, CELLS, endpoint=False).astype(int)
            counts = np.diff(np.append(starts, size))
            sums = np.moveaxis(np.add.reduceat(values, starts, axis=axis), axis, -1)
            values = np.moveaxis(sums / counts, -1, axis)
    return values
