"""The two sides of a review: a revision's files and outputs, read from Git and from DVC's cache or remote.

Nothing is checked out, fetched into the cache or made again.
"""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from review import git
from stages.core.errors import UserError

WORKSPACE = "workspace"


class UnreadableError(UserError):
    """An output that dvc.lock names and that is in no cache and no remote that can be read from here."""


class NoOutputs:
    """In place of DVC's files, for folders that hold everything themselves."""

    def exists(self, path: str) -> bool:  # noqa: ARG002
        return False

    def info(self, path: str) -> dict[str, Any]:
        raise FileNotFoundError(path)

    def ls(self, path: str, detail: bool) -> list[str]:  # noqa: ARG002
        raise FileNotFoundError(path)


@dataclass(frozen=True)
class Side:
    """The files at one side, by paths relative to the repository's root.

    `asked` is what the user typed (or what stands in for it), `revision` the commit (None: the workspace, where
    outputs that are not checked out come from the cache by dvc.lock), `title` is short, for the heads of tables.
    """

    asked: str
    revision: str | None
    title: str
    root: Path = field(repr=False)
    files: Any = field(repr=False, compare=False)
    """dvc.api.DVCFileSystem: Git's files and DVC's outputs as one tree; opened at its first use."""

    def exists(self, path: str) -> bool:
        """Whether Git or dvc.lock has the file or folder. An output itself may still be in no cache; of what is in
        an output folder, nothing is known to exist then."""
        try:
            return self._on_disk(path) or bool(self.files.exists(path))
        except _unlisted():
            return False

    def read_bytes(self, path: str) -> bytes:
        """The content of a file."""
        with self.open(path) as file:
            return file.read()

    def json(self, path: str) -> dict[str, Any]:
        """The content of a JSON file."""
        try:
            content: dict[str, Any] = json.loads(self.read_bytes(path))
        except ValueError as error:
            raise UserError(f"{path} of {self.title}: not JSON: {error}", "dvc repro makes it again") from None
        return content

    def params(self) -> dict[str, Any]:
        """The content of params.yaml, by the rules of YAML 1.2, unchecked: an older revision may lack keys."""
        try:
            content = YAML(typ="safe", pure=True).load(self.read_bytes("params.yaml").decode())
        except (YAMLError, UnicodeDecodeError) as error:
            raise UserError(f"params.yaml of {self.title}: not YAML: {' '.join(str(error).split())}") from None
        if not isinstance(content, dict):
            raise UserError(f"params.yaml of {self.title}: a mapping of keys is expected")
        return content

    def names(self, folder: str) -> list[str]:
        """The names in a folder, sorted; none where there is no such folder.

        Raises:
            UnreadableError: it is an output that is in no cache and no remote.
        """
        if self._on_disk(folder):
            return sorted(path.name for path in (self.root / folder).iterdir())
        try:
            return sorted(Path(path).name for path in self.files.ls(folder, detail=False))
        except (FileNotFoundError, NotADirectoryError):
            return []
        except _unlisted():
            raise self._missing(folder) from None

    def table(self, folder: str, name: str, columns: Sequence[str] | None = None) -> pa.Table:
        """All rows of the shards `name` in `folder`, as `stages.core.tables.read` gives them of the workspace."""
        shards = [one for one in self.names(folder) if one.startswith(f"{name}-") and one.endswith(".parquet")]
        if not shards:
            raise self._missing(f"{folder}/{name}-00000.parquet")
        return pa.concat_tables([self.parquet(f"{folder}/{shard}", columns) for shard in shards])

    def parquet(self, path: str, columns: Sequence[str] | None = None) -> pa.Table:
        """All rows of one Parquet file; of columns, those that it has."""
        with self.open(path) as source:
            try:
                with pq.ParquetFile(source) as file:
                    return file.read(None if columns is None else list(columns))
            except pa.ArrowInvalid as error:
                raise UserError(f"{path} of {self.title}: not Parquet: {error}", "dvc repro makes it again") from None

    def open(self, path: str) -> BinaryIO:
        """The file, opened to read and to seek.

        Raises:
            UserError: the side has no such file.
            UnreadableError: it is an output that is in no cache and no remote.
        """
        if self._on_disk(path):
            return (self.root / path).open("rb")
        try:
            opened: BinaryIO = self.files.open(path)
        except (FileNotFoundError, _unlisted()):
            raise self._missing(path) from None
        except Exception as error:  # noqa: BLE001 - a remote that cannot be read: each kind raises errors of its own
            raise self._missing(path, str(error)) from None
        return opened if opened.seekable() else io.BytesIO(opened.read())

    def hash_of(self, path: str) -> str | None:
        """DVC's hash of an output, or of a file in one, as dvc.lock has it; None where it has none."""
        try:
            found = self.files.info(path).get("md5")
        except (FileNotFoundError, NotADirectoryError, _unlisted()):
            return None
        return None if found is None else str(found)

    def _on_disk(self, path: str) -> bool:
        return self.revision is None and (self.root / path).exists()

    def _declared(self, path: str) -> bool:
        """Whether dvc.lock has the output that the path is in, or Git the file."""
        parts = Path(path).parts
        outputs = ("/".join(parts[:length]) for length in range(1, len(parts) + 1))
        return any(self.hash_of(one) for one in outputs) or self.exists(path)

    def _missing(self, path: str, said: str = "") -> UserError:
        """What to do about a file that is not there: it was never made, or it is on another machine."""
        where = "the workspace" if self.revision is None else self.title
        if not self._declared(path):
            made = "dvc repro makes it" if self.revision is None else "dvc repro there, and commit dvc.lock"
            return UserError(f"{path}: {where} has no such file, and no output of that name in dvc.lock", made)
        what = f"{path}: the output of {where} is in no cache and no remote that can be read from here"
        steps = "where it was made: dvc push; then here: "
        if git.ask(self.root, "rev-parse", "--verify", "--quiet", f"{self.asked}^{{commit}}") or not self.revision:
            steps += f"dvc fetch {'' if self.revision is None else '--all-commits '}{path}"
        else:
            steps = f"where it was made: dvc exp push origin {self.asked}; then here: dvc exp pull origin {self.asked}"
        if not _remote(self.root):
            steps = f"dvc remote add --default NAME URL (there is no remote yet); {steps}"
        return UnreadableError(f"{what}{said and ': '}{said}", steps)


