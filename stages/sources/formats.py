"""Readers of JSON lines, lines by a regular expression, and Parquet: each gives batches of columns."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from stages.core.errors import UserError
from stages.core.tables import BATCH_ROWS
from stages.sources.delimited import BATCH_CHARACTERS
from stages.sources.reading import BadRow, Raw

BUFFER_BYTES = 2**20
PARQUET_BYTES = 2**24


class _Batch:
    """Rows as mappings, gathered until there are enough; columns in the order in which they first came up."""

    def __init__(self) -> None:
        self.names: dict[str, None] = {}
        self._start()

    def _start(self) -> None:
        self.rows: list[dict[str, str | None]] = []
        self.bad: dict[int, BadRow] = {}
        self.blank_lines = self.characters = 0

    def add(self, row: dict[str, str | None], line: str) -> None:
        self.rows.append(row)
        self.characters += len(line)
        self.names.update(dict.fromkeys(row))

    def add_bad(self, line_number: int, problem: str, line: str) -> None:
        self.bad[len(self.rows)] = BadRow(line_number, problem, line)
        self.add({}, line)

    @property
    def full(self) -> bool:
        return len(self.rows) >= BATCH_ROWS or self.characters >= BATCH_CHARACTERS

    def take(self) -> Raw:
        columns = [pa.array([row.get(name) for row in self.rows], pa.string()) for name in self.names]
        raw = Raw(list(self.names), columns, len(self.rows), self.bad, self.blank_lines)
        self._start()
        return raw


def json_lines(lines: Iterator[str], name: str) -> Iterator[Raw]:
    """One JSON object a line; a key that a row lacks, null and NaN are null there; nested values stay JSON.

    Raises:
        UserError: the file is one JSON array.
    """
    batch = _Batch()
    for number, line in enumerate(lines, 1):
        bare = line.strip()
        if not bare:
            batch.blank_lines += 1
            continue
        if not batch.names and not batch.bad and bare.startswith("["):
            raise UserError(f"{name}: a JSON array, not JSON lines", f"jq -c '.[]' {name} > {Path(name).stem}.jsonl")
        try:
            batch.add(_object(bare), bare)
        except (ValueError, RecursionError) as error:
            batch.add_bad(number, _plain(error), bare)
        if batch.full:
            yield batch.take()
    yield batch.take()


def _object(line: str) -> dict[str, str | None]:
    content = json.loads(line)
    if not isinstance(content, dict):
        raise ValueError("an object {…} is expected")
    row = {key: _text(value) for key, value in content.items()}
    if "\\u" in line:
        json.dumps(row, ensure_ascii=False).encode()  # half of a surrogate pair is not text
    return row


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if value != value:
            return None
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
    return str(value) if isinstance(value, int) else json.dumps(value, ensure_ascii=False)


def _plain(error: Exception) -> str:
    if isinstance(error, UnicodeEncodeError):
        return "half of a surrogate pair"
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return f"not JSON: {error}" if isinstance(error, json.JSONDecodeError) else str(error)


def compile_pattern(pattern: str | None) -> re.Pattern[str]:
    """The regular expression of the format `lines`; None takes the whole line as the column `line`.

    Raises:
        UserError: no regular expression, or one without named groups.
    """
    where = "params.yaml: fetch.options.pattern"
    try:
        compiled = re.compile(r"(?P<line>.*)" if pattern is None else pattern, re.DOTALL)
    except re.error as error:
        raise UserError(f"{where}: {pattern!r}: {error}", "see Python's re module") from None
    if not compiled.groupindex:
        raise UserError(f"{where}: {pattern!r}: no named group", r"such as '(?P<label>\w+) (?P<text>.*)'")
    return compiled


def matched_lines(lines: Iterator[str], *, pattern: re.Pattern[str]) -> Iterator[Raw]:
    """A row a line: the pattern's named groups are the columns; the whole line must match."""
    batch = _Batch()
    batch.names = dict.fromkeys(pattern.groupindex)
    for number, line in enumerate(lines, 1):
        bare = line.rstrip("\r\n")
        if "\0" in bare:
            batch.add_bad(number, "a NUL character", bare)
        elif found := pattern.fullmatch(bare):
            batch.add(found.groupdict(), bare)
        elif not bare.strip():
            batch.blank_lines += 1
        else:
            batch.add_bad(number, "the pattern does not match", bare)
        if batch.full:
            yield batch.take()
    yield batch.take()


def parquet(path: Path, name: str) -> Iterator[Raw]:
    """Parquet columns as they are, in batches that stay small where rows are large.

    Raises:
        UserError: no Parquet file, or a damaged one.
    """
    try:
        with pq.ParquetFile(path, pre_buffer=False, buffer_size=BUFFER_BYTES) as file:  # not whole row groups at once
            groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
            row_bytes = max((group.total_byte_size // max(group.num_rows, 1) for group in groups), default=0)
            rows = max(1, min(BATCH_ROWS, PARQUET_BYTES // max(row_bytes, 1)))
            for batch in file.iter_batches(rows):
                yield Raw(batch.schema.names, batch.columns, len(batch))
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{name}: not readable as Parquet: {_first_line(error)}", "write the file again") from None


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
