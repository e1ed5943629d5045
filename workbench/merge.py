"""`make merge`: take this branch onto the main branch, and settle dvc.lock and metrics from runs that were made.

Results are never merged by hand: a lock put together from two runs tells of a third that nobody made. What results are
made from (params, code, data) is merged by Git; then each stage that reads something else than the lock says is looked
up among the runs on record. Where all are found the merge is committed; nothing is trained here.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import chdir
from pathlib import Path
from typing import Any

from review import git
from stages.core.errors import UserError
from stages.core.report import COST, result_digest
from workbench.runs import bring_runs

LOCK, METRICS, FINETUNE = "dvc.lock", "metrics", "metrics/finetune.json"
AGAIN = "then type make merge again"


def merge(root: Path, branch: str | None = None) -> list[str]:
    """Merge a branch (default: the main branch, as it is at origin) into this one; lines that say what was done.

    A merge that Git has begun, by this command or by `git merge`, is gone on with.

    Raises:
        UserError: what has to be settled first, or run, and how to go on.
    """
    done = []
    if not _merging(root):
        told = _begin(root, branch or _main_branch(root))
        if told:
            return [told]
    taken = _take_results(root)
    by_hand = _conflicts(root)
    if by_hand:
        files = "\n".join(f"  {path}" for path in by_hand)
        hint = f"settle them, git add them, {AGAIN}; to leave it: git merge --abort"
        raise UserError(f"Git could not merge what results are made from:\n{files}", hint)
    if taken:
        done.append(f"results that both sides have: those of {taken} to begin with")
    restored = settle(root)
    done.append(f"from runs on record: {', '.join(restored)}" if restored else "no stage reads anything else")
    _take_cost(root)
    _run(root, "add", "--update")
    _run(root, "add", LOCK, METRICS)
    _run(root, "commit", "--quiet", "--no-edit")
    return [*done, "merged; next: make agreement, then dvc push --run-cache && git push"]


def _merging(root: Path) -> bool:
    return git.ask(root, "rev-parse", "--verify", "--quiet", "MERGE_HEAD") is not None


def _main_branch(root: Path) -> str:
    """The main branch, brought up to date where it is that of origin."""
    name = git.default_branch(root)
    if name.startswith("origin/"):
        fetched = git.ask(root, "fetch", "--quiet", "origin")
        if fetched is None:
            print("origin cannot be reached: its main branch is taken as it was fetched last", file=sys.stderr)
    return name


def _begin(root: Path, branch: str) -> str:
    """Have Git merge, without a commit; what there is to tell where nothing is to be merged.

    Raises:
        UserError: the workspace is not what is committed, or there is no such branch.
    """
    dirty = git.ask(root, "status", "--porcelain", "--untracked-files=no")
    if dirty:
        shown = ", ".join(line[3:] for line in dirty.splitlines()[:5])
        raise UserError(f"the workspace is not what is committed: {shown}", "git commit, or git stash, then again")
    commit = git.resolve(root, branch)
    if git.ask(root, "merge-base", "--is-ancestor", commit, "HEAD") is not None:
        return f"{branch} is in this branch already: nothing to merge"
    command = ["git", "merge", "--quiet", "--no-commit", "--no-ff", branch]
    merged = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if not _merging(root):  # refused before it began, as where an untracked file is in the way
        raise UserError(f"git merge {branch}: {(merged.stderr or merged.stdout).strip()}", "git status")
    return ""


def _conflicts(root: Path) -> list[str]:
    listed = git.ask(root, "diff", "--name-only", "--diff-filter=U") or ""
    return listed.splitlines()


def _is_result(path: str) -> bool:
    return path == LOCK or path.startswith(f"{METRICS}/")


def _take_results(root: Path) -> str:
    """Where both sides changed results: take dvc.lock and metrics of one run; the title of its side.

    Either would do, as what the other one has is on record, too. Without this Git would mix two runs.
    """
    parted = git.ask(root, "merge-base", "HEAD", "MERGE_HEAD") or ""
    changed = []
    for side in ("HEAD", "MERGE_HEAD"):
        if git.ask(root, "diff", "--quiet", parted, side, "--", LOCK, METRICS) is None:
            changed.append(side)
    if len(changed) < 2:
        return ""
    for path in _results_of_either(root):
        kept = git.ask(root, "cat-file", "-e", f"MERGE_HEAD:{path}") is not None
        if kept:
            _run(root, "checkout", "MERGE_HEAD", "--", path)
        else:
            _run(root, "rm", "--quiet", "--force", "--ignore-unmatch", "--", path)
    return "the branch that is merged"


def _results_of_either(root: Path) -> list[str]:
    paths: set[str] = set()
    for side in ("HEAD", "MERGE_HEAD"):
        listed = git.ask(root, "ls-tree", "-r", "--name-only", side, "--", LOCK, METRICS) or ""
        paths |= set(listed.splitlines())
    return sorted(paths)


def settle(root: Path) -> list[str]:
    """Bring dvc.lock and the outputs up to date from the run cache; the stages that were restored from it.

    Raises:
        UserError: a stage has never run with what it now reads, or DVC cannot read the pipeline.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo, lock_repo

    try:
        with chdir(root), Repo() as repo, lock_repo(repo):
            pull = bring_runs(repo)
            repo.checkout(force=True, allow_missing=True)  # outputs may be those of the other side
            return list(_restored(repo, pull=pull))
    except DvcException as error:
        raise UserError(f"DVC: {error}", f"put that right, {AGAIN}") from None


