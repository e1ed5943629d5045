"""What DATA is: tables, or many pictures or sounds, and the block `fetch` by which a stage reads it."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal

from stages.core.errors import UserError
from stages.core.registry import nearest
from stages.sources import opening
from stages.sources.archives import archive
from stages.sources.files import SUFFIXES
from stages.sources.members import Container, Limits, Member, in_folder, is_hidden

Modality = Literal["image", "audio"]

MEDIA: dict[Modality, frozenset[str]] = {
    "image": frozenset({".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff"}),
    "audio": frozenset({".wav", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".aif", ".aiff", ".au"}),
}
PACKED = (".zip", ".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz", ".tbz2", ".txz")
SPLITS = {
    "train": "train",
    "training": "train",
    "valid": "validation",
    "validation": "validation",
    "val": "validation",
    "dev": "validation",
    "trial": "validation",
    "test": "test",
    "testing": "test",
    "eval": "test",
}
"""What the parts of a data set are called elsewhere -> what they are called here."""
MOST_FILES = 1_000_000
MOST_BYTES = 2**43
NOTHING_TO_READ = "a table (CSV, TSV, JSON lines, Parquet), or a folder or archive of pictures or sounds"


@dataclass(frozen=True)
class Tables:
    """Tables: `path` is one, or the folder of those that `files` names."""

    path: str
    files: Sequence[str] | Mapping[str, Sequence[str]] = ()


@dataclass(frozen=True)
class Files:
    """Pictures or sounds in a folder or an archive.

    `splits` maps its first folders to splits, where they are splits; `index` is the table that names the files.
    """

    path: str
    modality: Modality
    container: Container
    members: Sequence[Member]
    index: str | None = None
    splits: Mapping[str, str] = field(default_factory=dict)

    @property
    def suffixes(self) -> list[str]:
        """The suffixes of the members, the most frequent first."""
        return [suffix for suffix, _ in Counter(suffix_of(member.name) for member in self.members).most_common()]


def recognise(data: str) -> Tables | Files:
    """Go by what is there, not by what it is called.

    Raises:
        UserError: nothing there, or nothing that a source reads; what to do.
    """
    if "://" in data:
        raise UserError(f"DATA={data}: an address", "fetch it first: curl --location --remote-name " + data)
    path = Path(data).expanduser()
    if not path.exists():
        siblings = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
        raise UserError(f"DATA={data}: no such file or folder{nearest(path.name, siblings)}", "correct the path")
    shown = shown_path(path)
    if path.is_dir():
        return _of_folder(path, shown)
    if _is_archive(path, shown):
        return _of_media(archive(path, shown, _limits(shown)), shown)
    if _kind(path.name) in MEDIA:
        raise UserError(f"DATA={data}: one file", f"give {NOTHING_TO_READ}")
    if not path.stat().st_size:
        raise UserError(f"DATA={data}: an empty file (0 bytes)", "give one that has rows")
    opening.refuse_other_kinds(opening.head(path, shown), shown)
    return Tables(shown)


def shown_path(path: Path) -> str:
    """The path from here where it lies below, else as it was given: what params.yaml will say."""
    inside = Path.cwd() / path
    return inside.relative_to(Path.cwd()).as_posix() if inside.is_relative_to(Path.cwd()) else str(path)


def suffix_of(name: str) -> str:
    """The suffix in lower case, `.csv` of `a.CSV.gz`."""
    return PurePosixPath(name.lower().removesuffix(".gz")).suffix


def _limits(shown: str) -> Limits:
    return Limits(shown, max_files=MOST_FILES, max_file_bytes=MOST_BYTES, max_total_bytes=MOST_BYTES)


def _is_archive(path: Path, shown: str) -> bool:
    start = opening.head(path, shown)
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip archive" in opening.zipped(start)[0]
    return start[257:262] == b"ustar" or path.name.lower().endswith(PACKED)


def _of_folder(path: Path, shown: str) -> Tables | Files:
    container = in_folder(path, shown, _limits(shown))
    kinds = Counter(_kind(member.name) for member in container.members if not is_hidden(member.name))
    if kinds["image"] or kinds["audio"]:
        return _of_media(container, shown)
    visible = [member.name for member in container.members if not is_hidden(member.name)]
    tables = [name for name in visible if _kind(name) == "table"] or _plain_tables(visible)
    if not tables:
        raise UserError(f"DATA={shown}: {_account(container)}", f"give {NOTHING_TO_READ}")
    return Tables(shown, _by_split(tables) or tables)


def _plain_tables(names: Sequence[str]) -> list[str]:
    """Files of plain text that may be tables: those of class folders are a text each, and so none."""
    return [name for name in names if suffix_of(name) == ".txt" and "/" not in name]


def _kind(name: str) -> str:
    suffix = suffix_of(name)
    modality = next((modality for modality, known in MEDIA.items() if suffix in known), None)
    return modality or ("table" if suffix in SUFFIXES else "other")


def _account(container: Container) -> str:
    """What lies there, in words."""
    suffixes = Counter(suffix_of(member.name) or "no suffix" for member in container.members)
    if not suffixes:
        return "an empty folder"
    told = ", ".join(f"{count:,} {suffix}" for suffix, count in suffixes.most_common(5))
    if suffixes.most_common(1)[0][0] == ".txt":
        return (
            f"texts in files of their own ({told}): put them into one table, a row a text, with the folder as the class"
        )
    return f"neither tables nor pictures nor sounds ({told})"


def _by_split(tables: Sequence[str]) -> dict[str, list[str]]:
    """The files of each split, where the names of all say which they belong to."""
    parts: dict[str, list[str]] = {}
    for name in tables:
        words = re.split(r"[^a-z]+", PurePosixPath(name.lower()).stem)
        splits = {SPLITS[word] for word in words if word in SPLITS}
        if len(splits) != 1:
            return {}
        parts.setdefault(splits.pop(), []).append(name)
    return parts if len(parts) > 1 else {}


def _of_media(container: Container, shown: str) -> Files:
    """The kind that most files are of; others are passed over, as `fetch` tells."""
    visible = [member for member in container.members if not is_hidden(member.name)]
    counts = Counter(_kind(member.name) for member in visible)
    modality: Modality = "audio" if counts["audio"] > counts["image"] else "image"
    members = [member for member in visible if _kind(member.name) == modality]
    if not members:
        raise UserError(f"DATA={shown}: {_account(container)}", f"give {NOTHING_TO_READ}; unpack tables first")
    tables = [member.name for member in visible if suffix_of(member.name) in (".csv", ".tsv", ".tab", ".jsonl")]
    without_classes = sum("/" not in member.name for member in members)
    splits = {} if tables else _folders_of_splits(shown, members)
    if not tables and without_classes == len(members):
        raise UserError(
            f"DATA={shown}: {len(members):,} files and no class: they lie in no folder, and no table names them",
            "a folder a class (cat/1.jpg, dog/2.jpg), or a table beside them with the columns file and label",
        )
    return Files(shown, modality, container, members, min(tables, key=len) if tables else None, splits)


def _folders_of_splits(shown: str, members: Sequence[Member]) -> dict[str, str]:
    """The first folders -> splits, where all of them are called so and hold the classes.

    Raises:
        UserError: the folders below the only first one are splits, which `fetch` would take for nothing.
    """
    paths = [PurePosixPath(member.name).parts for member in members]
    for level in (0, 1):
        names = sorted({parts[level] for parts in paths if len(parts) > level + 2})
        complete = all(len(parts) > level + 2 for parts in paths)
        if complete and len(names) > 1 and all(name.lower() in SPLITS for name in names):
            if level and len({parts[0] for parts in paths}) == 1:
                inner = f"{shown}/{paths[0][0]}"
                what = f"DATA={shown}: the splits ({', '.join(names)}) lie one folder further down"
                raise UserError(what, f"DATA={inner}, of an archive once it is unpacked")
            return {} if level else {name: SPLITS[name.lower()] for name in names}
    return {}
