"""Which checkout owns a folder: what outlives a run is kept there."""

from pathlib import Path

COPIES = ((".dvc", "tmp", "exps"), (".groundwork", "search"))
"""Where DVC makes the copies that `dvc exp run --temp` and `--queue` work in, and where review.search makes its own."""


def repository(start: Path) -> Path:
    """The main checkout that owns `start`; `start` itself where there is no repository."""
    for folder in (start, *start.parents):
        for parts in COPIES:
            if folder.parts[-len(parts) :] == parts:
                return repository(folder.parents[len(parts) - 1])
    for folder in (start, *start.parents):
        if (folder / ".git").is_dir():
            return folder
        if (folder / ".git").is_file():
            return _owner(folder)
    return start


def _owner(worktree: Path) -> Path:
    """The main checkout of a Git worktree; a submodule is a checkout of its own."""
    named = (worktree / ".git").read_text(encoding="utf-8").removeprefix("gitdir:").strip()
    common = worktree / named / "commondir"
    if not common.is_file():
        return worktree
    git = (common.parent / common.read_text(encoding="utf-8").strip()).resolve()
    return git.parent if git.name == ".git" else worktree