def _restored(repo: Any, *, pull: bool) -> Iterator[str]:
    from dvc.stage.cache import RunCacheNotFoundError

    for stage in _in_order(repo):
        if not stage.changed(allow_missing=True):
            continue
        try:
            _pull_absent_deps(repo, stage, pull=pull)
            repo.stage_cache.restore(stage, pull=pull)
        except RunCacheNotFoundError:
            what = f"{stage.addressing} has never run with what it now reads"
            raise UserError(what, f"dvc repro (it runs what is missing), {AGAIN}") from None
        repo.reproduce(stage.addressing, single_item=True, pull=pull)
        yield stage.addressing


def _in_order(repo: Any) -> list[Any]:
    """The stages that have a command, each after those that it reads from."""
    from dvc.repo.reproduce import plan_repro

    return [stage for stage in plan_repro(repo.index.graph) if stage.cmd]


def _pull_absent_deps(repo: Any, stage: Any, *, pull: bool) -> None:
    """Have what the stage reads, to hash it; what is neither here nor at the remote is told by DVC."""
    absent = [dep.def_path for dep in stage.deps if dep.protocol == "local" and not dep.exists]
    if absent and pull:
        repo.pull(absent)
    elif absent:
        repo.checkout(targets=[dep.def_path for dep in stage.deps if not dep.exists], allow_missing=True)


def _take_cost(root: Path) -> None:
    """Keep the record of what training cost that belongs to the settled result, whichever side has it."""
    metrics = root / FINETUNE
    if not metrics.exists():
        return
    digest = result_digest(metrics.read_bytes())
    for side in ("HEAD", "MERGE_HEAD"):
        text = git.ask(root, "show", f"{side}:{COST.as_posix()}")
        if text is not None and json.loads(text).get("result") == digest:
            (root / COST).write_text(f"{text}\n", encoding="utf-8")
            return


def _run(root: Path, *arguments: str) -> None:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f"git {' '.join(arguments)}: {(done.stderr or done.stdout).strip()}", "git status")


def main(arguments: Sequence[str] | None = None) -> int:
    """Merge, and say what was done."""
    parser = argparse.ArgumentParser(prog="python -m workbench.merge", description=__doc__)
    parser.add_argument("branch", nargs="?", help="what is merged into this branch (default: the main branch)")
    given = parser.parse_args(arguments)
    try:
        lines = merge(Path.cwd(), given.branch)
    except UserError as error:
        print(f"not merged yet: {error}\nNext: {error.hint}", file=sys.stderr)
        return 1
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
