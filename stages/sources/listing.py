"""An index: a table that lies among the files, names them and says what is known of each."""

import io
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import PurePosixPath

import pyarrow as pa

from stages.core.blocks import Column
from stages.core.errors import UserError
from stages.sources import formats, opening
from stages.sources.delimited import DELIMITERS, SAMPLE_LINES, delimited, fitting_delimiters
from stages.sources.members import Member
from stages.sources.reading import Raw, require

JSON_LINES = (".json", ".jsonl", ".ndjson")
TABS = (".tsv", ".tab")
QUOTE = '"'
SHOWN_FILES = 5
WHERE_IN = "names are looked for from fetch.path, from the index's own folder, and as the end of exactly one path"


def read_index(content: bytes, shown: str, file_column: Column) -> pa.Table:
    """The index as string columns, a row a line in order; JSON lines by suffix, else delimited with a header.

    Raises:
        UserError: no table, no such column, a row that cannot be read, or no row.
    """
    try:
        opening.refuse_other_kinds(content[: opening.HEAD_BYTES], shown)
    except UserError as error:
        raise UserError(str(error), "name a CSV or JSON lines file in fetch.options.index") from None
    tables = []
    for raw in _batches(content, shown, file_column):
        if raw.bad:
            row = next(iter(raw.bad.values()))
            raise UserError(f"{shown}: line {row.line}: {row.problem}: {row.raw[:60]!r}", "correct the line")
        if raw.rows:
            require(raw.names, [file_column], shown, "set fetch.options.file_column to the one that names the files")
            tables.append(pa.table(list(raw.columns), list(raw.names)))
    if not tables:
        raise UserError(f"{shown}: no rows", "name a file that has rows in fetch.options.index")
    return pa.concat_tables(tables, promote_options="default").combine_chunks()


def _batches(content: bytes, shown: str, file_column: Column) -> Iterator[Raw]:
    codec = opening.codec(content[: opening.HEAD_BYTES], "auto", shown)
    suffix = PurePosixPath(shown.lower()).suffix
    lines = io.StringIO(_decoded(content, codec, shown), newline="")
    if suffix in JSON_LINES:
        return formats.json_lines(lines, shown)
    sample = list(islice(lines, SAMPLE_LINES))
    lines.seek(0)
    own = "\t" if suffix in TABS else ","
    candidates = [own, *(other for other in DELIMITERS if other != own)]
    fitting = fitting_delimiters(sample, candidates=candidates, quote=QUOTE, header=True, columns=[file_column])
    return delimited(lines, shown, delimiter=fitting[0] if fitting else own, quote=QUOTE, header=True)


def _decoded(content: bytes, codec: str, shown: str) -> str:
    try:
        return content.decode(codec)
    except UnicodeError as error:
        raise UserError(f"{shown}: not {codec.upper()}: {error}", "save the index as UTF-8") from None


def placed(names: Sequence[str | None], members: Sequence[Member], shown: str, folder: str) -> list[int]:
    """Which of `members` each of the index's `names` is; `folder` is the one that the index lies in.

    Raises:
        UserError: an empty name, one that is not there, or one that may stand for several members.
    """
    by_name = {member.name: number for number, member in enumerate(members)}
    by_end: dict[str, list[int]] = {}
    for number, member in enumerate(members):
        by_end.setdefault(member.name.rpartition("/")[2], []).append(number)
    found, missing = list[int](), list[str]()
    for row, name in enumerate(names, 1):
        if not name:
            raise UserError(f"{shown}: row {row} names no file", "correct the row")
        plain = PurePosixPath(name).as_posix()
        exact = by_name.get(plain, by_name.get(f"{folder}/{plain}"))
        ends = by_end.get(plain.rpartition("/")[2], []) if exact is None else [exact]
        fitting = [n for n in ends if n == exact or members[n].name.endswith(f"/{plain}")]
        if len(fitting) > 1:
            several = ", ".join(members[n].name for n in fitting[:SHOWN_FILES])
            raise UserError(f"{shown}: row {row}: '{name}' may be each of {several}", WHERE_IN)
        if fitting:
            found.append(fitting[0])
        else:
            missing.append(name)
    if missing:
        some = ", ".join(missing[:SHOWN_FILES]) + (", …" if len(missing) > SHOWN_FILES else "")
        raise UserError(f"{shown}: {len(missing):,} of {len(names):,} files are not there: {some}", WHERE_IN)
    return found
