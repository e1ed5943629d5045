"""Zip and tar archives, read without unpacking to disk; what could do harm is refused before it is read.

A zip's and a plain tar's members come by name. A compressed tar can only be read from its beginning: it is read once
for names and sizes and again for the contents, and its members come in their own order.
"""

import bz2
import gzip
import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from stages.core.errors import UserError
from stages.sources.members import Container, Limits, Member, as_text, inside, refuse

MAX_HEADER_BYTES = 2**18
"""The longest that a header of a tar may be: one could claim gigabytes."""

ZIP = (b"PK\x03\x04", b"PK\x05\x06")
PACKED = {b"\x1f\x8b": "gz", b"BZh": "bz2", b"\xfd7zXZ\x00": "xz"}
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # zipfile unpacks the others without a bound on memory
OTHER_METHODS = {9: "deflate64", 12: "bzip2", 14: "lzma", 93: "zstandard"}
ENCRYPTED = 0x1
AGAIN = "fetch the archive again"
HARMLESS = "unpack it where it can do no harm, and set fetch.path to the folder"
DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    struct.error,
    OSError,  # gzip.BadGzipFile, and what bz2 raises
    ValueError,
    OverflowError,
    RecursionError,  # endless headers of headers in a tar
    NotImplementedError,
)


def archive(path: Path, shown: str, limits: Limits) -> Container:
    """The members of the archive at `path`, recognised by its content.

    Raises:
        UserError: not an archive, a damaged one, or a member that is refused, by name.
    """
    with _readable(shown), path.open("rb") as file:
        start = file.read(8)
    if start.startswith(ZIP):
        return _zip(path, shown, limits)
    packing = next((name for magic, name in PACKED.items() if start.startswith(magic)), "")
    return _tar(path, shown, limits, packing)


@contextmanager
def _readable(shown: str) -> Iterator[None]:
    try:
        yield
    except DAMAGE as error:
        if isinstance(error, OSError) and error.errno:
            raise UserError(f"{shown}: cannot be read: {error.strerror}", "check the file") from None
        why = str(error).partition("\n")[0] or type(error).__name__
        raise UserError(f"{shown}: damaged or cut off archive ({why})", AGAIN) from None


class _Listed:
    """The members found so far: each stays below the root, comes once and is within the limits."""

    def __init__(self, shown: str, limits: Limits) -> None:
        self.members: list[Member] = []
        self._shown, self._limits, self._seen = shown, limits, set[str]()

    def entry(self, name: str) -> None:
        """Check what holds for folders too."""
        self._limits.entry(name)
        if not inside(name):
            raise refuse(self._shown, name, "a name that leads out of the archive, or none", HARMLESS)

    def file(self, name: str, size: int, place: Any) -> None:
        """Add a file under its name as text, without `./` and repeated slashes."""
        plain = as_text(PurePosixPath(name).as_posix())
        if plain in self._seen:
            raise refuse(self._shown, plain, "a name that comes twice", "make the archive again, each file once")
        self._limits.size(name, size)
        self._seen.add(plain)
        self.members.append(Member(plain, size, place))

    def by_name(self) -> list[Member]:
        """The files, sorted."""
        return sorted(self.members, key=lambda member: member.name)


def _zip(path: Path, shown: str, limits: Limits) -> Container:
    listed = _Listed(shown, limits)
    with _readable(shown), zipfile.ZipFile(path) as opened:
        for info in opened.infolist():
            listed.entry(info.orig_filename)
            _check_zipped(info, shown)
            if not info.is_dir():
                listed.file(info.filename, info.file_size, info)

    def read(wanted: Iterable[Member]) -> Iterator[bytes]:
        with _readable(shown), zipfile.ZipFile(path) as opened:
            for member in wanted:
                with opened.open(member.place) as file:
                    yield _whole(file, member, shown)

    return Container("zip", listed.by_name(), read)


