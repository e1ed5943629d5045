"""Rows of tables that nobody has described yet: delimiter, encoding, quotes and header are found out."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from stages.core import report
from stages.core.errors import UserError
from stages.sources import opening
from stages.sources.delimited import DELIMITERS, SAMPLE_LINES, fitting_delimiters
from stages.sources.files import SUFFIXES, files
from stages.sources.reading import BadRow, Raw
from stages.sources.values import as_text, holds_bytes
from workbench.new.recognise import Tables, suffix_of

MOST_ROWS = 200_000
"""Rows that are looked at: what they show is proposed."""
MOST_BAD = 0.2
"""Of the rows: more that cannot be read are no exceptions."""
LONGEST_NAME = 60
MOST_WORDS = 6
"""Of a column's name: a cell that has more is a text, and so the first row is none of names."""
ENCODING = re.compile(r"fetch\.options\.encoding: ([\w-]+)")


@dataclass(frozen=True)
class Rows:
    """The first rows of all tables together.

    Attributes:
        columns: name or, without a header, position -> N texts, null where there is none; bytes are left out.
        media: columns of pictures or sounds, as bytes or as structures of bytes and path: the first one there is.
        rows: N.
        bad: rows that could not be read, of N.
        first_bad: the first of them.
        options: of the source `files`.
        more: whether there are more rows than were looked at.
    """

    columns: Mapping[str | int, pa.Array]
    media: Mapping[str, bytes]
    rows: int
    bad: int
    first_bad: BadRow | None
    options: Mapping[str, Any]
    more: bool


def read(tables: Tables) -> Rows:
    """Look at the first `MOST_ROWS` rows.

    Raises:
        UserError: a file that is no table, or cannot be read.
    """
    first = _first_path(tables)
    options: dict[str, Any] = {
        "files": tables.files if isinstance(tables.files, Mapping) else list(tables.files),
        "format": "auto",
        "delimiter": "auto",
        "quote": '"',
        "encoding": "auto",
        "header": True,
        "pattern": None,
        "bad_rows": "keep",
    }
    is_text = not opening.head(first, str(first)).startswith(opening.PARQUET)
    if is_text:
        options["encoding"] = _encoding(tables, options)
    if not is_text or SUFFIXES.get(suffix_of(first.name)) == "jsonl":
        return _checked(_read(tables, options, MOST_ROWS), tables.path)
    sample = _sample(first, options["encoding"])
    options["delimiter"] = _delimiter(sample, first, options["quote"])
    options["quote"] = _quote(tables, options)
    options["header"] = _has_header(_read(tables, {**options, "header": False}, 200))
    _check_alike(tables, options)
    return _checked(_read(tables, options, MOST_ROWS), tables.path)


def _checked(rows: Rows, path: str) -> Rows:
    """The rows, if most of them could be read."""
    bad = rows.first_bad
    if bad is None or rows.bad <= MOST_BAD * rows.rows:
        return rows
    what = f"{path}: {rows.bad:,} of {rows.rows:,} rows cannot be read: line {bad.line}: {bad.problem}"
    raise UserError(f"{what}: {bad.raw[:60]!r}", "correct the file; a cell that holds the delimiter needs quotes")


def settled(rows: Rows) -> dict[str, Any]:
    """The options to write down: a delimiter is found again by the columns, and rows that are right may stay strict."""
    options = dict(rows.options)
    options["bad_rows"] = "keep" if rows.bad else "error"
    if rows.options["header"] and len(rows.columns) > 1:
        options["delimiter"] = "auto"
    return options


def _first_path(tables: Tables) -> Path:
    names = tables.files
    if isinstance(names, Mapping):
        names = next(iter(names.values()))
    return Path(tables.path, names[0]) if names else Path(tables.path)


def _encoding(tables: Tables, options: Mapping[str, Any]) -> str:
    """`auto` where that reads the whole of the files, else what the error about them names."""
    try:
        _read(tables, {**options, "quote": None}, MOST_ROWS)
    except UserError as error:
        named = ENCODING.search(error.hint)
        if not named:
            raise
        return named[1]
    return "auto"


def _sample(path: Path, encoding: str) -> list[str]:
    start = opening.head(path, str(path))
    codec = opening.codec(start, encoding, str(path))
    return list(islice(opening.lines(path, str(path), codec), SAMPLE_LINES))


