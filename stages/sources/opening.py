"""Opening a file: what it is by its first bytes, gzip, encodings; a failure ends in one clear message."""

import codecs
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import IO, cast

from stages.core.errors import UserError

HEAD_BYTES = 2**16
GZIP = b"\x1f\x8b"
PARQUET = b"PAR1"

BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark begins this one
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}

SHEET = "save the sheet as CSV (UTF-8) and name that file in its place"
UNPACK = "unpack it and name the file inside in fetch.options.files"
EXPORT = "export the table as CSV or Parquet"
KINDS: tuple[tuple[bytes, str, str], ...] = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook or another Office file (OLE)", SHEET),
    (b"%PDF-", "a PDF document", EXPORT),
    (b"SQLite format 3\x00", "an SQLite database", EXPORT),
    (b"BZh", "compressed with bzip2", "bunzip2 it, or compress it with gzip"),
    (b"\xfd7zXZ\x00", "compressed with xz", "unxz it, or compress it with gzip"),
    (b"\x28\xb5\x2f\xfd", "compressed with Zstandard", "unzstd it, or compress it with gzip"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", UNPACK),
    (b"Rar!\x1a\x07", "a RAR archive", UNPACK),
    (b"ARROW1\x00\x00", "an Arrow or Feather file", "write the table as Parquet"),
    (b"\x80\x04\x95", "a Python pickle, which is not read since it can run code", EXPORT),
    (b"\x80\x05\x95", "a Python pickle, which is not read since it can run code", EXPORT),
    (b"\x93NUMPY", "a NumPy array", EXPORT),
    (b"\x89HDF\r\n", "an HDF5 file", EXPORT),
    (b"\x89PNG\r\n", "a PNG image", "name a table in fetch.options.files"),
    (b"\xff\xd8\xff", "a JPEG image", "name a table in fetch.options.files"),
    (b"{\\rtf", "an RTF document", "save it as plain text"),
    (b"version https://git-lfs", "a Git LFS pointer, not the data", "git lfs pull"),
)
MARKUP = {b"<!doctype html": "HTML", b"<html": "HTML", b"<table": "HTML", b"<?xml": "XML"}


def head(path: Path, name: str) -> bytes:
    """The first 64 KiB, unpacked where the file is gzip."""
    with _readable(name), _binary(path) as raw:
        return raw.read(HEAD_BYTES)


def refuse_other_kinds(start: bytes, name: str) -> None:
    """Raise for a file that is no table in a format of ours, going by its first bytes and not by its suffix.

    Raises:
        UserError: what the file is, and what to do.
    """
    if not start:
        raise UserError(f"{name}: an empty file (0 bytes)", "name a file that has rows in fetch.options.files")
    for magic, what, hint in KINDS:
        if start.startswith(magic):
            raise UserError(f"{name}: this is {what}", hint)
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        what, hint = zipped(start)
        raise UserError(f"{name}: this is {what}", hint)
    markup = start.removeprefix(codecs.BOM_UTF8).lstrip()[:16].lower()
    for magic, kind in MARKUP.items():
        if markup.startswith(magic):
            raise UserError(f"{name}: this is {kind}, not a table", EXPORT)


def codec(start: bytes, encoding: str, name: str) -> str:
    """The codec for a file that begins with `start`; `auto` goes by a byte order mark and else takes UTF-8.

    Raises:
        UserError: no such text codec, or UTF-16 without a mark.
    """
    if encoding != "auto":
        try:
            "".encode(encoding)
        except LookupError:
            raise UserError(
                f"params.yaml: fetch.options.encoding: '{encoding}': no such text encoding",
                "auto, or a Python codec such as utf-8, latin-1, cp1252, gb18030",
            ) from None
        return "utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else encoding
    for mark, found in BOMS.items():
        if start.startswith(mark):
            return found
    for offset, guess in ((1, "utf-16-le"), (0, "utf-16-be")):
        every_other = start[offset::2]
        if every_other.count(0) > len(every_other) / 3:
            raise UserError(
                f"{name}: looks like {guess.upper()} without a byte order mark",
                f"set fetch.options.encoding: {guess}",
            )
    return "utf-8"


def lines(path: Path, name: str, encoding: str) -> Iterator[str]:
    """The lines with their line ends (LF, CRLF or CR), decoded strictly, one at a time.

    Raises:
        UserError: bytes that are not in that encoding (with line, position and a guess), a damaged gzip file.
    """
    with _readable(name), _binary(path) as raw:
        try:
            with TextIOWrapper(raw, encoding=encoding, newline="") as text:
                yield from text
        except UnicodeError as error:
            raise _undecodable(path, name, encoding, error) from None


@contextmanager
def _readable(name: str) -> Iterator[None]:
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UserError(f"{name}: damaged or cut off gzip file ({error})", "fetch the file again") from None
    except OSError as error:
        raise UserError(f"{name}: cannot be read: {error.strerror or error}", "check the file") from None


def _binary(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        packed = file.read(2) == GZIP
    return cast(IO[bytes], gzip.open(path, "rb") if packed else path.open("rb"))


def zipped(start: bytes) -> tuple[str, str]:
    """What a zip archive is that begins with `start`, and what to do with it: workbooks are such archives, too."""
    if b"mimetypeapplication/vnd.oasis.opendocument" in start[:128]:
        return "an OpenDocument file", SHEET
    if b"[Content_Types].xml" in start or b"xl/" in start:
        return "an Excel workbook or another Office file (OOXML)", SHEET
    return "a zip archive", UNPACK


def _undecodable(path: Path, name: str, encoding: str, error: UnicodeError) -> UserError:
    plain = encoding.removesuffix("-sig")
    hint = "set fetch.options.encoding: "
    reason = getattr(error, "reason", str(error))
    if plain != "utf-8":  # in UTF-16 and others a line's bytes say nothing alone
        return UserError(f"{name}: not {plain.upper()}: {reason}", f"{hint}auto, or the encoding that the file is in")
    start, lines_before, where, odd = 0, 0, "", b""
    with _binary(path) as raw:
        for line in raw:
            try:
                line.decode()
            except UnicodeDecodeError as found:
                at = f"line {lines_before + _line_ends(line[: found.start]) + 1}, byte {start + found.start}"
                where = where or f"{at} (0x{line[found.start]:02x}) is not UTF-8"
                odd += line
            start += len(line)
            lines_before += _line_ends(line)
            if len(odd) >= HEAD_BYTES or (where and start > 64 * HEAD_BYTES):
                break
    return UserError(f"{name}: {where}", f"{hint}{_guess(odd)}, if that is what the file is in")


def _line_ends(data: bytes) -> int:
    return data.count(b"\n") + data.count(b"\r") - data.count(b"\r\n")


def _guess(odd: bytes) -> str:
    """The likeliest encoding of lines that are not UTF-8; cp1252 rather than its rarer relatives."""
    from charset_normalizer import from_bytes

    matches = list(from_bytes(odd))
    mostly_ascii = sum(byte > 127 for byte in odd) < len(odd) / 5
    if not matches or (mostly_ascii and any("cp1252" in match.could_be_from_charset for match in matches)):
        return "cp1252"
    return matches[0].encoding
