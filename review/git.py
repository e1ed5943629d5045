"""Git, asked by its command: what a name stands for, where two histories part, what a revision holds."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from stages.core.errors import UserError

DEFAULT_BRANCHES = ("origin/HEAD", "origin/main", "origin/master", "main", "master")
"""Where the default branch is looked for, in this order."""


def ask(root: Path, *arguments: str) -> str | None:
    """What `git ARGUMENTS` prints in `root`, without its last newline; None where it fails."""
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, errors="replace", check=False)
    return done.stdout.rstrip("\n") if done.returncode == 0 else None


def resolve(root: Path, asked: str) -> str:
    """The commit that a revision, a branch of `origin` or a DVC experiment stands for.

    Raises:
        UserError: there is none, or two experiments have the name.
    """
    for name in (asked, f"refs/remotes/origin/{asked}"):
        found = ask(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        if found:
            return found
    experiments = _experiments(root, asked)
    if len(experiments) == 1:
        return experiments[0]
    if experiments:
        raise UserError(
            f"{asked}: {len(experiments)} experiments have this name, from different commits",
            f"give one of their revisions: {', '.join(commit[:10] for commit in experiments)}",
        )
    fetch = f"git fetch origin {re.split(r'[~^@:]', asked)[0]}"
    if ask(root, "rev-parse", "--is-shallow-repository") == "true":
        fetch = "git fetch --unshallow origin (this clone is shallow)"
    hint = f"{fetch}; an experiment: dvc exp pull origin NAME (`dvc exp list` has those that are here)"
    raise UserError(f"{asked}: neither a Git revision nor a DVC experiment in this repository", hint)


def _experiments(root: Path, name: str) -> list[str]:
    """Commits of the experiments called `name`; that of the current commit alone, where it has one."""
    head = ask(root, "rev-parse", "HEAD") or ""
    listed = ask(root, "for-each-ref", "--format=%(refname) %(objectname)", "refs/exps") or ""
    found = {}
    for line in listed.splitlines():
        ref, commit = line.rsplit(" ", 1)
        parts = ref.split("/")  # refs/exps/BA/SELINE/NAME
        if len(parts) == 5 and parts[4] == name:
            found[parts[2] + parts[3]] = commit
    return [found[head]] if head in found else sorted(set(found.values()))


def default_branch(root: Path) -> str:
    """The first of `DEFAULT_BRANCHES` that exists.

    Raises:
        UserError: none does.
    """
    for name in DEFAULT_BRANCHES:
        if ask(root, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}"):
            return (ask(root, "rev-parse", "--abbrev-ref", name) or name) if name == "origin/HEAD" else name
    tried = ", ".join(DEFAULT_BRANCHES)
    raise UserError(f"no default branch to compare with (looked for: {tried})", "python -m review BASE [HEAD]")


def merge_base(root: Path, one: str, other: str) -> str:
    """The commit at which two histories part.

    Raises:
        UserError: they have none in common, as in a shallow clone.
    """
    found = ask(root, "merge-base", one, other)
    if found:
        return found
    what = f"{one} and {other}: no commit in common"
    if ask(root, "rev-parse", "--is-shallow-repository") == "true":
        raise UserError(f"{what}: this clone is shallow", "git fetch --unshallow origin")
    raise UserError(what, "name the side to compare with: python -m review BASE [HEAD]")


def versions(root: Path, path: str, *, most: int) -> Iterator[tuple[int, bytes]]:
    """Each different content of a file (or of all that a pattern matches) in the history of any branch, tag or
    experiment, and in how many commits it came; `most` contents at most.
    """
    listed = ask(root, "log", "--all", "--format=", "--raw", "--no-abbrev", "--no-renames", "--", path) or ""
    blobs: dict[str, int] = {}
    for line in listed.splitlines():
        fields = line.split()
        if len(fields) >= 5 and fields[0].startswith(":") and set(fields[3]) != {"0"}:
            blobs[fields[3]] = blobs.get(fields[3], 0) + 1
    names = list(blobs)[:most]
    if not names:
        return
    asked = "".join(f"{name}\n" for name in names).encode()
    command = ["git", "cat-file", "--batch"]
    content = subprocess.run(command, cwd=root, input=asked, capture_output=True, check=False).stdout
    place = 0
    for name in names:
        end = content.index(b"\n", place)
        head = content[place:end].split()
        if len(head) != 3:  # missing, as in a partial clone
            place = end + 1
            continue
        size = int(head[2])
        yield blobs[name], content[end + 1 : end + 1 + size]
        place = end + 2 + size
