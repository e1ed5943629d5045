"""`make register VERSION=v1.2.0` and `make promote VERSION=v1.2.0 STAGE=prod`: model versions as Git tags, through gto.

A version is refused where the workspace is not what is committed, results do not belong to params, code and data,
or the gates of the review fail against the version registered last.
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from review.added_data import holds_data
from review.agreement import REMEDY, disagreements
from stages.core.errors import UserError

VERSION = re.compile(r"v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?")
STAGES = ("staging", "prod")
METRICS = Path("metrics/evaluate.json")


def register(root: Path, version: str, base: str | None = None) -> list[str]:
    """Tag the current commit as a version of the model; lines that say what was done and what to do next.

    Raises:
        UserError: why the version is refused.
    """
    name, path = artifact(root)
    tag = _tag(name, version)
    if _git(root, "tag", "--list", tag):
        raise UserError(f"{tag} exists already", f"another VERSION; so far: {', '.join(versions(root, name))}")
    _check(root)
    _review(root, base or last(root, name))
    missing = not_pushed(root, path)
    _gto("register", root, name, "HEAD", version=version, message=f"{name} {version}: {_headline(root)}")
    done = [f"registered: {tag}"]
    done += [f"careful: {missing}; nobody else can get the model: dvc push"] if missing else []
    return [*done, f"next: git push origin {tag}", f"then: make promote VERSION={version} STAGE=staging"]


def promote(root: Path, version: str, stage: str) -> list[str]:
    """Assign a stage to a registered version; lines that say what was done and what to do next.

    Raises:
        UserError: an unknown stage, a version that is not registered, or one that is there already.
    """
    if stage not in STAGES:
        raise UserError(f"STAGE={stage}: no such stage", f"one of: {', '.join(STAGES)}")
    name, _ = artifact(root)
    tag = _tag(name, version)
    if not _git(root, "tag", "--list", tag):
        known = ", ".join(versions(root, name)) or "none"
        raise UserError(f"{tag} is not registered here", f"registered: {known}; `git fetch --tags` brings others")
    if version == in_stage(root, name, stage):
        raise UserError(f"{name} {version} is in {stage} already", f"dvc artifacts get . {name} --stage {stage}")
    made = _gto("assign", root, name, stage, version=version, message=f"{name} {version} is in {stage}", force=True)
    return [
        f"assigned: {made.tag}",
        f"next: git push origin '{made.tag}'",
        f"then, anywhere: dvc artifacts get URL_OF_THE_REPOSITORY {name} --stage {stage}",
    ]


def artifact(root: Path) -> tuple[str, str]:
    """Name and path of the model among the artifacts of dvc.yaml.

    Raises:
        UserError: there is none, or there are several.
    """
    from dvc.repo import Repo

    with Repo(str(root)) as repo:
        known: Mapping[str, Any] = repo.artifacts.read().get("dvc.yaml", {})
    models = {name: str(one.path) for name, one in known.items() if one.type == "model"}
    if len(models) != 1:
        raise UserError(f"dvc.yaml names {len(models)} artifacts of type model, one is expected", "see `artifacts:`")
    return next(iter(models.items()))


def versions(root: Path, name: str) -> list[str]:
    """Registered versions, the newest number first."""
    import semver

    tags = _git(root, "tag", "--list", f"{name}@v*").split()
    found = [tag.partition("@")[2] for tag in tags]
    return sorted(filter(VERSION.fullmatch, found), key=lambda one: semver.VersionInfo.parse(one[1:]), reverse=True)


def last(root: Path, name: str) -> str:
    """What a new version is compared with: the last one, else the commit before, else the commit itself."""
    known = versions(root, name)
    if known:
        return _tag(name, known[0])
    return "HEAD~1" if _git(root, "rev-parse", "--verify", "--quiet", "HEAD~1") else "HEAD"


def in_stage(root: Path, name: str, stage: str) -> str | None:
    """The version that was assigned to a stage last."""
    newest = max(stage_tags(root, f"{name}#{stage}"), key=lambda tag: int(tag.rpartition("#")[2]), default=None)
    return newest and version_at(root, name, newest)


def stage_tags(root: Path, prefix: str) -> list[str]:
    """List the tags of a model's stage, such as `classifier#prod`, that are known here."""
    return _git(root, "tag", "--list", f"{prefix}#*").split()


