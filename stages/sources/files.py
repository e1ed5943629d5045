"""The source `files`: CSV, TSV, JSON lines, Parquet and plain lines, local or over http(s), gzip or not."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Literal

from stages.core.blocks import Column
from stages.core.errors import UserError
from stages.sources import formats, opening
from stages.sources.delimited import DELIMITERS, SAMPLE_LINES, delimited, fitting_delimiters
from stages.sources.locate import Located, locate
from stages.sources.reading import BadRow, Part, Raw, Reading, Source, require

Format = Literal["auto", "csv", "tsv", "jsonl", "parquet", "lines"]

SUFFIXES: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".json": "jsonl",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}
KEEP = "or set fetch.options.bad_rows: keep, which sets such rows apart as row.malformed"


def files(
    *,
    files: list[str] | dict[str, str | list[str]],
    format: Format,
    delimiter: str,
    quote: str | None,
    encoding: str,
    header: bool,
    pattern: str | None,
    bad_rows: Literal["error", "keep"],
) -> Source:
    """Tables in files, read one after another; each may have its own format and encoding.

    `files`: names or globs inside `fetch.path`, or URLs; as a mapping, by split. Empty: `fetch.path` is the
    file. `format: auto` goes by suffix, and reads a suffix that it does not know as delimited text.
    `delimiter: auto` takes the suffix's own if that gives the columns asked for, else the one that does.
    `pattern` is for `lines` only. Where `fetch.path` is a folder, a column that `fetch.columns` maps to `image` or
    `audio` may name files in it.
    """
    _check_characters(delimiter, quote)
    expression = formats.compile_pattern(pattern)
    return _Files(files, format, delimiter, quote, encoding, header, expression, bad_rows == "keep")


@dataclass(frozen=True)
class _Files:
    names: list[str] | dict[str, str | list[str]]
    format: Format
    delimiter: str
    quote: str | None
    encoding: str
    header: bool
    pattern: re.Pattern[str]
    keep_bad: bool

    def __call__(self, path: str, columns: Sequence[Column], /) -> Reading:
        located = locate(path, self.names)
        parts = [Part(file.short, file.split, self._batches(file, columns), file.described()) for file in located]
        root = Path(path) if Path(path).is_dir() else None
        return Reading(parts, "files", {"bytes": sum(file.bytes for file in located)}, root)

    def _batches(self, file: Located, columns: Sequence[Column]) -> Iterator[Raw]:
        start = opening.head(file.path, file.shown)
        opening.refuse_other_kinds(start, file.shown)
        kind = _format(file, start, self.format)
        rows, is_delimited = 0, kind in ("csv", "tsv")
        for raw in self._read(file, kind, start, columns):
            if raw.bad and not self.keep_bad:
                raise _bad(file.shown, next(iter(raw.bad.values())), quoted=is_delimited and self.quote is not None)
            if raw.rows and not rows:
                require(raw.names, columns, file.shown)
            rows += raw.rows
            yield raw
        if not rows:
            header_only = " under the header" if self.header and is_delimited else ""
            raise UserError(f"{file.shown}: no rows{header_only}", "name a file that has rows in fetch.options.files")

    def _read(self, file: Located, kind: Format, start: bytes, columns: Sequence[Column]) -> Iterator[Raw]:
        if kind == "parquet":
            return formats.parquet(file.path, file.shown)
        codec = opening.codec(start, self.encoding, file.shown)
        lines = opening.lines(file.path, file.shown, codec)
        if kind == "jsonl":
            return formats.json_lines(lines, file.shown)
        if kind == "lines":
            return formats.matched_lines(lines, pattern=self.pattern)
        sample = list(islice(opening.lines(file.path, file.shown, codec), SAMPLE_LINES))
        quote, header = self.quote, self.header
        delimiter = _delimiter(sample, file, kind, given=self.delimiter, quote=quote, header=header, columns=columns)
        return delimited(lines, file.shown, delimiter=delimiter, quote=quote, header=header)


def _check_characters(delimiter: str, quote: str | None) -> None:
    where = "params.yaml: fetch.options"
    one = "one character in quotes"
    if delimiter != "auto" and not _is_character(delimiter):
        raise UserError(f"{where}.delimiter: {delimiter!r}: should be auto or one character", rf'{one}: ";" or "\t"')
    if quote is not None and not _is_character(quote):
        raise UserError(f"{where}.quote: {quote!r}: should be null or one character", f"{one}: '\"'")
    if delimiter == quote:
        raise UserError(f"{where}.delimiter: {delimiter!r} is also {where}.quote", "they must differ")


def _is_character(value: str) -> bool:
    return len(value) == 1 and value not in "\r\n\0"


def _format(file: Located, start: bytes, asked: Format) -> Format:
    found: Format = asked if asked != "auto" else SUFFIXES.get(_suffix(file), "csv")
    is_parquet = start.startswith(opening.PARQUET)
    if asked == "auto" and is_parquet:
        return "parquet"
    if is_parquet != (found == "parquet"):
        what = "this is Parquet" if is_parquet else "this is not Parquet"
        raise UserError(f"{file.shown}: {what}", "set fetch.options.format to what the file is, or to auto")
    return found


def _suffix(file: Located) -> str:
    return PurePosixPath(file.short.lower().removesuffix(".gz")).suffix


def _delimiter(
    sample: Sequence[str],
    file: Located,
    kind: Format,
    *,
    given: str,
    quote: str | None,
    header: bool,
    columns: Sequence[Column],
) -> str:
    own = "," if kind == "csv" and _suffix(file) in ("", ".csv") else "\t"
    preferred = given if given != "auto" else own
    candidates = [preferred, *(other for other in DELIMITERS if other != preferred)]
    fitting = fitting_delimiters(sample, candidates=candidates, quote=quote, header=header, columns=columns)
    if given == "auto":
        return fitting[0] if fitting else preferred
    if fitting and given not in fitting:
        asked = ", ".join(repr(column) for column in columns)
        raise UserError(
            f"{file.shown}: delimiter {given!r} does not give the columns {asked}; {fitting[0]!r} does",
            f'set fetch.options.delimiter: "{fitting[0]}"'.replace("\t", r"\t"),
        )
    return given


def _bad(name: str, row: BadRow, *, quoted: bool) -> UserError:
    shown = row.raw if len(row.raw) <= 60 else row.raw[:57] + "..."
    hints = ["correct the line"]
    if quoted and "quote" in row.problem:
        hints.append("set fetch.options.quote: null if quotes are ordinary characters here")
    return UserError(f"{name}: line {row.line}: {row.problem}: {shown!r}", ", ".join([*hints, KEEP]))