def _check_zipped(info: zipfile.ZipInfo, shown: str) -> None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        what = "a link" if kind == stat.S_IFLNK else "a device or pipe"
        raise refuse(shown, info.orig_filename, f"{what}, which is not read from archives", HARMLESS)
    if info.flag_bits & ENCRYPTED:
        raise refuse(shown, info.orig_filename, "encrypted", "unpack it, and set fetch.path to the folder")
    if info.compress_type not in METHODS:
        method = OTHER_METHODS.get(info.compress_type, f"method {info.compress_type}")
        what = f"compressed with {method}, where deflate or none is read"
        raise refuse(shown, info.orig_filename, what, "unpack it, and set fetch.path to the folder")


class _Headers:
    """A tar's bytes for reading its headers: in small portions, since a header may claim to be of any length."""

    def __init__(self, file: IO[bytes]) -> None:
        self.last = b""
        self.seek, self.tell, self._read = file.seek, file.tell, file.read

    def read(self, size: int) -> bytes:
        """The next `size` bytes, which are kept as `last`."""
        if not 0 <= size <= MAX_HEADER_BYTES:
            raise tarfile.ReadError(f"a header of {size:,} bytes")
        self.last = self._read(size)
        return self.last


def _tar(path: Path, shown: str, limits: Limits, packing: str) -> Container:
    listed = _Listed(shown, limits)
    with _readable(shown), _unpacked(path, packing) as file:
        _check_tar(file, shown)
        for info in _infos(file):
            listed.entry(info.name)
            _check_tarred(info, shown)
            if not info.isdir():
                listed.file(info.name, info.size, info.offset_data)

    def read(wanted: Iterable[Member]) -> Iterator[bytes]:
        with _readable(shown), _unpacked(path, packing) as file:
            for member in wanted:
                file.seek(member.place)
                yield _whole(file, member, shown)

    members = listed.members if packing else listed.by_name()
    return Container("tar" + (packing and f".{packing}"), members, read, sequential=bool(packing))


def _unpacked(path: Path, packing: str) -> IO[bytes]:
    if packing == "gz":
        return cast(IO[bytes], gzip.open(path, "rb"))
    if packing == "bz2":
        return cast(IO[bytes], bz2.open(path, "rb"))
    return cast(IO[bytes], lzma.open(path, "rb")) if packing == "xz" else path.open("rb")


def _check_tar(file: IO[bytes], shown: str) -> None:
    block = file.read(tarfile.BLOCKSIZE)
    file.seek(0)
    try:
        tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        if block and not block.strip(b"\0"):  # a tar without members
            return
        raise UserError(
            f"params.yaml: fetch.path: {shown}: neither a folder nor an archive of a kind that is read: "
            ".zip, .tar, .tar.gz, .tar.bz2, .tar.xz",
            "unpack it, and set fetch.path to the folder",
        ) from None


def _infos(file: IO[bytes]) -> Iterator[tarfile.TarInfo]:
    headers = _Headers(file)
    given = cast(IO[bytes], headers)
    with tarfile.open(fileobj=given, mode="r:", encoding="utf-8", errors="surrogateescape") as opened:
        while (info := opened.next()) is not None:
            yield info
            cast(Any, opened).members.clear()  # else it keeps them all
        if headers.last.strip(b"\0"):  # tarfile takes a header that it cannot read for the end
            raise tarfile.ReadError(f"no header at byte {opened.offset:,}")


def _check_tarred(info: tarfile.TarInfo, shown: str) -> None:
    if info.isdir():
        return
    if not info.isreg():
        what = "a link" if info.issym() or info.islnk() else "a device, pipe or unknown kind of entry"
        raise refuse(shown, info.name, f"{what}, which is not read from archives", HARMLESS)
    if info.issparse() or info.size < 0:
        what = "a file with holes (sparse)" if info.size >= 0 else f"a size of {info.size:,} bytes"
        raise refuse(shown, info.name, what, "make the archive again, without --sparse")


def _whole(file: IO[bytes], member: Member, shown: str) -> bytes:
    """All bytes of a member: as many as were declared, and so within the limits."""
    content = file.read(member.bytes)
    if len(content) != member.bytes:
        what = f"{len(content):,} bytes where {member.bytes:,} were declared"
        raise refuse(shown, member.name, f"damaged or cut off: {what}", AGAIN)
    return content
