"""`python -m review.agreement [REVISION]`: do params.yaml, dvc.yaml, code, dvc.lock and metrics belong together?

Metrics that other params, code or data made than those beside them are a mistake in a pull request. Nothing is run
and no data is needed: files in Git are hashed, outputs of the stages are compared by the hashes in dvc.lock.
Exit code 0: they agree; 1: they do not, and each difference is printed; 2: this could not be told.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from review import git
from review.added_data import changes_of_data, hash_with_absent_data, holds_data
from review.forge import MARKER
from review.records import off_record
from stages.core.errors import UserError

REMEDY = "dvc repro, then git add dvc.lock metrics, and commit"
SHOWN = 40
"""Characters of a params value in a message."""


Finding = tuple[str, str]
"""A sentence with a place for stages in it, and the stage that it is true of."""


def disagreements(root: Path, *, records: bool = False, base: str | None = None) -> list[str]:
    """What does not belong together in the files under `root`, a sentence each; none where all does.

    With `records` the runs that dvc.lock tells of must also be on record, where the remote keeps records; but for
    those that dvc.lock of the revision `base` tells of in the same words.

    Raises:
        UserError: no DVC repository, or its files cannot be read.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    lock = _lock(root)
    found: dict[str, list[str]] = {}
    try:
        with chdir(root), Repo() as repo, repo.lock:
            stages = list(repo.index.stages)
            made = {str(out): out for stage in stages for out in stage.outs if out.use_cache}
            for stage in stages:
                name = stage.addressing
                if holds_data(stage):
                    for sentence, name in changes_of_data(stage):
                        found.setdefault(sentence, []).append(name)
                    continue
                if name not in lock:
                    found.setdefault("{} is not in dvc.lock: it has not run since it is in dvc.yaml", []).append(name)
                    continue
                for sentence, name in (*_changes(stage, made), *_broken_chain(repo, stage, made)):
                    found.setdefault(sentence, []).append(name)
            if records and not found:
                known = _lock_of(root, base) if base else {}
                unknown = {name: entry for name, entry in lock.items() if known.get(name) != entry}
                for sentence, name in off_record(repo, unknown):
                    found.setdefault(sentence, []).append(name)
    except DvcException as error:
        raise UserError(f"DVC cannot read the pipeline: {error}", "dvc status says more") from None
    return [sentence.replace("{}", ", ".join(names)) for sentence, names in found.items()]


def _lock(root: Path) -> Mapping[str, Any]:
    for name in (".dvc", "dvc.yaml", "dvc.lock"):
        if not (root / name).exists():
            hint = "dvc repro makes it" if name == "dvc.lock" else "cd to the folder that holds dvc.yaml"
            raise UserError(f"{name}: not in {'this folder' if root == Path() else root.name}", hint)
    text = (root / "dvc.lock").read_text(encoding="utf-8", errors="replace")
    if "\n<<<<<<< " in f"\n{text}":
        raise UserError("dvc.lock: has conflicts", "docs/pull-requests.md says what to do; never merge it by hand")
    return _stages_in(text)


def _stages_in(text: str) -> Mapping[str, Any]:
    try:
        content = YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        raise UserError(f"dvc.lock: not readable as YAML: {' '.join(str(error).split())}", REMEDY) from None
    stages = content.get("stages") if isinstance(content, dict) else None
    return stages if isinstance(stages, dict) else {}


def _lock_of(root: Path, revision: str) -> Mapping[str, Any]:
    """The stages in dvc.lock of a revision; none where it has no such file."""
    text = git.ask(root, "show", f"{revision}:dvc.lock")
    return {} if text is None else _stages_in(text)


def _changes(stage: Any, made: Mapping[str, Any]) -> Iterator[Finding]:
    """What DVC itself finds changed, without what is only absent because no data was pulled."""
    name = stage.addressing
    for entry in stage.status().get(name, []):
        if entry == "changed command":
            yield "dvc.yaml has another command for {} than the one that dvc.lock says was run", name
        elif isinstance(entry, dict):
            for path, state in entry.get("changed deps", {}).items():
                yield from ((sentence, name) for sentence in _dep(stage, path, state, made))
            for path, state in entry.get("changed outs", {}).items():
                yield from ((sentence, name) for sentence in _out(stage, path, state))


def _dep(stage: Any, path: str, state: Any, made: Mapping[str, Any]) -> Iterator[str]:
    dep = next(dep for dep in stage.deps if str(dep) == path)
    if isinstance(state, dict):
        for key in state:
            for dotted, locked, wanted in _differences(key, dep.hash_info.value.get(key), dep.read_params().get(key)):
                yield f"{path} has {dotted}: {_short(wanted)}, and dvc.lock says that {{}} ran with {_short(locked)}"
    elif not dep.hash_info:
        yield f"{{}} depends on {path}, of which dvc.lock has no hash: it has not run since dvc.yaml says so"
    elif state == "deleted":
        if maker(path, made) is None:
            yield f"{path} is not there, and dvc.lock says that {{}} read it"
    elif dep.hash_info.value != hash_with_absent_data(dep, made):
        yield f"{path} is not what dvc.lock says that {{}} read"


