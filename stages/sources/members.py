"""Many files under one path: what they are called, how large they may be, and those of a folder."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from stages.core.errors import UserError

OPTIONS = "fetch.options"
JUNK = {"__MACOSX", "Thumbs.db", "desktop.ini"}
ABSOLUTE = re.compile(r"[/\\]|[A-Za-z]:[/\\]")


@dataclass(frozen=True, slots=True)
class Member:
    """A file: its relative posix path as text, its size in bytes, and where its container finds it."""

    name: str
    bytes: int
    place: Any


@dataclass(frozen=True)
class Container:
    """A folder or an archive. `read` gives the contents of members one at a time, in the order asked for.

    Members come by name. Where the container is `sequential` they come in its own order, and only in that order
    may they be asked for.
    """

    kind: str
    members: Sequence[Member]
    read: Callable[[Iterable[Member]], Iterator[bytes]]
    sequential: bool = False


class Limits:
    """Counts entries and their sizes, and raises the `UserError` that names the option at the first too many."""

    def __init__(self, shown: str, *, max_files: int, max_file_bytes: int, max_total_bytes: int) -> None:
        self._shown, self._max_files = shown, max_files
        self._max_file_bytes, self._max_total_bytes = max_file_bytes, max_total_bytes
        self._files = self._bytes = 0

    def entry(self, name: str) -> None:
        """Count one more entry."""
        self._files += 1
        if self._files > self._max_files:
            self._refuse(name, "one more than", "max_files", self._max_files)

    def size(self, name: str, size: int) -> None:
        """Count the bytes of one file."""
        self._bytes += size
        if size > self._max_file_bytes:
            self._refuse(name, f"{size:,} bytes, more than", "max_file_bytes", self._max_file_bytes)
        if self._bytes > self._max_total_bytes:
            what = f"{self._bytes:,} bytes up to here, more than"
            self._refuse(name, what, "max_total_bytes", self._max_total_bytes)

    def _refuse(self, name: str, what: str, option: str, limit: int) -> None:
        hint = f"set {OPTIONS}.{option} higher if you trust this data, or take the file out"
        raise refuse(self._shown, name, f"{what} {OPTIONS}.{option} ({limit:,})", hint)


def refuse(shown: str, name: str, what: str, hint: str) -> UserError:
    """The error about one entry of a container; control characters of its name are spelt out."""
    text = as_text(name)
    return UserError(f"{shown}: {text if text.isprintable() else repr(text)}: {what}", hint)


def as_text(name: str) -> str:
    """A name as text that can be written: bytes that are no UTF-8 become U+FFFD."""
    return name if name.isascii() else name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def inside(name: str) -> bool:
    """Whether a name, with either kind of slash, is relative and stays below its root."""
    return bool(name) and not ABSOLUTE.match(name) and ".." not in re.split(r"[/\\]", name) and "\0" not in name


def is_hidden(name: str) -> bool:
    """Whether a path is what operating systems leave behind: a part that begins with a dot, or a known name."""
    return any(part.startswith(".") or part in JUNK for part in PurePosixPath(name).parts)


def in_folder(root: Path, shown: str, limits: Limits) -> Container:
    """Every file below `root`, by name; their number is checked here, their sizes are the caller's to check.

    Raises:
        UserError: a link that leads out of the folder, to a folder or nowhere; a pipe or device; not readable.
    """
    members = []
    for name, entry in _walk(root, shown):
        limits.entry(name)
        if not is_hidden(name):
            _check_entry(root, shown, name, entry)
        members.append(Member(as_text(name), _size(shown, name, entry), name))
    members.sort(key=lambda member: member.name)

    def read(wanted: Iterable[Member]) -> Iterator[bytes]:
        for member in wanted:
            yield _content(root / member.place, shown, member)

    return Container("folder", members, read)


def _walk(root: Path, shown: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(root / folder) as entries:
                for entry in entries:
                    name = f"{folder}{entry.name}"
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(f"{name}/")
                    else:
                        yield name, entry
        except OSError as error:
            raise refuse(shown, folder or ".", f"cannot be read: {error.strerror}", "check the folder") from None


def _check_entry(root: Path, shown: str, name: str, entry: os.DirEntry[str]) -> None:
    if entry.is_file(follow_symlinks=False):
        return
    if not entry.is_symlink():
        raise refuse(shown, name, "neither a file nor a folder", "take it out")
    target = Path(os.path.realpath(entry.path))
    if not target.is_relative_to(os.path.realpath(root)):
        what = "a link that leads out of the folder"
    elif not target.is_file():
        what = "a link to a folder" if target.is_dir() else "a link that leads nowhere"
    else:
        return
    raise refuse(shown, name, what, "put the file itself in the link's place")


def _size(shown: str, name: str, entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat(follow_symlinks=not is_hidden(name)).st_size
    except OSError as error:
        raise refuse(shown, name, f"cannot be read: {error.strerror}", "check the file") from None


def _content(path: Path, shown: str, member: Member) -> bytes:
    """All bytes, but no more than were listed: a file that still grows must not get past the limits."""
    try:
        with path.open("rb") as file:
            content = file.read(member.bytes + 1)
    except OSError as error:
        raise refuse(shown, member.name, f"cannot be read: {error.strerror}", "check the file") from None
    if len(content) != member.bytes:
        raise refuse(shown, member.name, "its size changed while it was read", "run again when nothing writes there")
    return content
