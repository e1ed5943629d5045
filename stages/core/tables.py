"""Reading and writing of Parquet shards and JSON: the same input gives the same bytes."""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from stages.core.errors import UserError

BATCH_ROWS = 8_192
BATCH_BYTES = 16 * 2**20
COMFORTABLE_BYTES = 4 * 2**20
READ_BYTES = 2**20
ROW_GROUP_ROWS = 65_536
SHARD_BYTES = 512 * 2**20
MISSING = "run `dvc repro`, or `dvc pull` if the data was pushed"


@contextmanager
def new_folder(path: str | Path) -> Iterator[Path]:
    """A folder that appears at `path` whole or not at all: it is filled under another name and renamed at the end."""
    final = Path(path)
    partial = final.with_name(final.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    shutil.rmtree(final, ignore_errors=True)
    partial.rename(final)


@contextmanager
def new_file(path: str | Path) -> Iterator[Path]:
    """A file that appears at `path` whole or not at all: written under another name and renamed at the end."""
    final = Path(path)
    partial = final.with_name(final.name + ".partial")
    final.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield partial
        partial.replace(final)
    finally:
        partial.unlink(missing_ok=True)


class Writer:
    """Writes tables of one schema to `folder/NAME-00000.parquet`, …, a new shard every `shard_bytes` of content.

    Rows are gathered into row groups of `ROW_GROUP_ROWS` rows or `BATCH_BYTES`, so that the size of the tables
    that come in does not show in the files. Without any row, one empty shard is written.
    """

    def __init__(self, folder: Path, name: str, schema: pa.Schema, *, shard_bytes: int = SHARD_BYTES) -> None:
        self.rows = 0
        self._folder, self._name, self._schema, self._shard_bytes = folder, name, schema, shard_bytes
        self._waiting: list[pa.Table] = []
        self._waiting_rows = self._waiting_bytes = self._shard_size = self._shards = 0
        self._file: pq.ParquetWriter | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._flush()
            self._open()
        if self._file is not None:
            self._file.close()

    def write(self, table: pa.Table) -> None:
        """Add the rows of `table`, which has the writer's schema."""
        if not len(table):
            return
        self.rows += len(table)
        self._waiting.append(table)
        self._waiting_rows += len(table)
        self._waiting_bytes += table.nbytes
        if self._waiting_rows >= ROW_GROUP_ROWS or self._waiting_bytes >= BATCH_BYTES:
            self._flush()

    def _open(self) -> pq.ParquetWriter:
        if self._file is None:
            path = self._folder / f"{self._name}-{self._shards:05d}.parquet"
            self._file = pq.ParquetWriter(path, self._schema, compression="zstd")
            self._shards += 1
        return self._file

    def _flush(self) -> None:
        if not self._waiting:
            return
        self._open().write_table(pa.concat_tables(self._waiting).cast(self._schema), row_group_size=ROW_GROUP_ROWS)
        self._shard_size += self._waiting_bytes
        self._waiting, self._waiting_rows, self._waiting_bytes = [], 0, 0
        if self._shard_size >= self._shard_bytes and self._file is not None:
            self._file.close()
            self._file, self._shard_size = None, 0


def write(folder: Path, name: str, table: pa.Table) -> None:
    """Write a whole table as shards of `folder/NAME`."""
    with Writer(folder, name, table.schema) as writer:
        writer.write(table)


def shards(folder: str | Path, name: str) -> list[Path]:
    """The shard files of `folder/NAME`, in order.

    Raises:
        UserError: there is none: the stage that makes them has not run.
    """
    found = sorted(Path(folder).glob(f"{name}-[0-9][0-9][0-9][0-9][0-9].parquet"))
    if not found:
        raise UserError(f"{folder}: no {name}-00000.parquet here", MISSING)
    return found


def rows(folder: str | Path, name: str) -> int:
    """The number of rows, read from the files' footers alone."""
    return sum(pq.read_metadata(path).num_rows for path in shards(folder, name))


def comfortable_rows(folder: str | Path, name: str) -> int:
    """How many rows at a time take a few MiB: `BATCH_ROWS` of text, few where rows hold images or sounds."""
    footers = [pq.read_metadata(path) for path in shards(folder, name)]
    count = sum(footer.num_rows for footer in footers)
    total = sum(footer.row_group(i).total_byte_size for footer in footers for i in range(footer.num_row_groups))
    return max(1, min(BATCH_ROWS, int(COMFORTABLE_BYTES * count // max(total, 1))))


def read(folder: str | Path, name: str, columns: Sequence[str] | None = None) -> pa.Table:
    """All rows of `folder/NAME`, in memory."""
    wanted = list(columns) if columns is not None else None
    return pa.concat_tables([_whole(path, wanted) for path in shards(folder, name)])


def read_file(path: str | Path) -> pa.Table:
    """All rows of one Parquet file.

    Raises:
        UserError: the file is not there.
    """
    if not Path(path).exists():
        raise UserError(f"{path}: not here", MISSING)
    return _whole(Path(path), None)


def write_file(path: str | Path, table: pa.Table) -> None:
    """Write one Parquet file, whole or not at all."""
    with new_file(path) as partial:
        pq.write_table(table, partial, compression="zstd")


def _whole(path: Path, columns: list[str] | None) -> pa.Table:
    with pq.ParquetFile(path) as file:  # pq.read_table would load pyarrow.dataset
        return file.read(columns)


def batches(
    folder: str | Path, name: str, columns: Sequence[str] | None = None, *, batch_rows: int = BATCH_ROWS
) -> Iterator[pa.Table]:
    """The rows of `folder/NAME` in order, as tables of `batch_rows` rows (the last may be shorter).

    Row groups and shards do not show, so that tables of the same rows can be read side by side; memory does not
    grow with the data.
    """
    waiting: list[pa.RecordBatch] = []
    count = 0
    for piece in _pieces(folder, name, columns, batch_rows):
        while count + len(piece) >= batch_rows:
            need = batch_rows - count
            yield pa.Table.from_batches([*waiting, piece.slice(0, need)])
            piece, waiting, count = piece.slice(need), [], 0
        if len(piece):
            waiting.append(piece)
            count += len(piece)
    if waiting:
        yield pa.Table.from_batches(waiting)


def _pieces(folder: str | Path, name: str, columns: Sequence[str] | None, rows: int) -> Iterator[pa.RecordBatch]:
    for path in shards(folder, name):
        # Buffered ahead, as is the default, everything read would stay in memory until the file is closed.
        with pq.ParquetFile(path, pre_buffer=False, buffer_size=READ_BYTES) as file:
            yield from file.iter_batches(rows, columns=list(columns) if columns is not None else None)


def write_json(path: str | Path, content: Mapping[str, Any]) -> None:
    """Write JSON with a final newline, whole or not at all. Numbers must be finite."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(target.name + ".partial")
    partial.write_text(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    partial.replace(target)


def read_json(path: str | Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        UserError: the file is not there.
    """
    try:
        content: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: not here", MISSING) from None
    return content
