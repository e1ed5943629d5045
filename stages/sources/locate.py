"""From `fetch.path` and `fetch.options.files` to files on disk, under the names that params.yaml gives."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

from stages.core.errors import UserError
from stages.core.registry import nearest
from stages.sources.downloads import download, file_name

WHERE = "params.yaml: fetch.options.files"
SHOWN_FILES = 10


@dataclass(frozen=True)
class Located:
    """A file on disk: `shown` in messages and provenance, `short` in the column `source`."""

    path: Path
    shown: str
    short: str
    split: str | None
    bytes: int
    sha256: str

    def described(self) -> dict[str, Any]:
        """For provenance.json: nothing that depends on the machine."""
        split = {} if self.split is None else {"split": self.split}
        return {"name": self.shown, **split, "bytes": self.bytes, "sha256": self.sha256}


LOOKED_AT = 1000
MEDIA = {
    "image": frozenset({".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff"}),
    "audio": frozenset({".wav", ".flac", ".mp3", ".ogg"}),
}
"""Modality -> suffixes that tell of it."""


def locate(path: str, files: Sequence[str] | Mapping[str, str | list[str]]) -> list[Located]:
    """Every file asked for, in order (a glob's files by name), downloaded where it is a URL.

    Raises:
        UserError: a path or name that is not there, nothing asked for, or a file under two splits.
    """
    splits = files if isinstance(files, Mapping) else {None: files}
    wanted = [
        (split, name) for split, names in splits.items() for name in ([names] if isinstance(names, str) else names)
    ]
    if not wanted:
        return [_local(_whole(path), path, Path(path).name, None)]
    found: dict[str, Located] = {}
    for split, name in wanted:
        for located in _named(path, name, split):
            if found.setdefault(located.shown, located).split != split:
                raise UserError(
                    f"{WHERE}: {located.shown} is in two splits: {found[located.shown].split} and {split}",
                    "name each file once",
                )
    return list(found.values())


def _whole(path: str) -> Path:
    target = existing(path)
    if target.is_dir():
        inside = sorted(entry.name for entry in target.iterdir() if entry.is_file())
        raise UserError(
            f"params.yaml: fetch.path: {path} is a folder, and fetch.options.files names no file in it",
            _media_hint(target) or f"there are: {_some(inside)}",
        )
    return target


def _media_hint(folder: Path) -> str:
    """What a folder of pictures or sounds is for; empty for others. The first `LOOKED_AT` entries tell."""
    suffixes = {entry.suffix.lower() for entry in islice(folder.rglob("*"), LOOKED_AT)}
    for modality, known in MEDIA.items():
        if suffixes & known:
            things = {"image": "pictures", "audio": "sounds"}[modality]
            return f"{things} are read by fetch.source: folder with modality: {modality}: make new DATA={folder}"
    return ""


def existing(path: str) -> Path:
    """The file or folder that `fetch.path` names.

    Raises:
        UserError: there is none; the hint says so where DVC tracks it and has not fetched it.
    """
    target = Path(path)
    if not target.exists():
        tracked = target.with_name(target.name + ".dvc").exists()
        parent = target.parent
        siblings = [entry.name for entry in parent.iterdir()] if parent.is_dir() and not tracked else []
        raise UserError(
            f"params.yaml: fetch.path: {path}: no such file or folder{nearest(target.name, siblings)}",
            f"dvc pull {path}.dvc" if tracked else "correct fetch.path",
        )
    return target


def _named(path: str, name: str, split: str | None) -> list[Located]:
    if name.startswith(("http://", "https://")):
        got = download(name)
        return [Located(got.path, name, file_name(name), split, got.bytes, got.sha256)]
    folder = existing(path)
    if not folder.is_dir():
        raise UserError(
            f"{WHERE}: '{name}' is looked for inside fetch.path, but {path} is a file",
            "set files: [], or set fetch.path to the folder",
        )
    if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts or "://" in name:
        raise UserError(
            f"{WHERE}: '{name}' is neither an http(s) URL nor inside {path}",
            "set fetch.path to the folder that holds it, so that DVC watches it",
        )
    matches = _matches(folder, name)
    if not matches:
        inside = [match.relative_to(folder).as_posix() for match in _matches(folder, "**/*")]
        guess = "" if "*" in name else nearest(name, inside)
        raise UserError(f"{WHERE}: no '{name}' in {path}{guess}", f"there are: {_some(inside)}")
    relative = [match.relative_to(folder).as_posix() for match in matches]
    return [_local(m, f"{path.rstrip('/')}/{short}", short, split) for m, short in zip(matches, relative, strict=True)]


def _matches(folder: Path, name: str) -> list[Path]:
    if name and (folder / name).is_file():  # a name may hold brackets, which mean something in a glob
        return [folder / name]
    try:
        return sorted(entry for entry in folder.glob(name) if entry.is_file())
    except ValueError:  # an empty pattern, or ** within a name
        return []


def _local(path: Path, shown: str, short: str, split: str | None) -> Located:
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"{shown}: cannot be read: {error.strerror}", "check the file") from None
    return Located(path, shown, short, split, path.stat().st_size, digest)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN_FILES]) + (", …" if len(names) > SHOWN_FILES else "") if names else "no files"