def _out(stage: Any, path: str, state: str) -> Iterator[str]:
    out = next(out for out in stage.outs if str(out) == path)
    if not out.hash_info:
        yield f"dvc.lock has no hash of {path}: {{}} has not run since it is an output"
    elif state == "modified":
        yield f"{path} is not what dvc.lock says that {{}} wrote"
    elif not out.use_cache:
        yield f"{path} is not there, and dvc.lock says that {{}} wrote it"


def _differences(key: str, locked: Any, wanted: Any) -> Iterator[tuple[str, Any, Any]]:
    """The innermost keys at which two values differ, with both values."""
    if isinstance(locked, dict) and isinstance(wanted, dict):
        for name in dict.fromkeys([*wanted, *locked]):
            yield from _differences(f"{key}.{name}", locked.get(name), wanted.get(name))
    elif locked != wanted:
        yield key, locked, wanted


def _short(value: Any) -> str:
    text = "null" if value is None else str(value).replace("{}", "{ }")
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def maker(path: str, made: Mapping[str, Any]) -> Any:
    """The output that a path is, or is inside of."""
    parents = (parent.as_posix() for parent in (Path(path), *Path(path).parents))
    return next((made[parent] for parent in parents if parent in made), None)


def _broken_chain(repo: Any, stage: Any, made: Mapping[str, Any]) -> Iterator[Finding]:
    """Outputs of earlier stages that this one read in another state than dvc.lock says they were written in."""
    for dep in stage.deps:
        out = maker(str(dep), made) if dep.hash_info else None
        if out is None or not out.hash_info:
            continue
        written = inside(repo, out, str(dep))
        if written is not None and written != dep.hash_info.value:
            sentence = f"in dvc.lock {{}} read another {dep} than {out.stage.addressing} wrote: merged by hand?"
            if holds_data(out.stage):
                sentence = f"{out.stage.addressing} names another {out} than dvc.lock says that {{}} read"
            yield sentence, stage.addressing


def inside(repo: Any, out: Any, path: str, *, remote: bool = True) -> str | None:
    """The hash that dvc.lock records of an output, or of a file or folder in it.

    Args:
        path: that of the output or of what is in it, as dvc.yaml has it.
        remote: whether to ask the remote, too, for the listing of the output.

    Returns:
        None where the listing is needed, and neither in the cache nor at the remote.
    """
    from dvc.exceptions import DvcException
    from dvc_data.hashfile.tree import Tree

    if path == str(out):
        return str(out.hash_info.value)
    parts = Path(path).relative_to(str(out)).parts
    stores: tuple[Callable[[], Any], ...] = (
        lambda: repo.cache.local,
        lambda: repo.cloud.get_remote_odb(hash_name=out.hash_name),
    )
    for store in stores if remote else stores[:1]:
        try:
            odb = store()
            found = Tree.load(odb, out.hash_info).get_obj(odb, parts)
        except (DvcException, OSError):
            continue
        return found.hash_info.value if found is not None and found.hash_info else getattr(found, "oid", "absent")
    return None


@contextmanager
def files_of(root: Path, revision: str | None) -> Iterator[Path]:
    """The files of a revision in a folder of their own while the block runs; of none: those of the workspace."""
    if revision is None:
        yield root
        return
    with tempfile.TemporaryDirectory(prefix="agreement-") as folder:
        place = str(Path(folder).resolve() / "files")
        _git(root, "worktree", "add", "--quiet", "--detach", place, f"{revision}^{{commit}}")
        try:
            yield Path(place)
        finally:
            _git(root, "worktree", "remove", "--force", place)


def _git(root: Path, *arguments: str) -> None:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f"git {' '.join(arguments)}: {done.stderr.strip()}", "git fetch brings missing revisions")


def markdown(found: Sequence[str]) -> str:
    """What a review says of the disagreements, above everything else."""
    lines = [f"- {_escaped(one)}" for one in found]
    title = "### These results were not made by these files"
    return "\n".join([title, "", *lines, "", f"Next: `{REMEDY}`.", ""])


def _escaped(text: str) -> str:
    return "".join(f"\\{one}" if one in "\\`*_[]<>|" else one for one in text)


def put_into(review: Path, found: Sequence[str]) -> None:
    """Write the disagreements into a review in Markdown, below its first line; into a new one where there is none."""
    text = review.read_text(encoding="utf-8") if review.exists() else f"{MARKER}\n"
    first, _, rest = text.partition("\n")
    review.write_text(f"{first}\n{markdown(found)}\n{rest}", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what does not belong together."""
    parser = argparse.ArgumentParser(prog="python -m review.agreement", description=__doc__)
    parser.add_argument("revision", nargs="?", help="a Git revision (default: the workspace)")
    parser.add_argument("--records", action="store_true", help="runs must be on record, where the remote keeps any")
    parser.add_argument("--base", metavar="REVISION", help="with --records: what its dvc.lock tells of need not be")
    parser.add_argument("--into", type=Path, help="a review in Markdown that is to tell of the differences")
    given = parser.parse_args(arguments)
    try:
        with files_of(Path(), given.revision) as root:
            found = disagreements(root, records=given.records, base=given.base)
    except UserError as error:
        print(f"{error}\nNext: {error.hint}", file=sys.stderr)
        return 2
    for one in found:
        print(one)
    if not found:
        print("params.yaml, dvc.yaml, the code, dvc.lock and the metrics agree")
        return 0
    print(f"Next: {REMEDY}")
    if given.into:
        put_into(given.into, found)
    return 1


if __name__ == "__main__":
    sys.exit(main())
