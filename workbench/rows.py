"""The workspace, commits and their experiments as rows: params, and the scores that were measured with these params."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ruamel.yaml.error import YAMLError

from review.git import ask
from review.locks import flatten, stages_of
from review.standing import standing
from stages.core.errors import UserError

FINETUNE, EVALUATE = "metrics/finetune.json", "metrics/evaluate.json"
WORKSPACE = "workspace"


@dataclass(frozen=True)
class Row:
    """The workspace, a commit or an experiment.

    Args:
        kind: workspace | commit | experiment.
        state: running | queued | failed | unreadable; empty where it is done.
        params: by dotted key; of files other than params.yaml by FILE:KEY.
        validation, test: scores by metric; none where they were not measured with these params.
        why: of what is unreadable.
    """

    kind: str
    name: str
    commit: str = ""
    state: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    validation: Mapping[str, float] = field(default_factory=dict)
    test: Mapping[str, float] = field(default_factory=dict)
    why: str = ""


@dataclass(frozen=True)
class Collected:
    """The rows, how many older experiments of the same commits there are, and how many of other commits."""

    rows: list[Row]
    older: int
    elsewhere: int


def collect(root: Path, revision: str, commits: int, newest: int | None) -> Collected:
    """The workspace, then each commit with its experiments: those that run, are done, wait and failed.

    Args:
        root: a folder in the repository.
        revision: the last of the commits.
        commits: how many there are to be.
        newest: so many of the experiments that are done, the newest; None: all.

    Raises:
        UserError: no DVC and Git repository, no commit, no such revision, or DVC cannot tell.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo
    from dvc.repo.experiments import collect as by_dvc

    baselines = _baselines(root, revision, commits)
    done = _done(root, baselines)
    kept = done[:newest]
    try:
        with Repo(str(root)) as repo:
            inputs = _inputs(repo)
            rows = [_workspace(by_dvc.collect_rev(repo, WORKSPACE), Path(repo.root_dir))]
            running, queued, failed = (
                find(repo, list(baselines))
                for find in (by_dvc.collect_active, by_dvc.collect_queued, by_dvc.collect_failed)
            )
            for commit, name in baselines.items():
                committed = _row("commit", by_dvc.collect_rev(repo, commit), name, "", inputs)
                rows.append(_without_old_scores(committed, ask(root, "show", f"{commit}:dvc.lock") or ""))
                rows += _not_done(running.get(commit, []))
                for experiment in kept:
                    if experiment.commit == commit:
                        state = by_dvc.collect_rev(repo, experiment.revision)
                        rows.append(_row("experiment", state, experiment.name, "", inputs))
                rows += _not_done([*queued.get(commit, []), *failed.get(commit, [])])
    except DvcException as error:
        hint = "cd to the folder that holds dvc.yaml; dvc exp show says more"
        raise UserError(f"DVC cannot tell of experiments: {' '.join(str(error).split())}", hint) from None
    return Collected(rows, len(done) - len(kept), len(_done(root)) - len(done))


def _baselines(root: Path, revision: str, commits: int) -> dict[str, str]:
    """The commits, the last one first, and what to call each."""
    if ask(root, "rev-parse", "--git-dir") is None:
        raise UserError("this folder is in no Git repository", "cd to the folder that holds dvc.yaml")
    if ask(root, "rev-parse", "--verify", "--quiet", "HEAD") is None:
        raise UserError("there is no commit yet, and experiments belong to one", "git add --all && git commit")
    found = ask(root, "rev-list", "--first-parent", f"--max-count={commits}", "--end-of-options", revision, "--")
    if not found:
        raise UserError(f"{revision}: no commit has this name", "git log --oneline, git branch --all")
    called = {commit: commit[:7] for commit in found.split()}
    branch = ask(root, "symbolic-ref", "--short", "--quiet", "HEAD") if revision == "HEAD" else revision
    return called | ({next(iter(called)): branch} if branch else {})


@dataclass(frozen=True)
class _Done:
    """An experiment that Git has: of which commit it is, its own revision and its name."""

    commit: str
    revision: str
    name: str


