"""What a source hands over: parts (files, splits of a Hub dataset), each of them rows in batches."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from stages.core.blocks import Column
from stages.core.errors import UserError
from stages.core.registry import nearest
from stages.sources.values import holds_bytes

SHOWN_NAMES = 20


@dataclass(frozen=True)
class BadRow:
    """A row that could not be read: its line (from 1), what is wrong, its text as it stands in the file."""

    line: int
    problem: str
    raw: str


@dataclass(frozen=True)
class Raw:
    """A batch: C names, C arrays of N values of any type; `bad` rows, by index, hold nulls in the arrays."""

    names: Sequence[str]
    columns: Sequence[pa.Array]
    rows: int
    bad: Mapping[int, BadRow] = field(default_factory=dict)
    blank_lines: int = 0

    def slice(self, start: int, rows: int) -> "Raw":
        """`rows` of the rows from `start` on, without a copy; the blank lines go with the first."""
        bad = {row - start: found for row, found in self.bad.items() if start <= row < start + rows}
        columns = [column.slice(start, rows) for column in self.columns]
        return Raw(self.names, columns, rows, bad, 0 if start else self.blank_lines)


@dataclass
class Part:
    """One file or one split of a dataset: its name, for `source`, and the split as the source calls it.

    `described` goes into provenance.json, with the rows that were read.
    """

    name: str
    split: str | None
    batches: Iterator[Raw]
    described: dict[str, Any]
    rows: int = 0
    bad_rows: int = 0
    blank_lines: int = 0
    bytes_columns: list[str] = field(default_factory=list)

    def count(self, raw: Raw, mapped: Collection[int | None] = ()) -> None:
        """Add a batch to what was read, and note columns of bytes that are not `mapped`: `extra` leaves them out."""
        self.rows += raw.rows
        self.bad_rows += len(raw.bad)
        self.blank_lines += raw.blank_lines
        others = [at for at, column in enumerate(raw.columns) if at not in mapped and holds_bytes(column.type)]
        self.bytes_columns = [raw.names[at] for at in others]


@dataclass(frozen=True)
class Reading:
    """All parts in order, what they are called together, and what is known of the whole.

    Nothing is read before a part's batches are asked for; `afterwards` says what is known only once they were.
    `root` is the folder in which a media column's paths are looked for.
    """

    parts: Sequence[Part]
    called: str
    described: dict[str, Any]
    root: Path | None = None
    afterwards: Callable[[], dict[str, Any]] = dict

    def provenance(self) -> dict[str, Any]:
        """Where the data comes from, once all is read: nothing that depends on the machine or the time."""
        parts = [{**part.described, "rows": part.rows, "blank_lines": part.blank_lines} for part in self.parts]
        return {**self.described, **self.afterwards(), self.called: parts}


class Source(Protocol):
    """What a member of the registry builds; `columns` are those asked for by name or position."""

    def __call__(self, path: str, columns: Sequence[Column], /) -> Reading: ...


def position(names: Sequence[str], column: Column) -> int | None:
    """Where a column stands among `names`, or None where there is no such column."""
    if isinstance(column, int):
        return column if 0 <= column < len(names) else None
    return names.index(column) if column in names else None


def require(names: Sequence[str], columns: Sequence[Column], where: str, hint: str = "") -> None:
    """Check that each of `columns` is there; `where` names the file, `hint` what to do about it.

    Raises:
        UserError: with the nearest name, and the names that there are.
    """
    for column in columns:
        if position(names, column) is not None:
            continue
        if isinstance(column, int):
            what = f"{where}: no column at position {column}: there are {len(names)}, counted from 0"
        else:
            what = f"{where}: no column '{column}'{nearest(column, names)}"
        shown = ", ".join(names[:SHOWN_NAMES]) + (", …" if len(names) > SHOWN_NAMES else "")
        raise UserError(what, hint or f"columns: {shown}; correct fetch.columns or fetch.extra in params.yaml")
