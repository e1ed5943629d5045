"""`python -m review.pictures BASE HEAD FOLDER`: the plots of a review as PNG files.

And where a comment can show them: on a branch of their own, a folder a pull request. GitHub's comments show pictures
by address only; artifacts have none, and data: addresses are stripped. The branch shares no history with others and
is replaced by a single commit each time, so that old pictures do not pile up.
"""

import argparse
import hashlib
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from stages.core.errors import UserError

BRANCH = "review-assets"
KEPT = 200
"""Pull requests whose pictures are kept: those with the highest numbers."""
TRIES = 5
"""Reviews of several pull requests may end at once."""
MAX_COUNT, MAX_BYTES = 24, 2**20
PNG = b"\x89PNG\r\n\x1a\n"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,60}\.png")
WRITER = ("-c", "user.name=groundwork-review", "-c", "user.email=groundwork-review@users.noreply.github.com")


def read(folder: Path) -> dict[str, bytes]:
    """The pictures in a folder by name, in order; files that are no PNG of moderate size and plain name are refused.

    What a pull request's own code made is not trusted: links are not followed.

    Raises:
        UserError: a file that is refused, or too many.
    """
    if folder.is_symlink() or not folder.is_dir():
        return {}
    paths = sorted(folder.iterdir())
    if len(paths) > MAX_COUNT:
        raise UserError(f"{folder.name}: {len(paths)} pictures, {MAX_COUNT} are allowed", "review/pictures.py")
    return {path.name: _checked(path) for path in paths}


def _checked(path: Path) -> bytes:
    if path.is_symlink() or not path.is_file() or not NAME.fullmatch(path.name):
        raise UserError(f"{path.name!r}: not a plain file with the name of a picture", "review/pictures.py")
    size = path.stat().st_size
    if size > MAX_BYTES or not (content := path.read_bytes()).startswith(PNG):
        raise UserError(f"{path.name}: not a PNG of at most {MAX_BYTES} bytes ({size} bytes)", "review/pictures.py")
    return content


def publish(pictures: Mapping[str, bytes], number: int, root: Path, remote: str = "origin") -> dict[str, str]:
    """Put the pictures of a pull request on the branch; their paths there, by name.

    Paths hold a digest of the content, so that no cache shows an older picture.

    Raises:
        UserError: the branch cannot be pushed.
    """
    paths = {
        name: f"{number}/{name.removesuffix('.png')}-{hashlib.sha256(content).hexdigest()[:10]}.png"
        for name, content in pictures.items()
    }
    blobs = {
        paths[name].split("/")[1]: _git(root, "hash-object", "-w", "--stdin", given=pictures[name]) for name in paths
    }
    folder = _git(
        root, "mktree", given="".join(f"100644 blob {blobs[name]}\t{name}\n" for name in sorted(blobs)).encode()
    )
    said = ""
    for _ in range(TRIES):
        old = _current(root, remote)
        entries = {**(_folders(root, old) if old else {}), number: folder}
        kept = sorted(entries)[-KEPT:]
        listing = "".join(f"040000 tree {entries[one]}\t{one}\n" for one in sorted(kept, key=str))
        tree = _git(root, "mktree", given=listing.encode())
        commit = _git(root, *WRITER, "commit-tree", tree, "-m", "Pictures of reviews")
        push = (
            "push",
            "--quiet",
            f"--force-with-lease=refs/heads/{BRANCH}:{old}",
            remote,
            f"{commit}:refs/heads/{BRANCH}",
        )
        done = subprocess.run(["git", *push], cwd=root, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return paths
        said = done.stderr.strip()
    raise UserError(f"pictures could not be pushed to {BRANCH}: {said}", "the job needs contents: write")


def _current(root: Path, remote: str) -> str:
    """The commit of the branch at the remote, fetched; empty where there is none."""
    found = _git(root, "ls-remote", remote, f"refs/heads/{BRANCH}").split()
    if not found:
        return ""
    _git(root, "fetch", "--quiet", "--depth=1", remote, f"refs/heads/{BRANCH}")
    return _git(root, "rev-parse", "FETCH_HEAD")


def _folders(root: Path, commit: str) -> dict[int, str]:
    """Trees of the pull requests, by number."""
    lines = (line.split() for line in _git(root, "ls-tree", commit).splitlines())
    return {int(name): tree for _, kind, tree, name in lines if kind == "tree" and name.isdigit()}


def _git(root: Path, *arguments: str, given: bytes | None = None) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, input=given, capture_output=True, check=False)
    if done.returncode:
        raise UserError(f"git {arguments[0]}: {done.stderr.decode('utf-8', 'replace').strip()}")
    return done.stdout.decode("utf-8", "replace").strip()


def draw(base: str, head: str, folder: Path) -> list[str]:
    """Write the plots of both sides, side by side, into a new folder; the names of the files."""
    from review import plots
    from review.sides import open_sides

    plots.write(folder, *open_sides(base, head))
    return sorted(path.name for path in folder.iterdir())


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw the plots."""
    parser = argparse.ArgumentParser(prog="python -m review.pictures", description=draw.__doc__)
    parser.add_argument("base")
    parser.add_argument("head")
    parser.add_argument("folder", type=Path)
    given = parser.parse_args(arguments)
    try:
        print(f"plots: {', '.join(draw(given.base, given.head, given.folder)) or 'none'}")
    except UserError as error:
        print(f"no plots: {error}\nNext: {error.hint}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
