"""What a source hands over: parts (files, splits of a Hub dataset), each of them rows in batches."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
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

    def count(self, raw: Raw) -> None:
        """Add a batch to what was read, and note columns of bytes, since `extra: all` leaves them out."""
        self.rows += raw.rows
        self.bad_rows += len(raw.bad)
        self.blank_lines += raw.blank_lines
        self.bytes_columns = [n for n, column in zip(raw.names, raw.columns, strict=True) if holds_bytes(column.type)]


@dataclass(frozen=True)
class Reading:
    """All parts in order, what they are called together, and what is known of the whole.

    Nothing is read before a part's batches are asked for.
    """

    parts: Sequence[Part]
    called: str
    described: dict[str, Any]

    def provenance(self) -> dict[str, Any]:
        """Where the data comes from, once all is read: nothing that depends on the machine or the time."""
        parts = [{**part.described, "rows": part.rows, "blank_lines": part.blank_lines} for part in self.parts]
        return {**self.described, self.called: parts}


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
