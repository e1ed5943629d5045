"""Several trainings of one plan: a member for each fold that is left out, and for each seed.

An ordinary run has one member, which is trained on all samples.
"""

import gc
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from stages.core import report
from stages.modalities.inputs import value_statistics
from stages.tasks.task import Array, Task
from stages.training import finished
from stages.training.assemble import Plan, Ready, make_ready
from stages.training.batches import Encoded
from stages.training.checkpoints import Checkpoints
from stages.training.figures import tell
from stages.training.one import train_one
from stages.training.options import Options
from stages.training.predict import logits_of
from stages.training.processes import Team
from stages.training.progress import History, Learner
from stages.training.splits import Split, online

SCRATCH = Path("models/finished.partial")
"""Where members wait for each other if there are no checkpoints; a later run removes what a killed one left."""


@dataclass(frozen=True)
class Member:
    """A training: the fold that it leaves out, if any, and its seed."""

    fold: int | None
    seed: int

    @property
    def name(self) -> str:
        """Such as `fold0-seed42`, or `seed42`."""
        return f"seed{self.seed}" if self.fold is None else f"fold{self.fold}-seed{self.seed}"


def members_of(folds: Sequence[int], seeds: Sequence[int]) -> list[Member]:
    """A member for each fold (without folds: none is left out) and seed."""
    left_out: Sequence[int | None] = folds or [None]
    return [Member(fold, seed) for fold in left_out for seed in seeds]


@dataclass(frozen=True)
class Data:
    """What members are trained on and chosen by.

    Args:
        meta: content of data/encoded/meta.json.
        task_of: the task, from such content.
        steps: options of the augmentation of images while they are trained on.
    """

    train: Split
    validation: Split
    meta: Mapping[str, Any]
    task_of: Callable[[Mapping[str, Any]], Task]
    steps: Mapping[str, dict[str, Any]]

    def of(self, member: Member) -> Encoded:
        """What the member is trained on: all but the originals of its fold and what was derived from them."""
        rows = self.train.trained_on(member.fold)
        return self.train.inputs.part(rows, online(self.steps, self.meta, member.seed))

    def held_out(self, member: Member) -> Encoded:
        """The originals of the member's fold."""
        return self.train.inputs.part(self.train.held_out(member.fold))

    def told(self, member: Member) -> str:
        """On how many samples the member is trained, and how many it leaves out."""
        left_out = f", {len(self.held_out(member)):,} left out" if member.fold is not None else ""
        return f"{len(self.of(member)):,} samples{left_out}"

    def task(self, member: Member) -> Task:
        """The task as the member's own samples define it: the values of its fold do not count in their mean."""
        if member.fold is None or "train_values" not in self.meta:
            return self.task_of(self.meta)
        rows = self.train.trained_on(member.fold)
        values = self.train.inputs.labels[rows[self.train.originals[rows]]]
        return self.task_of({**self.meta, "train_values": value_statistics(values.tolist())})


@dataclass(frozen=True)
class Result:
    """What has become of a member: a folder with weights and config, its history, on how many samples it was trained,
    its numbers of weights.

    Of several members there are `outputs`: `held_out`, for the originals of the fold, and `validation`.
    """

    member: Member
    folder: Path
    history: History
    samples: int
    counts: Mapping[str, int]
    outputs: Mapping[str, Array]

    @property
    def best(self) -> dict[str, float]:
        """The row of its best epoch."""
        return self.history.epochs[self.history.best_epoch - 1]


@contextmanager
def trained(
    members: Sequence[Member],
    plan: Plan,
    data: Data,
    *,
    open_checkpoints: Callable[[Any], AbstractContextManager[Checkpoints | None]],
) -> Iterator[list[Result]]:
    """Train the members one after the other; one model at a time is in memory.

    Their folders are there within the context; of several processes the first alone has results. A member that had
    ended before the process was killed is not trained again; what is kept for that is removed when the context ends
    well.
    """
    several = len(members) > 1
    ready: Ready | None = _ready(plan, data, members[0])
    model = ready.learner.model if ready else None
    counts = plan.count(model)
    report.note(
        f"{plan.name}: {counts['trainable']:,} of {counts['total']:,} weights are trained, on {plan.device}{plan.team}"
    )
    with _scratch(plan.team) as scratch, open_checkpoints(model) as checkpoints:
        model = None
        results = []
        for number, member in enumerate(members, start=1):
            folder = (checkpoints.folder if checkpoints else scratch) / "finished" / member.name
            done = plan.team.once(partial(finished.there, folder))
            if several or done:
                before = ", trained before" if done else ""
                report.note(f"{member.name} ({number} of {len(members)}): {data.told(member)}{before}")
            if done:
                report.figures["went_on"] = True
            else:
                ready = ready or _ready(plan, data, member)
                own = checkpoints.of(member.name) if checkpoints and several else checkpoints
                _train(ready, data, member, plan.options, folder, own, several=several)
            ready = None
            gc.collect()  # hooks and closures of a model refer to it
            if not plan.team.leads:
                continue
            outputs, state = finished.read(folder)
            results.append(Result(member, folder / "model", History(**state), len(data.of(member)), counts, outputs))
        yield results
        if checkpoints:
            checkpoints.clear()


def _ready(plan: Plan, data: Data, member: Member) -> Ready:
    return make_ready(replace(plan, task=data.task(member)), data.of(member), member.seed)


def _train(
    ready: Ready,
    data: Data,
    member: Member,
    options: Options,
    folder: Path,
    checkpoints: Checkpoints | None,
    *,
    several: bool,
) -> None:
    """Train one member and keep what has become of it in `folder`."""
    train, start = data.of(member), time.perf_counter()
    live = f"dvclive/{member.name}" if several else "dvclive"
    history = train_one(
        ready, train, data.validation.inputs, options=options, seed=member.seed, checkpoints=checkpoints, live=live
    )
    seconds, seen = time.perf_counter() - start, len(history.epochs) * len(train)
    learner = ready.learner
    outputs = _outputs(learner, data, member, options) if several else {}
    if not learner.team.leads:
        return
    finished.keep(folder, ready.whole(), outputs, vars(history))
    if checkpoints and several:
        checkpoints.clear()
    tell(seconds, seen, ready.learner.device)


def _outputs(learner: Learner, data: Data, member: Member, options: Options) -> dict[str, Array]:
    """The predictions of a trained member."""
    asked = {"validation": data.validation.inputs}
    if member.fold is not None:
        asked["held_out"] = data.held_out(member)
    found = {}
    for name, inputs in asked.items():
        logits = logits_of(
            learner.model,
            inputs,
            batch_size=options.eval_batch_size,
            device=learner.device,
            precision=options.precision,
            team=learner.team,
        )
        found[name] = learner.objective.outputs(logits)
    return found


@contextmanager
def _scratch(team: Team) -> Iterator[Path]:
    """An empty folder that is gone afterwards; of several processes only the first has any use for it."""
    if not team.leads:
        yield SCRATCH
        return
    shutil.rmtree(SCRATCH, ignore_errors=True)
    try:
        yield SCRATCH
    finally:
        shutil.rmtree(SCRATCH, ignore_errors=True)
