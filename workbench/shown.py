"""What there is to look at of a sample, and how tables of samples are read for it.

Tables are read in batches, and of the contents only those of the few that are shown are kept.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from stages.core import tables
from stages.core.errors import UserError
from stages.core.samples import name_of

CLEANED = ("data/cleaned", "samples")
"""Folder and name of the table of cleaned samples."""
UNUSED = "unused"
NO_ANSWER = "no answer"


@dataclass(frozen=True)
class Shown:
    """A sample to look at; what does not apply to its kind is empty.

    `name` is what people call it; `content` is the text with its pair, or the path of the image or sound; `original` is
    that of the sample that it was derived from.
    """

    id: str
    name: str
    content: str
    answer: str = ""
    split: str = ""
    why: str = ""
    prediction: str = ""
    confidence: float | None = None
    original: str = ""


@dataclass(frozen=True)
class Selection:
    """The samples of a kind: `counts` of all by what `counted` says, the largest first, and the few in `shown`."""

    kind: str
    place: tuple[str, str]
    counted: str
    counts: dict[str, int]
    shown: list[Shown] = field(default_factory=list)

    @property
    def total(self) -> int:
        return sum(self.counts.values())


class Taken:
    """Counts all samples by a name, and picks the first few."""

    def __init__(self, limit: int, each: int | None) -> None:
        self.counts: Counter[str] = Counter()
        self.shown: list[Shown] = []
        self._left, self._each = limit, each

    def take(self, batch: pa.Table, names: Sequence[str]) -> list[dict[str, Any]]:
        """Count the rows under their names; those that are picked."""
        picked = []
        for place, name in enumerate(names):
            self.counts[name] += 1
            if self._left > 0 and (self._each is None or self.counts[name] <= self._each):
                self._left -= 1
                picked.append(place)
        rows: list[dict[str, Any]] = batch.take(pa.array(picked, pa.int64())).to_pylist()
        return rows

    def sorted_counts(self) -> dict[str, int]:
        """The largest first, then by name."""
        return dict(sorted(self.counts.items(), key=lambda item: (-item[1], item[0])))


class Places:
    """In which split each sample is; where `split` has not run, in none."""

    def __init__(self, root: Path, *, needed: bool) -> None:
        folder = root / "data/split"
        there = needed or folder.is_dir()
        table = tables.read(folder, "assignment", ["id", "split"]) if there else None
        self._ids = None if table is None else table["id"].combine_chunks()
        self._splits = None if table is None else table["split"].combine_chunks()

    def of(self, ids: pa.Array | pa.ChunkedArray) -> list[str]:
        """The split of each, `unused` where it is in none."""
        if self._ids is None or self._splits is None:
            return [""] * len(ids)
        rows = pc.index_in(ids, value_set=self._ids)
        return [one or UNUSED for one in self._splits.take(rows).to_pylist()]


def contents(
    root: Path, place: tuple[str, str], ids: Iterable[str], params: dict[str, Any]
) -> dict[str, tuple[str, str]]:
    """What the samples with these ids are called and what they hold, by id."""
    wanted = pa.array(sorted(set(ids)), pa.string())
    found: dict[str, tuple[str, str]] = {}
    for batch in read_batches(root, *place, params) if len(wanted) else ():
        rows = batch.filter(pc.is_in(batch["id"], wanted)).to_pylist()
        found |= {row["id"]: (name_of(row), content_of(row, params)) for row in rows}
    return found


def read_batches(root: Path, folder: str, name: str, params: dict[str, Any]) -> Iterator[pa.Table]:
    """The columns that are shown; of images and sounds the path alone.

    Raises:
        UserError: the stage that writes the table has not run, or a file is no Parquet.
    """
    modality = modality_of(params)
    held = ["text", "text_pair"] if modality == "text" else [f"{modality}.path"]
    try:
        yield from tables.batches(
            root / folder, name, ["id", "source", "row", "parent", "label", "value", "issues", *held]
        )
    except pa.ArrowInvalid as error:
        raise UserError(f"{folder}: not Parquet: {error}", "dvc repro makes it again") from None


def modality_of(params: dict[str, Any]) -> str:
    """text, image or audio."""
    return str(params.get("modality", "text"))


def content_of(row: dict[str, Any], params: dict[str, Any]) -> str:
    modality = modality_of(params)
    if modality != "text":
        return (row[modality] or {}).get("path") or ""
    return " / ".join(part for part in (row["text"], row["text_pair"]) if part)


def answer_of(row: dict[str, Any]) -> str:
    if row["label"] is not None:
        return str(row["label"])
    return NO_ANSWER if row["value"] is None else f"{row['value']:.4g}"


def classes_of(batch: pa.Table) -> list[str]:
    """The class of each row; one name for all that have values."""
    labels, values = batch["label"].to_pylist(), batch["value"].to_pylist()
    unnamed = ("values" if value is not None else NO_ANSWER for value in values)
    return [name if label is None else label for label, name in zip(labels, unnamed, strict=True)]
