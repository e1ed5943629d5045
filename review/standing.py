"""Which stages of the line stand as one run, by dvc.lock alone: those of an older run beside newer ones do not.

A line that stopped half-way leaves the metrics of its early stages new and those of its late ones old. No data is
hashed: what a stage read is compared with what the stages before it wrote, both as dvc.lock records them.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from review.agreement import inside, maker

Cause = tuple[str, str]
"""Why a stage does not stand: one of the words below, and the stage or file that tells."""
SINCE, NEVER, ODD = "since", "never", "odd"


@dataclass(frozen=True)
class Standing:
    """What dvc.lock says of the stages.

    Args:
        stale: the stages that have not run through since a stage before them did, in the order of the line.
        why: that in one sentence; empty where no stage is stale.
        changed_params: the stages whose params are not those that they ran with.
        behind: all whose results are not of the params beside them: those of both kinds, and all that read from them.
    """

    stale: tuple[str, ...]
    why: str
    changed_params: tuple[str, ...]
    behind: frozenset[str]


def standing(root: Path) -> Standing | None:
    """How the stages in `root` stand; None where there is no dvc.lock, or DVC cannot read the line."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    if not (root / "dvc.lock").is_file():
        return None
    try:
        with chdir(root), Repo() as repo:
            stages = list(repo.index.stages)
            return _standing_of(repo, stages)
    except DvcException:
        return None


def _standing_of(repo: Any, stages: list[Any]) -> Standing:
    makers = {str(out): out for stage in stages for out in stage.outs}
    causes = {stage.addressing: cause for stage in stages if (cause := _own_cause(repo, stage, makers))}
    read_from = {stage.addressing: _stages_before(stage, makers) for stage in stages}
    stale = _with_all_after(causes, read_from)
    in_order = tuple(name for name in _ordered(read_from) if name in stale)
    changed = tuple(stage.addressing for stage in stages if _has_other_params(stage))
    behind = frozenset(_with_all_after({*stale, *changed}, read_from))
    return Standing(in_order, _sentence(in_order, causes) if in_order else "", changed, behind)


def _stages_before(stage: Any, makers: Mapping[str, Any]) -> set[str]:
    outs = (maker(str(dep), makers) for dep in stage.deps)
    return {out.stage.addressing for out in outs if out is not None}


def _own_cause(repo: Any, stage: Any, makers: Mapping[str, Any]) -> Cause | None:
    """Why this stage does not stand, whatever becomes of those before it; None where nothing speaks against it."""
    if stage.cmd and not any(out.hash_info for out in stage.outs):
        return NEVER, ""
    for dep in stage.deps:
        out = maker(str(dep), makers)
        if out is None or not out.hash_info:
            continue
        if not dep.hash_info:
            return SINCE, out.stage.addressing
        written = inside(repo, out, str(dep), remote=False)
        if written is not None and written != dep.hash_info.value:
            return SINCE, out.stage.addressing
    for out in stage.outs:
        if out.is_metric and not out.use_cache and (out.status() or not out.hash_info):
            return ODD, str(out)
    return None


def _with_all_after(names: Iterable[str], read_from: Mapping[str, set[str]]) -> set[str]:
    """The stages, and all that read from them, directly or not."""
    found = set(names)
    while True:
        more = {name for name, before in read_from.items() if name not in found and before & found}
        if not more:
            return found
        found |= more


def _ordered(read_from: Mapping[str, set[str]]) -> list[str]:
    """The stages, each after those that it reads from; as dvc.yaml has them where that leaves a choice."""
    ordered: list[str] = []
    waiting = list(read_from)
    while waiting:
        ready = next(name for name in waiting if read_from[name] <= set(ordered))
        waiting.remove(ready)
        ordered.append(ready)
    return ordered


def _has_other_params(stage: Any) -> bool:
    """Whether params.yaml has other values than the stage ran with, or no longer has them."""
    return any(dep.status() for dep in stage.params)


def _sentence(stale: tuple[str, ...], causes: Mapping[str, Cause]) -> str:
    """Why the stages do not stand, by the first of them that is a cause."""
    word, what = causes[next(name for name in stale if name in causes)]
    names, have = ", ".join(stale), "have" if len(stale) > 1 else "has"
    sentences: Mapping[str, Callable[[], str]] = {
        SINCE: lambda: f"{names} {have} not run through since {what} did",
        NEVER: lambda: f"{names} {have} not run through yet",
        ODD: lambda: f"{names} {have} not run through: {what} is not the file that dvc.lock records",
    }
    return f"{sentences[word]()}: dvc repro"