def open_sides(base: str | None = None, head: str | None = None, root: Path = Path()) -> tuple[Side, Side]:
    """Both sides. `base`: where `head` left the default branch; `head`: the workspace, also by that word.

    Either is any Git revision, a branch of `origin` or a DVC experiment.

    Raises:
        UserError: no repository, no such revision, no dvc.yaml there, or no commit in common.
    """
    root = root.resolve()
    if git.ask(root, "rev-parse", "--git-dir") is None or not (root / ".dvc").is_dir():
        raise UserError(f"{root}: not the root of a Git and DVC repository", "cd to the folder that holds dvc.yaml")
    second = _side(root, head or WORKSPACE)
    if base is not None:
        return _side(root, base), second
    branch = git.default_branch(root)
    commit = git.merge_base(root, branch, second.revision or "HEAD")
    return _at(root, commit, commit, f"{branch} ({commit[:7]})"), second


def _side(root: Path, asked: str) -> Side:
    if asked == WORKSPACE:
        return _at(root, asked, None, WORKSPACE)
    commit = git.resolve(root, asked)
    return _at(root, asked, commit, commit[:7] if commit.startswith(asked) else f"{asked} ({commit[:7]})")


def _at(root: Path, asked: str, commit: str | None, title: str) -> Side:
    from dvc.api import DVCFileSystem

    remote = _remote(root)  # of today: a revision may be older than the remote
    files = DVCFileSystem(url=str(root), rev=commit, remote=remote, skip_instance_cache=True)
    side = Side(asked, commit, title, root, files)
    if not side.exists("dvc.yaml"):
        raise UserError(f"{title}: no dvc.yaml there", "give a revision at which the pipeline stands")
    return side


def _unlisted() -> type[Exception]:
    """What DVC raises where the listing of an output folder is in no cache and no remote."""
    from dvc_data.index import DataIndexDirError

    found: type[Exception] = DataIndexDirError
    return found


def _remote(root: Path) -> str | None:
    """The name of the default remote, as DVC is configured here."""
    from dvc.config import Config

    found: str | None = Config(str(root / ".dvc"))["core"].get("remote")
    return found
