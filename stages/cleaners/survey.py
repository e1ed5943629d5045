"""What can only be decided over all rows: repeats, contradicting labels, near-duplicates, outliers, groups."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stages.cleaners import duplicates, hamming, near
from stages.cleaners.near import Signatures
from stages.cleaners.outliers import Check
from stages.core import samples
from stages.core.samples import INPUTS, SPLITS, digest

Mask = npt.NDArray[np.bool_]
Batches = Callable[[], Iterable[pa.Table]]


class Survey:
    """A few numbers a row, gathered from batches in order: about 70 bytes a row, and for a while 4 a MinHash
    permutation.

    `reasons` (N,) holds numbers into `names`; 0 is the empty reason: the row stays. `codes` maps further reason
    codes to the mask (N,) of their rows. `answer` is the column in which repeats of one input can contradict.
    """

    def __init__(self, *, answer: str = "label", shingle_characters: int = 1, permutations: int = 0) -> None:
        self._answer, self._conflict = answer, "value.conflict" if answer == "value" else "label.conflict"
        self.names = [""]
        self.codes: dict[str, Mask] = {}
        self._minhash = {"shingle_characters": shingle_characters, "permutations": permutations}
        self._parts: dict[str, list[Any]] = {
            n: [] for n in ("reasons", "keys", "labels", "splits", "groups", "lengths", "hashes")
        }
        self._labels: dict[Any, int] = {}

    def add(self, batch: pa.Table, reasons: list[str], hashes: Sequence[int | None] = ()) -> None:
        """Take in the next rows, why each is dropped so far, and the 64-bit hashes of their images or sounds."""
        part = self._parts
        part["hashes"].append(np.array([value or 0 for value in hashes], dtype=np.uint64))
        part["reasons"].append(np.array([self._number(reason) for reason in reasons], dtype=np.int16))
        inputs = zip(*(_contents(batch, name) for name in INPUTS), strict=True)
        part["keys"].append(np.frombuffer(b"".join(map(digest, inputs)), dtype=np.uint64))
        numbers = (
            -1 if label is None else self._labels.setdefault(label, len(self._labels))
            for label in batch[self._answer].to_pylist()
        )
        part["labels"].append(np.fromiter(numbers, dtype=np.int32, count=len(batch)))
        splits = pc.fill_null(pc.index_in(batch["split"], pa.array(SPLITS)), 0)
        part["splits"].append(splits.to_numpy().astype(np.int8))
        part["groups"].append(batch["group"].combine_chunks())
        part["lengths"].append(pc.utf8_length(pc.fill_null(batch["text"], "")).to_numpy())

    def _number(self, reason: str) -> int:
        if reason not in self.names:
            self.names.append(reason)
        return self.names.index(reason)

    def close(self) -> None:
        """Lay the parts together; nothing can be added any more."""
        self.add(samples.SCHEMA.empty_table(), [])  # where no row came, there is something to lay together
        self.reasons: npt.NDArray[np.int16] = np.concatenate(self._parts["reasons"])
        self.keys: npt.NDArray[np.uint64] = np.concatenate(self._parts["keys"])
        self.labels: npt.NDArray[np.int32] = np.concatenate(self._parts["labels"])
        self.lengths: npt.NDArray[np.int32] = np.concatenate(self._parts["lengths"])
        self.hashes: npt.NDArray[np.uint64] = np.concatenate(self._parts["hashes"])
        splits: npt.NDArray[np.int8] = np.concatenate(self._parts["splits"])
        self.order = _precedence(self.labels, splits)
        self.held_out = splits > 0
        encoded = pa.chunked_array(self._parts["groups"]).combine_chunks().dictionary_encode()
        self.groups: npt.NDArray[np.int64] = encoded.indices.to_numpy().astype(np.int64)
        self.group_names = encoded.dictionary
        self._parts.clear()

    @property
    def alive(self) -> Mask:
        """Rows that stay, so far."""
        return np.asarray(self.reasons == 0)

    def drop(self, rows: Mask, reason: str) -> None:
        """Drop the rows, those that were not dropped before for another reason, and give them the code."""
        self.reasons[rows & self.alive] = self._number(reason)
        self.codes[reason] = self.codes.get(reason, np.zeros(len(rows), bool)) | rows

    def repeats(self, conflicts: Literal["drop", "majority", "keep"], exact: Literal["drop", "keep"]) -> None:
        """Contradicting labels, then exact duplicates, among the rows that are left.

        What the source itself holds out for validation or test is marked, but kept: a benchmark's test set stays
        whole, and what repeats it is taken out of training.
        """
        alive = np.flatnonzero(self.alive)
        found, dropped = (
            self._spread(alive, mask) for mask in duplicates.conflicts(self.keys[alive], self.labels[alive], conflicts)
        )
        self.codes[self._conflict] = found
        self.drop(dropped & ~self.held_out, self._conflict)
        alive = self.order[self.alive[self.order]]
        again = self._spread(alive, duplicates.repeats(self.keys[alive]))
        self.codes["duplicate.exact"] = again
        if exact == "drop":
            self.drop(again & ~self.held_out, "duplicate.exact")
        kept = alive[self.alive[alive]]
        _, first, same = np.unique(self.keys[kept], return_index=True, return_inverse=True)
        pairs = np.stack([kept[first][same], kept], axis=1)
        self._join(pairs[pairs[:, 0] != pairs[:, 1]])

    def near(self, texts: Batches, *, action: Literal["drop", "group"], threshold: float) -> None:
        """Near-duplicates among the rows that are left; `texts` gives all batches once more."""
        pairs = np.flatnonzero(self.alive)[near.candidates(self._signatures(texts), threshold=threshold)]
        wanted = np.zeros(len(self.reasons), dtype=bool)
        wanted[pairs] = True
        kept: dict[int, str] = {}
        for rows, batch in _chosen(texts, wanted) if len(pairs) else ():
            kept.update(zip(rows.tolist(), joined_texts(batch), strict=True))
        proof = near.proved(pairs, kept, threshold=threshold, shingle_characters=self._minhash["shingle_characters"])
        self._settle(pairs[np.fromiter(proof, dtype=np.int64)], action)

    def near_media(self, *, action: Literal["drop", "group"], max_distance: int) -> None:
        """Images or sounds among the rows that are left whose hashes differ in `max_distance` bits at most.

        A hash of 0 stands for none: silence, and images of one colour, are like nothing else.
        """
        alive = np.flatnonzero(self.alive & (self.hashes != 0))
        self._settle(alive[hamming.pairs(self.hashes[alive], max_distance=max_distance)], action)

    def _settle(self, pairs: npt.NDArray[np.int64], action: Literal["drop", "group"]) -> None:
        place = np.argsort(self.order)
        later = np.zeros(len(self.reasons), dtype=bool)
        later[np.where(place[pairs[:, 0]] < place[pairs[:, 1]], pairs[:, 1], pairs[:, 0])] = True
        self.codes["duplicate.near"] = later
        self._join(pairs)
        if action == "drop":
            self.drop(later & ~self.held_out, "duplicate.near")

    def _signatures(self, texts: Batches) -> Signatures:
        signed = np.empty((np.count_nonzero(self.alive), self._minhash["permutations"]), dtype=np.uint32)
        start = 0
        for rows, batch in _chosen(texts, self.alive):
            signed[start : (start := start + len(rows))] = near.signatures(joined_texts(batch), **self._minhash)
        return signed

    def outliers(self, texts: Batches, checks: Mapping[str, Check], *, action: Literal["drop", "flag"]) -> None:
        """Outliers among the rows that are left; where they are dropped, again until there are none.

        What is an odd length depends on the others: without the repetition, cleaning again would find new ones.
        """
        for name in checks:
            self.codes[f"outlier.{name}"] = np.zeros(len(self.reasons), dtype=bool)
        while self._find_outliers(texts, checks) and action == "drop":
            for name in checks:
                self.drop(self.codes[f"outlier.{name}"], f"outlier.{name}")

    def _find_outliers(self, texts: Batches, checks: Mapping[str, Check]) -> bool:
        """Whether a row that is left is an outlier; `codes` say which."""
        logs = np.log1p(self.lengths[self.alive].astype(np.float64))
        some = False
        for rows, batch in _chosen(texts, self.alive) if len(logs) else ():
            contents = [text or "" for text in batch["text"].to_pylist()]
            for name, check in checks.items():
                found = rows[check(contents, logs)]
                self.codes[f"outlier.{name}"][found] = True
                some = some or len(found) > 0
        return some

    def finish(self, batch: pa.Table, rows: slice) -> pa.Table:
        """The batch, which holds `rows`, with its groups and with the codes that the survey found."""
        found = {code: mask[rows] for code, mask in self.codes.items()}
        issues: list[list[str]] = batch["issues"].to_pylist()
        for code, mask in found.items():
            for row in np.flatnonzero(mask):
                issues[row].append(code)
        return samples.replace(batch, group=self.group_names.take(pa.array(self.groups[rows])), issues=issues)

    def count_groups(self) -> int:
        """The number of groups among the rows that stay."""
        return len(np.unique(self.groups[self.alive]))

    def _join(self, pairs: npt.NDArray[np.int64]) -> None:
        self.groups = duplicates.join_groups(self.groups, pairs)

    def _spread(self, rows: npt.NDArray[np.int64], mask: Mask) -> Mask:
        full = np.zeros(len(self.reasons), dtype=bool)
        full[rows[mask]] = True
        return full


def _precedence(labels: npt.NDArray[np.int32], splits: npt.NDArray[np.int8]) -> npt.NDArray[np.int64]:
    """All rows, the more precious first: of two that repeat each other, the later in this order is dropped.

    A labelled row stands before one without a label, then what the source holds out for test, then for
    validation, then the others, in their own order: a benchmark's test set loses nothing to its training set.
    """
    return np.lexsort((-splits, labels < 0))


def _chosen(texts: Batches, wanted: Mask) -> Iterator[tuple[npt.NDArray[np.int64], pa.Table]]:
    """The wanted rows of each batch: their numbers, and the rows; nothing where a batch has none."""
    start = 0
    for batch in texts():
        mine = wanted[start : start + len(batch)]
        if mine.any():
            yield start + np.flatnonzero(mine), batch.filter(pa.array(mine))
        start += len(batch)


def joined_texts(batch: pa.Table) -> list[str]:
    """The text of each row, with its pair where there is one."""
    texts = [text or "" for text in batch["text"].to_pylist()]
    if batch["text_pair"].null_count == len(batch):
        return texts
    pairs = batch["text_pair"].to_pylist()
    return [text if pair is None else f"{text}\n{pair}" for text, pair in zip(texts, pairs, strict=True)]


def _contents(batch: pa.Table, name: str) -> list[str | bytes | None]:
    column = batch[name]
    if column.null_count == len(batch):
        return [None] * len(batch)
    if name in ("image", "audio"):
        column = pc.struct_field(column, "bytes")
    contents: list[str | bytes | None] = column.to_pylist()
    return contents
