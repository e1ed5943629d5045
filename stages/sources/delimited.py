"""CSV, TSV and their kin: strict about ragged rows, quotes and NUL, yet able to go on after a bad row."""

import csv
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from stages.core.blocks import Column
from stages.core.errors import UserError
from stages.core.tables import BATCH_ROWS
from stages.sources.reading import BadRow, Raw, position

BATCH_CHARACTERS = 2**24
MAX_CELL_CHARACTERS = 2**26
"""A longer cell is taken for a quote that was never closed, so that memory stays bounded."""

SAMPLE_LINES = 20
DELIMITERS = (",", "\t", ";", "|")
PROBLEMS = {
    "unexpected end of data": "a quote is opened and never closed",
    "field larger": f"a cell over {MAX_CELL_CHARACTERS:,} characters, or a quote never closed",
    "expected after": "text after a closing quote",
}


class _Tape:
    """Lines that remember those of the record being read, so that it can be shown or read again."""

    def __init__(self, lines: Iterator[str]) -> None:
        self.line, self.characters, self.nul = 1, 0, False
        self._lines, self._taken, self._again = lines, list[str](), deque[str]()

    def feed(self) -> Iterator[str]:
        while (line := self._again.popleft() if self._again else next(self._lines, None)) is not None:
            self._taken.append(line)
            self.characters += len(line)
            if "\0" in line:
                self.nul = True
            yield line

    def raw(self) -> str:
        """The record as it stands in the file, without its line end."""
        return "".join(self._taken).rstrip("\r\n")

    def rewind(self) -> None:
        """Keep the record's first line only: the lines after it are read again as records of their own."""
        self._again.extendleft(reversed(self._taken[1:]))
        self.characters -= sum(map(len, self._taken[1:]))
        del self._taken[1:]

    def next_record(self) -> None:
        self.line += len(self._taken)
        self._taken.clear()
        self.nul = False


def _reader(lines: Iterator[str], delimiter: str, quote: str | None, strict: bool) -> Any:
    csv.field_size_limit(MAX_CELL_CHARACTERS)
    quoting: Any = csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE
    return csv.reader(lines, delimiter=delimiter, quotechar=quote, quoting=quoting, strict=strict)


def _records(tape: _Tape, delimiter: str, quote: str | None) -> Iterator[tuple[list[str], str]]:
    """Cells and what is wrong with them, by record; after an error, reading goes on at the next line."""
    while True:
        try:
            for cells in _reader(tape.feed(), delimiter, quote, strict=True):
                yield cells, "a NUL character" if tape.nul else ""
                tape.next_record()
            return
        except csv.Error as error:
            tape.rewind()
            yield [], next((plain for found, plain in PROBLEMS.items() if found in str(error)), str(error))
            tape.next_record()


def header_names(cells: Sequence[str]) -> list[str]:
    """Names without outer white space; an empty or repeated one gets its position: `(3)`, `name (3)`."""
    names = [cell.strip() for cell in cells]
    return [name if name and names.count(name) == 1 else f"{name} ({i})".strip() for i, name in enumerate(names)]


def delimited(lines: Iterator[str], name: str, *, delimiter: str, quote: str | None, header: bool) -> Iterator[Raw]:
    """Batches of string columns. The first row says how many; without a header, their names are positions.

    Raises:
        UserError: the first row itself cannot be read.
    """
    tape, names = _Tape(lines), list[str]()
    rows: list[Sequence[str | None]] = []
    bad: dict[int, BadRow] = {}
    blank = 0
    for cells, problem in _records(tape, delimiter, quote):
        if not problem and len(cells) != (len(names) or len(cells) or 1):
            if not tape.raw().strip():
                blank += 1
                continue
            problem = f"expected {len(names)} columns, found {len(cells)}"
        if not names:
            if problem:
                where = f"{name}: line {tape.line}: {problem}"
                raise UserError(f"{where}: {tape.raw()[:60]!r}", "correct the first row")
            names = header_names(cells) if header else [str(i) for i in range(len(cells))]
            if header:
                continue
        if problem:
            bad[len(rows)] = BadRow(tape.line, problem, tape.raw())
        rows.append([None] * len(names) if problem else cells)
        if len(rows) >= BATCH_ROWS or tape.characters >= BATCH_CHARACTERS:
            yield _raw(names, rows, bad, blank)
            rows, bad, blank, tape.characters = [], {}, 0, 0
    if rows or blank:
        yield _raw(names, rows, bad, blank)


def _raw(names: list[str], rows: list[Sequence[str | None]], bad: dict[int, BadRow], blank: int) -> Raw:
    columns = zip(*rows, strict=True) if rows else ([] for _ in names)
    return Raw(names, [pa.array(column, pa.string()) for column in columns], len(rows), bad, blank)


def fitting_delimiters(
    sample: Sequence[str],
    *,
    candidates: Sequence[str],
    quote: str | None,
    header: bool,
    columns: Sequence[Column],
) -> list[str]:
    """Those of `candidates` that give all of `columns` in the first row; those with even rows come first."""
    even, ragged = list[str](), list[str]()
    for delimiter in candidates:
        try:
            rows = [row for row in _reader(iter(sample), delimiter, quote, strict=False) if row]
        except csv.Error:
            continue
        first = rows[0] if rows else []
        names = header_names(first) if header else [str(i) for i in range(len(first))]
        if all(position(names, column) is not None for column in columns):
            widths = [len(row) for row in rows]
            whole = widths if len(sample) < SAMPLE_LINES else widths[:-1]  # the last row may be cut off
            (even if len(set(whole)) <= 1 else ragged).append(delimiter)
    return even + ragged
