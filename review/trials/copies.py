"""Copies of the repository in which trials run: the user's own folder is left alone, and may be edited meanwhile.

`dvc exp run --temp` puts the workspace's changes away and back again whenever it starts, and two that run at once can
take each other's place in DVC's stash. So each worker has a clone with the commit and the changes as they were when
the search began; it shares the objects of Git and the cache of DVC, and costs next to nothing.
"""

import configparser
import shutil
import subprocess
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path

from stages.core.errors import UserError

LINKS = "reflink,hardlink,copy"
"""How data goes from the cache into a trial's folder, unless the user has said otherwise."""


TARGET = "finetune"
"""The stage that trials end with: evaluate, which reads the test set, is not theirs."""


@dataclass(frozen=True)
class Snapshot:
    """A commit of `root`, the commit that holds the changes since (if any), and where DVC's cache is."""

    root: Path
    head: str
    changes: str
    cache: str


def git(folder: Path, *arguments: str) -> str:
    """What a Git command prints.

    Raises:
        UserError: it fails.
    """
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f"git {arguments[0]}: {' '.join(done.stderr.split())[:300]}", "git status")
    return done.stdout.strip()


def snapshot(root: Path, cache: str) -> Snapshot:
    """The state of a repository with what Git tracks in it; nothing is changed.

    Raises:
        UserError: no repository, one without commits, or a folder inside of one.
    """
    top = git(root, "rev-parse", "--show-toplevel")
    if Path(top).resolve() != root.resolve():
        raise UserError(f"a search needs the top of its Git repository, {top}", f"cd {top}")
    head = git(root, "rev-parse", "HEAD")
    git(root, "status", "--porcelain")  # looks at the files anew: of one that was only touched, `stash create` fails
    return Snapshot(root, head, git(root, "stash", "create"), cache)


def make(folder: Path, taken: Snapshot) -> None:
    """A fresh copy in `folder`, in place of what was there."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    git(taken.root, "clone", "--quiet", "--shared", "--no-checkout", str(taken.root), str(folder))
    git(folder, "checkout", "--quiet", "--detach", taken.head)
    if taken.changes:
        git(folder, "stash", "apply", "--quiet", "--index", taken.changes)
    if not tracked(taken.root, "dvc.lock"):  # a line that ran for the first time
        shutil.copyfile(taken.root / "dvc.lock", folder / "dvc.lock")
        git(folder, "add", "dvc.lock")
    for key in ("user.name", "user.email"):
        found = subprocess.run(["git", "config", key], cwd=taken.root, capture_output=True, text=True, check=False)
        if found.stdout.strip():
            git(folder, "config", key, found.stdout.strip())
    configure(folder, taken)
    remove_later_results(folder)


def remove_later_results(folder: Path, target: str = TARGET) -> None:
    """Take the results of stages that a trial does not run out of a copy, and out of its dvc.lock.

    The experiment of a trial holds whatever Git tracks. Left there, the test scores of the commit would stand beside
    the trial's params as if they were its own.

    Args:
        folder: a copy, with DVC configured.
        target: the last stage that a trial runs.

    Raises:
        UserError: DVC cannot read dvc.yaml or dvc.lock, or there is no such stage.
    """
    from dvc.dvcfile import Lockfile
    from dvc.exceptions import DvcException
    from dvc.repo import Repo
    from dvc.stage import PipelineStage

    paths: list[str] = []
    try:
        with chdir(folder), Repo() as repo:
            run_by_trials = {stage.addressing for stage in repo.stage.collect(target, with_deps=True)}
            for stage in repo.index.stages:
                if isinstance(stage, PipelineStage) and stage.addressing not in run_by_trials:
                    paths += [Path(out.fs_path).relative_to(repo.root_dir).as_posix() for out in stage.outs]
                    Lockfile(repo, str(Path(stage.path).with_suffix(".lock"))).remove_stage(stage)
    except DvcException as error:
        raise UserError(f"DVC cannot read the line: {error}", "dvc status says more") from None
    if paths:
        git(folder, "rm", "-r", "--quiet", "--force", "--ignore-unmatch", "--", *paths)


def configure(folder: Path, taken: Snapshot) -> None:
    """Have DVC in the copy use the cache and the local settings of the repository."""
    settings = configparser.RawConfigParser()
    settings.read([taken.root / ".dvc/config.local"], encoding="utf-8")
    shared = configparser.RawConfigParser()
    shared.read([taken.root / ".dvc/config"], encoding="utf-8")
    if not settings.has_section("cache"):
        settings.add_section("cache")
    settings.set("cache", "dir", taken.cache)
    if not any(one.has_option("cache", "type") for one in (settings, shared)):
        settings.set("cache", "type", LINKS)
    with (folder / ".dvc/config.local").open("w", encoding="utf-8") as file:
        settings.write(file)


def changes(root: Path) -> dict[str, list[str]]:
    """What differs from the last commit, by what becomes of it."""
    return {
        "trials take along what is changed and not committed": git(root, "diff", "--name-only", "HEAD").splitlines(),
        "trials do not have what Git does not track": git(
            root, "ls-files", "--others", "--exclude-standard"
        ).splitlines(),
    }


def reference(folder: Path, head: str, name: str) -> str:
    """The Git reference of an experiment; empty where there is none."""
    wanted = f"refs/exps/{head[:2]}/{head[2:]}/{name}"
    return git(folder, "for-each-ref", "--format=%(refname)", wanted)


def bring(taken: Snapshot, folder: Path, name: str) -> bool:
    """Have the repository know an experiment of a copy; whether there is one."""
    found = reference(folder, taken.head, name)
    if found:
        git(taken.root, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", str(folder), f"+{found}:{found}")
    return bool(found)


def read(root: Path, head: str, name: str, path: str) -> str:
    """A file of an experiment as Git has it.

    Raises:
        UserError: it is not there.
    """
    return git(root, "show", f"{reference(root, head, name)}:{path}")


def tracked(root: Path, path: str) -> bool:
    """Whether Git tracks a file, or anything in a folder."""
    return bool(git(root, "ls-files", "--", path))