def version_at(root: Path, name: str, tag: str) -> str | None:
    """The version that is registered at the commit of a tag."""
    found = _git(root, "tag", "--points-at", f"refs/tags/{tag}^{{commit}}", "--list", f"{name}@v*").split()
    return found[0].partition("@")[2] if found else None


def not_pushed(root: Path, path: str) -> str:
    """What keeps others from getting the model, or making it again; empty where all of it is at the remote."""
    from dvc.config import NoRemoteError
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo(str(root)) as repo:
            data = [Path(stage.path) for stage in repo.index.stages if holds_data(stage)]
            absent = [
                target.relative_to(root.resolve()).as_posix()
                for target in (root.resolve() / path, *data)
                if repo.status(targets=[str(target)], cloud=True)
            ]
    except NoRemoteError:
        return "no DVC remote is set up (dvc remote add --default NAME URL)"
    except (DvcException, OSError) as error:
        return f"the DVC remote cannot be asked: {error}"
    return f"{', '.join(absent)} is not at the DVC remote" if absent else ""


def _gto(verb: str, root: Path, *arguments: str, **options: Any) -> Any:
    import gto.api
    from gto.exceptions import GTOException
    from scmrepo.exceptions import SCMError

    try:
        return getattr(gto.api, verb)(str(root), *arguments, **options)
    except (GTOException, SCMError) as error:
        raise UserError(f"gto {verb}: {error}", "gto show, gto history") from None


def _tag(name: str, version: str) -> str:
    if not VERSION.fullmatch(version):
        hint = "v, then three numbers: make register VERSION=v1.2.0"
        raise UserError(f"VERSION={version or '(none)'}: not a semantic version", hint)
    return f"{name}@{version}"


def _check(root: Path) -> None:
    dirty = _git(root, "status", "--porcelain")
    if dirty:
        shown = ", ".join(line[3:] for line in dirty.splitlines()[:5])
        raise UserError(f"the workspace is not what is committed: {shown}", "git commit, or git stash, then again")
    found = disagreements(root)
    if found:
        raise UserError("\n".join(["these results were not made by these files:", *found]), REMEDY)


def _review(root: Path, base: str) -> None:
    """Let the review judge HEAD against a version.

    Raises:
        UserError: its gates fail, or the two cannot be compared.
    """
    print(f"reviewing HEAD against {base}", flush=True)
    done = subprocess.run([sys.executable, "-m", "review", base, "HEAD"], cwd=root, check=False)
    if done.returncode == 1:
        raise UserError(f"gates fail against {base}", "see above; gates stand under review.gates in params.yaml")
    if done.returncode:
        raise UserError(f"HEAD could not be compared with {base}", "see above; make register VERSION=… BASE=REVISION")


def _headline(root: Path) -> str:
    from stages.core import tables

    found = tables.read_json(root / METRICS) if (root / METRICS).exists() else {}
    values = [f"{name} {value:.4f}" for name, value in found.items() if isinstance(value, float)]
    return ", ".join(values[:3])


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    return done.stdout.rstrip("\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Register, or with `--stage` promote."""
    parser = argparse.ArgumentParser(prog="python -m review.register", description=__doc__)
    parser.add_argument("version", help="such as v1.2.0")
    parser.add_argument("--stage", help=f"promote a registered version: {' | '.join(STAGES)}")
    parser.add_argument("--base", help="compare with this revision (default: the version registered last)")
    given = parser.parse_args(arguments)
    root = Path.cwd()
    try:
        lines = promote(root, given.version, given.stage) if given.stage else register(root, given.version, given.base)
    except UserError as error:
        print(f"refused: {error}\nNext: {error.hint}", file=sys.stderr)
        return 1
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
