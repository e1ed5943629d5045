"""Section `provenance`: what was compared: revisions, hashes, libraries, the machine, and whether it all fits."""

import os
import platform
from importlib import metadata
from typing import TYPE_CHECKING, Any

from review import git
from review.agreement import disagreements, files_of
from review.cost import recorded
from review.locks import locked, outputs
from review.peeking import peeking, sentence
from stages.core.errors import UserError

if TYPE_CHECKING:
    from review.sides import Side

SHOWN = ("torch", "transformers", "datasets", "numpy", "pyarrow", "scikit-learn", "dvc")
"""Libraries told of this environment."""
CONFIG = "models/model/config.json"
EVALUATE = "metrics/evaluate.json"


def provenance(base: "Side", head: "Side") -> dict[str, Any]:
    """`base` and `head` (see `of_side`), `agreement` of the head, `environment` of this machine, `test_set`.

    `agreement`: what does not belong together among params, code, dvc.lock and metrics; null: `agreement_error` says
    why that could not be told. `environment` is that of the review; it made the head only where that says so.
    """
    looked = peeking(head)
    return {
        "base": of_side(base),
        "head": of_side(head),
        **_agreement(head),
        "environment": environment(),
        "test_set": {**looked, "text": sentence(looked)},
    }


def of_side(side: "Side") -> dict[str, Any]:
    """`revision`, its `date`, `clean` (the workspace: no file of Git's is changed), `hashes` of outputs by path,
    `libraries` as far as they are recorded, where the `run` took place, and the `metrics` of the whole test set.
    """
    root, revision = side.root, side.revision
    commit = revision or git.ask(root, "rev-parse", "HEAD")
    status = git.ask(root, "status", "--porcelain", "--untracked-files=no") if revision is None else ""
    run = recorded(side) or {}
    evaluated = side.json(EVALUATE) if side.exists(EVALUATE) else {}
    return {
        "title": side.title,
        "revision": commit,
        "date": git.ask(root, "show", "--no-patch", "--format=%cs", commit) if commit else None,
        "clean": None if status is None else not status,
        "hashes": {path: digest for path, digest in outputs(locked(side)).items() if not path.startswith("metrics/")},
        "libraries": run.get("libraries") or _by_the_model(side),
        "run": {name: run[name] for name in ("device", "cores", "machine") if name in run},
        "metrics": {name: value for name, value in evaluated.items() if isinstance(value, int | float)},
    }


def _by_the_model(side: "Side") -> dict[str, str]:
    """The one version that the model's folder records, where it can be read."""
    try:
        found = side.json(CONFIG).get("transformers_version") if side.exists(CONFIG) else None
    except UserError:
        return {}
    return {"transformers": str(found)} if found else {}


def _agreement(head: "Side") -> dict[str, Any]:
    try:
        with files_of(head.root, head.revision) as root:
            return {"agreement": disagreements(root), "agreement_error": None}
    except UserError as error:
        return {"agreement": None, "agreement_error": str(error)}


def environment() -> dict[str, Any]:
    """Python, libraries and hardware of the machine on which the review runs."""
    return {
        "python": platform.python_version(),
        "libraries": {name: found for name in SHOWN if (found := _version(name))},
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "memory_gib": _memory_gib(),
    }


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _memory_gib() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (ValueError, OSError, AttributeError):
        return None
