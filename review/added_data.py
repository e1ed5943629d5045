"""Data under `dvc add` or `dvc import`: its .dvc file is in Git, the data at the remote and perhaps not here."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any


def holds_data(stage: Any) -> bool:
    """Whether a stage of DVC is a file that `dvc add` or `dvc import` has written: data, which nothing here makes."""
    return str(stage.addressing).endswith(".dvc")


def changes_of_data(stage: Any) -> Iterator[tuple[str, str]]:
    """Data that lies here in another state than its .dvc file says; what was not pulled is no difference."""
    for entry in stage.status().get(stage.addressing, []):
        changed = entry.get("changed outs", {}) if isinstance(entry, dict) else {}
        for path, state in changed.items():
            if state == "modified":
                yield f"{path} is not what {{}} says: dvc add {path}", stage.addressing


def hash_with_absent_data(dep: Any, made: Mapping[str, Any]) -> str | None:
    """The hash that a folder would have if data that .dvc files name in it were pulled; None where none is absent."""
    from dvc_data.hashfile.hash import hash_file
    from dvc_data.hashfile.tree import Tree

    folder = Path(dep.fs_path)
    absent = [
        out
        for out in made.values()
        if holds_data(out.stage) and Path(out.fs_path).is_relative_to(folder) and not Path(out.fs_path).exists()
    ]
    if not folder.is_dir() or not absent or any(out.hash_info.isdir for out in absent):
        return None
    tree = Tree()
    for path in dep.dvcignore.find(dep.fs, str(folder)):
        _, digest = hash_file(path, dep.fs, "md5")
        tree.add(Path(path).relative_to(folder).parts, None, digest)
    for out in absent:
        tree.add(Path(out.fs_path).relative_to(folder).parts, None, out.hash_info)
    tree.digest()
    return str(tree.hash_info.value)
