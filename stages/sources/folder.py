"""The source `folder`: a folder or an archive of many files, by class folders or by an index."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa

from stages.core import report
from stages.core.blocks import Column, Positive
from stages.core.errors import UserError
from stages.core.registry import nearest
from stages.core.tables import BATCH_ROWS
from stages.sources import media
from stages.sources.archives import archive
from stages.sources.listing import placed, read_index
from stages.sources.locate import existing
from stages.sources.members import OPTIONS, Container, Limits, Member, in_folder, is_hidden
from stages.sources.reading import Part, Raw, Reading, Source, require

FILE = "file"
BATCH_BYTES = 2**24


def folder(
    *,
    suffixes: list[str],
    index: str | None,
    file_column: str,
    splits_from_folders: bool,
    max_files: Positive,
    max_file_bytes: Positive,
    max_total_bytes: Positive,
) -> Source:
    """Files in a folder or in an archive (zip; tar, also compressed with gzip, bzip2 or xz), told by its content.

    The columns: `file` (bytes and path), `name` (the path in `fetch.path`) and, without an index, `label`: the
    folder that the file lies in. Rows come by name.

    `suffixes`: file names that are samples, in any case: [.jpg, .png]; empty: all. `index`: a CSV or JSON lines
    file in `fetch.path` that names the samples in its `file_column`; its columns take the place of `label`, and the
    rows come in its order (from a compressed tar, in the archive's). `splits_from_folders`: the first folder is the
    split: train/cat/1.jpg. `max_files`, `max_file_bytes`, `max_total_bytes`: more is refused before it is read,
    of an archive every member counts. Nothing is unpacked to disk; names and links that lead out are refused.
    """
    for suffix in suffixes:
        if not suffix.startswith("."):
            raise UserError(f"params.yaml: {OPTIONS}.suffixes: '{suffix}': should begin with a dot", f"'.{suffix}'")
    limits = {"max_files": max_files, "max_file_bytes": max_file_bytes, "max_total_bytes": max_total_bytes}
    return _Folder(tuple(suffix.lower() for suffix in suffixes), index, file_column, splits_from_folders, limits)


@dataclass(frozen=True)
class _Folder:
    suffixes: tuple[str, ...]
    index: str | None
    file_column: str
    splits_from_folders: bool
    limits: dict[str, int]

    def __call__(self, path: str, columns: Sequence[Column], /) -> Reading:
        target, limits = existing(path), Limits(path, **self.limits)
        container = in_folder(target, path, limits) if target.is_dir() else archive(target, path, limits)
        shown = [member for member in container.members if not is_hidden(member.name)]
        about = {"name": path, "kind": container.kind, "bytes": 0, "files": 0}
        about["hidden_files"] = len(container.members) - len(shown)
        if self.index is None:
            members = [member for member in shown if self._is_sample(member.name)]
            about["other_files"] = len(shown) - len(members)
            table = self._by_folders(members)
        else:
            members, table, known = self._by_index(path, container, shown)
            about |= known
        self._check(path, shown, members, limits if container.kind == "folder" else None)
        require([FILE, *table.column_names], columns, path)
        _note(path, about)
        return self._reading(path, container, members, table, about)

    def _is_sample(self, name: str) -> bool:
        return not self.suffixes or name.lower().endswith(self.suffixes)

    def _by_folders(self, members: Sequence[Member]) -> pa.Table:
        levels = 2 if self.splits_from_folders else 1  # what stands before the class is no class
        labels = [parts[-2] if len(parts := member.name.split("/")) > levels else None for member in members]
        names = pa.array([member.name for member in members], pa.string())
        return pa.table({"label": pa.array(labels, pa.string()), "name": names})

    def _by_index(
        self, path: str, container: Container, shown: Sequence[Member]
    ) -> tuple[list[Member], pa.Table, dict[str, Any]]:
        """The member of each row, the other columns, and what provenance says of it."""
        wanted = PurePosixPath(str(self.index)).as_posix()
        own = next((member for member in shown if member.name == wanted), None)
        if own is None:
            guess = nearest(wanted, [member.name for member in shown])
            raise UserError(f"params.yaml: {OPTIONS}.index: no '{wanted}' in {path}{guess}", "correct the name")
        Limits(path, **self.limits).size(own.name, own.bytes)
        content = next(container.read([own]))
        table = read_index(content, f"{path}/{own.name}", self.file_column)
        others = [member for member in shown if member is not own]
        folder = own.name.rpartition("/")[0]
        numbers = placed(table[self.file_column].to_pylist(), others, f"{path}/{own.name}", folder)
        listed = set(numbers)
        rest = [member for number, member in enumerate(others) if number not in listed]
        unlisted = sum(self._is_sample(member.name) for member in rest)
        sha256 = hashlib.sha256(content).hexdigest()
        known = {
            "other_files": len(rest) - unlisted,
            "unlisted_files": unlisted,
            "index": {"name": own.name, "bytes": own.bytes, "sha256": sha256},
        }
        members = [others[number] for number in numbers]
        return members, self._own_columns(table, members), known

    def _own_columns(self, table: pa.Table, members: Sequence[Member]) -> pa.Table:
        """The index's columns, after `name` where it has none; `file` is the file itself."""
        if FILE in table.column_names:
            if self.file_column == FILE:
                table = table.drop_columns([FILE])
            else:
                table = table.rename_columns([f"{FILE} (index)" if n == FILE else n for n in table.column_names])
        if "name" not in table.column_names:
            table = table.add_column(0, "name", pa.array([member.name for member in members], pa.string()))
        return table

    def _check(self, path: str, shown: Sequence[Member], members: Sequence[Member], limits: Limits | None) -> None:
        if not members:
            there = sorted({PurePosixPath(member.name).suffix.lower() for member in shown} - {""})
            asked = f" that end in {', '.join(self.suffixes)}" if self.suffixes else ""
            hint = f"there are: {', '.join(there[:20])}; see {OPTIONS}.suffixes" if there else "correct fetch.path"
            raise UserError(f"params.yaml: fetch.path: {path}: no files{asked}", hint)
        for member in members if self.splits_from_folders else ():
            if "/" not in member.name:
                what = f"{path}: {member.name}: in no folder, and so in no split"
                raise UserError(
                    what, f"move it, leave its suffix out of {OPTIONS}.suffixes, or see splits_from_folders"
                )
        if limits is not None:
            for member in {member.name: member for member in members}.values():
                limits.size(member.name, member.bytes)

    def _reading(
        self, path: str, container: Container, members: list[Member], table: pa.Table, about: dict[str, Any]
    ) -> Reading:
        rows: Iterable[int] = range(len(members))
        if container.sequential:
            at = {member.name: number for number, member in enumerate(container.members)}
            rows = sorted(rows, key=lambda row: at[members[row].name])
        by_split: dict[str | None, list[int]] = {}
        for row in rows:
            split = members[row].name.partition("/")[0] if self.splits_from_folders else None
            by_split.setdefault(split, []).append(row)
        tally, source = _Tally(about), PurePosixPath(path).name or path
        parts = []
        for split, chosen in sorted(by_split.items(), key=lambda item: item[0] or ""):
            batches = _batches(container, [members[row] for row in chosen], table.take(chosen), tally)
            named = {"name": path} if split is None else {"name": f"{path}/{split}", "split": split}
            parts.append(Part(source, split, batches, named))
        return Reading(parts, "parts", about, afterwards=tally.digest)


class _Tally:
    """What was read: bytes and files go into `about` as they come, the digest is asked for at the end."""

    def __init__(self, about: dict[str, Any]) -> None:
        self._about, self._digests = about, dict[str, bytes]()

    def add(self, name: str, content: bytes) -> None:
        if name not in self._digests:
            self._digests[name] = hashlib.sha256(content).digest()
            self._about["bytes"] += len(content)
            self._about["files"] += 1

    def digest(self) -> dict[str, Any]:
        """One SHA-256 over lines as `sha256sum` writes them, a file each, by name."""
        whole = hashlib.sha256()
        for name, digest in sorted(self._digests.items()):
            whole.update(f"{digest.hex()}  {name}\n".encode())
        return {"sha256": whole.hexdigest()}


def _batches(container: Container, members: Sequence[Member], table: pa.Table, tally: _Tally) -> Iterator[Raw]:
    contents, start, size = list[bytes](), 0, 0
    for member, content in _contents(container, members):
        tally.add(member.name, content)
        contents.append(content)
        size += len(content)
        if size >= BATCH_BYTES or len(contents) >= BATCH_ROWS:
            yield _raw(contents, members, table, start)
            contents, start, size = [], start + len(contents), 0
    if contents:
        yield _raw(contents, members, table, start)


def _contents(container: Container, members: Sequence[Member]) -> Iterator[tuple[Member, bytes]]:
    """Each member with its content; one that comes several times in a row is read once."""
    firsts = (member for row, member in enumerate(members) if not row or member is not members[row - 1])
    contents, content = container.read(firsts), b""
    for row, member in enumerate(members):
        if not row or member is not members[row - 1]:
            content = next(contents)
        yield member, content


def _raw(contents: list[bytes], members: Sequence[Member], table: pa.Table, start: int) -> Raw:
    rows = len(contents)
    files = media.structs(contents, [member.name for member in members[start : start + rows]])
    others = [
        column.chunk(0) if column.num_chunks else pa.nulls(0)
        for column in table.slice(start, rows).combine_chunks().columns
    ]
    return Raw([FILE, *table.column_names], [files, *others], rows)


def _note(path: str, about: dict[str, Any]) -> None:
    words = {"hidden_files": "hidden", "other_files": "of other suffixes", "unlisted_files": "not in the index"}
    passed = [f"{about[key]} {word}" for key, word in words.items() if about.get(key)]
    if passed:
        report.note(f"{path}: files passed over: {', '.join(passed)}")