def _delimiter(sample: Sequence[str], path: Path, quote: str | None) -> str:
    """The one that gives the most columns, of those that give each row as many; the suffix's own where none does."""
    own = "\t" if SUFFIXES.get(suffix_of(path.name)) == "tsv" else ","
    candidates = [own, *(other for other in DELIMITERS if other != own)]
    fitting = fitting_delimiters(sample, candidates=candidates, quote=quote, header=False, columns=[1])
    return fitting[0] if fitting else own


def _quote(tables: Tables, options: Mapping[str, Any]) -> str | None:
    """None where quotes are ordinary characters: then fewer rows fail without them."""
    with_quotes = _read(tables, options, MOST_ROWS)
    if not with_quotes.bad:
        return str(options["quote"])
    without = _read(tables, {**options, "quote": None}, MOST_ROWS)
    return None if without.bad < with_quotes.bad else str(options["quote"])


def _has_header(rows: Rows) -> bool:
    """Whether the first row holds names: short ones, no numbers, each once, and none that is a value further down."""
    columns = [column.to_pylist() for column in rows.columns.values()]
    names = [str(column[0] or "").strip() for column in columns]
    if any(not name or len(name) > LONGEST_NAME or len(name.split()) > MOST_WORDS for name in names):
        return all(name == "" for name in names[:1]) and all(names[1:]) and len(names) > 2  # pandas' index
    if len(set(names)) < len(names) or any(_is_number(name) for name in names):
        return False
    return not any(name in column[1:] for name, column in zip(names, columns, strict=True))


def _is_number(text: str) -> bool:
    try:
        float(text.replace(",", "."))
    except ValueError:
        return False
    return True


def _read(tables: Tables, options: Mapping[str, Any], most: int) -> Rows:
    batches = list[Raw]()
    with report.progress_bar() as bar:
        task = bar.add_task("reading", total=None)
        for raw in _batches(tables, options, most):
            batches.append(raw)
            bar.advance(task, raw.rows)
    rows, bad = sum(raw.rows for raw in batches), sum(len(raw.bad) for raw in batches)
    first = next((found for raw in batches for found in raw.bad.values()), None)
    return Rows(*_joined(batches, by_name=options["header"]), rows, bad, first, options, rows == most)


def _batches(tables: Tables, options: Mapping[str, Any], most: int) -> Iterator[Raw]:
    """The first `most` rows of all files together."""
    left = most
    for part in files(**options)(tables.path, []).parts:
        for raw in part.batches:
            piece = raw.slice(0, min(raw.rows, left))
            left -= piece.rows
            yield piece
            if not left:
                return


def _check_alike(tables: Tables, options: Mapping[str, Any]) -> None:
    """Refuse files that are not parts of one table.

    Raises:
        UserError: they have different columns.
    """
    names = {part.name: tuple(next(part.batches).names) for part in files(**options)(tables.path, []).parts}
    if len(set(names.values())) > 1:
        told = "; ".join(f"{file}: {', '.join(columns)}" for file, columns in list(names.items())[:5])
        raise UserError(f"{tables.path}: its tables have different columns ({told})", "DATA=one of them")


def _joined(batches: Sequence[Raw], *, by_name: bool) -> tuple[dict[str | int, pa.Array], dict[str, bytes]]:
    """The columns of all batches; one that a batch lacks is null there."""
    names = list(dict.fromkeys(name for raw in batches for name in raw.names))
    columns: dict[str | int, pa.Array] = {}
    media: dict[str, bytes] = {}
    for number, name in enumerate(names):
        pieces = [raw.columns[raw.names.index(name)] if name in raw.names else pa.nulls(raw.rows) for raw in batches]
        if any(holds_bytes(piece.type) for piece in pieces):
            first = next((value for piece in pieces for value in piece if value.is_valid), None)
            if (content := _bytes_of(first)) is not None:
                media[name] = content
            continue
        texts = [as_text(piece, name).cast(pa.string()) for piece in pieces]
        columns[name if by_name else number] = pa.concat_arrays(texts)
    return columns, media


def _bytes_of(value: pa.Scalar | None) -> bytes | None:
    content = value.as_py() if value is not None else None
    if isinstance(content, dict):
        content = content.get("bytes")
    return content if isinstance(content, bytes) else None
