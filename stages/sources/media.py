"""Columns of images and sounds: from bytes, from paths or from both to the one form that samples have."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stages.core.errors import UserError
from stages.core.samples import MEDIA
from stages.sources.members import ABSOLUTE, inside
from stages.sources.reading import Raw

COLUMNS = ("image", "audio")
PIECE_BYTES = 2**24
MAX_FILE_BYTES = 2**29
"""Of a file that a table names; larger ones want a source that has limits of its own."""

IN_PATH = "put the files inside fetch.path, so that DVC watches them"


def structs(contents: Sequence[bytes | None] | pa.Array, paths: Sequence[str | None] | pa.Array) -> pa.Array:
    """Bytes and paths as one column of `core.samples.MEDIA`; null where both are."""
    held, names = (_array(values, kind) for values, kind in ((contents, pa.binary()), (paths, pa.string())))
    neither = pc.and_(held.is_null(), names.is_null())
    return pa.StructArray.from_arrays([held, names], fields=list(MEDIA), mask=neither)


def _array(values: Any, kind: pa.DataType) -> pa.Array:
    return values if isinstance(values, pa.Array) else pa.array(values, kind)


def media(column: pa.Array, root: Path | None, where: str) -> tuple[pa.Array, list[int]]:
    """A column as `core.samples.MEDIA`, and the rows whose file is not there.

    Where bytes are null and a path is not, the file is read from the folder `root`; without a folder it counts as
    not there. A path is kept relative to `root`; of one that is absolute or leads elsewhere only its last part is.

    Raises:
        UserError: a column of another type, text without a `root`, or a path that leads out of it.
    """
    contents, paths = _halves(column, root, where)
    wanted = pc.and_(contents.is_null(), paths.is_valid())
    names: list[str | None] = [None if path is None else tidy(path) for path in paths.to_pylist()]
    missing: list[int] = []
    if pc.any(wanted).as_py():
        held = contents.to_pylist()
        for row in np.flatnonzero(wanted.to_numpy(zero_copy_only=False)).tolist():
            if (found := _located(root, paths[row].as_py(), where)) is None:
                missing.append(row)
            else:
                held[row], names[row] = _content(found[0], found[1], where), found[1]
        contents = pa.array(held, pa.binary())
    return structs(contents, names), missing


def _halves(column: pa.Array, root: Path | None, where: str) -> tuple[pa.Array, pa.Array]:
    """Bytes and paths (N,), as they stand; empty paths are null."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _halves(column.dictionary_decode(), root, where)
    nothing = pa.nulls(len(column), pa.string())
    if pa.types.is_null(kind):
        return pa.nulls(len(column), pa.binary()), nothing
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return column.cast(pa.binary()), nothing
    if pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0:
        paths = pc.struct_field(column, "path").cast(pa.string()) if kind.get_field_index("path") >= 0 else nothing
        return pc.struct_field(column, "bytes").cast(pa.binary()), pc.if_else(pc.equal(paths, ""), None, paths)
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        what = f"{where}: the column holds {kind}, neither bytes nor names of files"
        raise UserError(what, "map a column of {bytes, path}, of bytes, or of paths inside fetch.path")
    if root is None:
        what = f"{where}: the column holds text, and there is no folder in which to look for files of these names"
        raise UserError(what, "set fetch.path to the folder that holds them, and name the table in fetch.options.files")
    return pa.nulls(len(column), pa.binary()), pc.if_else(pc.equal(column, ""), None, column).cast(pa.string())


def tidy(path: str) -> str:
    """A relative posix path; of a URL or a path that is absolute or leads out, its last part."""
    plain = path.split("::")[0] if "://" in path else path
    if "://" in plain or not inside(plain):
        return re.split(r"[/\\]", plain.rstrip("/\\"))[-1] or path
    return PurePosixPath(plain).as_posix()


def _located(root: Path | None, path: str, where: str) -> tuple[Path, str] | None:
    """The file and its path from `root`, or None where there is none."""
    if root is None or "\0" in path or ("://" in path and not ABSOLUTE.match(path)):
        return None
    base = os.path.realpath(root)
    target = Path(os.path.realpath(os.path.join(root, path)))  # noqa: PTH118 - an absolute path stays what it is
    if not target.is_relative_to(base):
        raise UserError(f"{where}: '{path}' leads out of fetch.path", IN_PATH)
    return (target, target.relative_to(base).as_posix()) if os.path.isfile(target) else None  # noqa: PTH113


def _content(file: Path, name: str, where: str) -> bytes:
    try:
        with file.open("rb") as opened:
            content = opened.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise UserError(f"{where}: {name}: cannot be read: {error.strerror}", "check the file") from None
    if len(content) > MAX_FILE_BYTES:
        raise UserError(f"{where}: {name}: more than {MAX_FILE_BYTES:,} bytes", "take the file and its row out")
    return content


def pieces(raw: Raw, where: Mapping[int, str], root: Path | None) -> Iterator[Raw]:
    """The batch in pieces of about `PIECE_BYTES` of media, so that memory stays flat; whole without media.

    `where`: the position of each media column, and what messages call it.
    """
    if not raw.rows:
        return
    sizes = np.zeros(raw.rows, np.int64)
    for position, called in where.items():
        sizes += _sizes(raw.columns[position], root, called)
    start, piece = 0, 0
    for row, size in enumerate(sizes.tolist()):
        if piece and piece + size > PIECE_BYTES:
            yield raw.slice(start, row - start)
            start, piece = row, 0
        piece += size
    yield raw.slice(start, raw.rows - start)


def _sizes(column: pa.Array, root: Path | None, where: str) -> Any:
    contents, paths = _halves(column, root, where)
    sizes = pc.fill_null(pc.binary_length(contents), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    if root is not None:
        for row in np.flatnonzero(pc.and_(contents.is_null(), paths.is_valid()).to_numpy(zero_copy_only=False)):
            sizes[row] = _size(root, paths[row].as_py())
    return sizes


def _size(root: Path, path: str) -> int:
    try:
        return (root / path).stat().st_size
    except (OSError, ValueError):  # what is wrong with the path is told when it is read
        return 0


def identities(column: pa.Array) -> list[bytes | str | None]:
    """What tells media apart: the bytes; where there are none, the path."""
    contents, paths = column.field("bytes").to_pylist(), column.field("path").to_pylist()
    return [path if content is None else content for content, path in zip(contents, paths, strict=True)]