def _done(root: Path, commits: Iterable[str] | None = None) -> list[_Done]:
    """The experiments of some commits, or of all, the newest first."""
    folders = ["refs/exps/??/*/*"] if commits is None else [f"refs/exps/{one[:2]}/{one[2:]}" for one in commits]
    form = "--format=%(objectname) %(refname)"
    found = []
    for line in (ask(root, "for-each-ref", "--sort=-committerdate", form, *folders) or "").splitlines():
        revision, reference = line.split(" ", 1)
        _, _, first, rest, name = reference.split("/", 4)  # refs/exps/AB/CDEF.../NAME
        found.append(_Done(first + rest, revision, name))
    return found


def _inputs(repo: Any) -> dict[str, list[str]]:
    """By metrics file: what its stage reads. Empty where the workspace's dvc.yaml cannot be read."""
    from dvc.exceptions import DvcException

    try:
        return {str(out): [str(dep) for dep in out.stage.deps] for out in repo.index.metrics}
    except DvcException:
        return {}


def _workspace(state: Any, root: Path) -> Row:
    """The workspace, without scores that its params.yaml or dvc.lock has left behind."""
    line = standing(root)
    row = _row(WORKSPACE, state, WORKSPACE, "", {})
    known = {} if line is None else {"finetune": row.validation, "evaluate": row.test}
    current = {stage: scores for stage, scores in known.items() if line and stage not in line.behind}
    return Row(
        WORKSPACE,
        WORKSPACE,
        state=row.state,
        params=row.params,
        validation=current.get("finetune", {}),
        test=current.get("evaluate", {}),
        why=row.why,
    )


def _without_old_scores(row: Row, lock: str) -> Row:
    """The row of a commit without scores that were measured with other params than it has: nobody ran it since."""
    try:
        stages = stages_of(lock.encode()) if lock else {}
    except (YAMLError, KeyError, TypeError, AttributeError):
        return row  # merged with marks left in it: `make agreement` tells of that
    changed = {
        name
        for name, stage in stages.items()
        if any(row.params.get(key) != value for key, value in stage.params.items())
    }
    validation = row.validation if changed <= {"evaluate"} else {}
    return replace(row, validation=validation, test={} if changed else row.test)


def _not_done(groups: Iterable[Any]) -> list[Row]:
    """Experiments that run, wait or failed, as DVC has them."""
    return [
        _row("experiment", group.revs[0], group.name or group.revs[0].name or group.revs[0].rev[:7], state, {})
        for group in groups
        if (state := group.executor.state if group.executor else "running") != "success"
    ]


def _row(kind: str, state: Any, name: str, running: str, inputs: Mapping[str, Sequence[str]]) -> Row:
    """What DVC has of a revision; of one that is not done, no scores: they would be those of its commit."""
    data = state.data
    if data is None:
        why = " ".join(state.error.msg.split()) if state.error else "DVC has nothing of it"
        return Row(kind, name, state.rev, running or "unreadable", why=why)
    broken = {path: entry["error"] for path, entry in data.params.items() if "error" in entry}
    why = "; ".join(f"{path}: {' '.join(str(error).split())}" for path, error in broken.items())
    params = {
        key if path == "params.yaml" else f"{path}:{key}": value
        for path, entry in data.params.items()
        for key, value in _flat(entry).items()
    }
    validation, test = (
        {} if running or _read_another_input(data, inputs.get(path, ())) else data.metrics.get(path, {}).get("data")
        for path in (FINETUNE, EVALUATE)
    )
    of_validation = _block(validation, "mean") or _block(validation, "validation")  # of several folds or seeds: mean
    state_word = running or ("unreadable" if why else "")
    return Row(kind, name, state.rev, state_word, params, of_validation, _numbers(test), why)


def _flat(entry: Mapping[str, Any]) -> dict[str, Any]:
    content = entry.get("data")
    return flatten(content) if isinstance(content, Mapping) and content else {}


def _read_another_input(data: Any, inputs: Sequence[str]) -> bool:
    """Whether a stage last read another state of an output than the revision has: it has not run since."""
    both = [(data.deps[path].hash, data.outs[path].hash) for path in inputs if path in data.deps and path in data.outs]
    return any(read != written for read, written in both)


def _block(content: Any, name: str) -> dict[str, float]:
    return _numbers(content.get(name)) if isinstance(content, Mapping) else {}


def _numbers(content: Any) -> dict[str, float]:
    """The numbers of a mapping, by name."""
    items = content.items() if isinstance(content, Mapping) else ()
    return {str(name): float(value) for name, value in items if type(value) in (int, float)}
