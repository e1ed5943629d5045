"""The loop of a search: ask for values, run them as an experiment, stop what falls behind, keep the score."""

import json
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from review.trials import copies, process
from review.trials import study as studies
from review.trials.space import Dimension, grid
from stages.core import report
from stages.core.errors import UserError
from stages.core.search_block import Search

if TYPE_CHECKING:
    from optuna import Study, Trial

REPEATS = 20
"""So many proposals in a row that were tried before: the space is used up."""
FAILURES = 3
"""So many trials in a row that fail: it is not for their values."""
CHECKPOINTS = Path(".groundwork/checkpoints")


@dataclass
class Running:
    """A trial at work; `epochs`: how many it trains, once it has told."""

    trial: "Trial"
    values: dict[str, Any]
    process: process.Process
    epoch: int = 0
    epochs: int | None = None
    checkpoints: list[str] = field(default_factory=list)


@dataclass
class Loop:
    """A search at work.

    Args:
        epochs: of a trial that does not change them.
        environments: what the trials of each worker see besides.
        show: called whenever something may have changed, with the running trials by number.
    """

    study: "Study"
    search: Search
    space: Sequence[Dimension]
    taken: copies.Snapshot
    folder: Path
    epochs: int
    environments: Sequence[Mapping[str, str]]
    show: Callable[[Mapping[int, Running]], None]
    wait_s: float = 0.2
    running: dict[int, Running] = field(default_factory=dict)
    _ready: set[int] = field(default_factory=set)
    _failed: int = 0
    _used_up: bool = False
    _begun: float = field(default_factory=time.monotonic)

    def run(self) -> None:
        """Until all trials have ended; what runs when it is interrupted is stopped, and put back.

        Raises:
            UserError: three trials in a row failed.
        """
        try:
            while self.fill():
                self.show(self.by_number())
                time.sleep(self.wait_s)
                self.look()
                self.show(self.by_number())
        finally:
            for worker in list(self.running):
                one = self.running.pop(worker)
                one.process.stop()
                studies.put_back(self.study, one.trial.number, one.trial.params)

    def by_number(self) -> dict[int, Running]:
        """The running trials."""
        return {one.trial.number: one for one in self.running.values()}

    def fill(self) -> bool:
        """Give free workers something to do; whether anything runs."""
        for worker in range(len(self.environments)):
            if worker in self.running:
                continue
            asked = self.ask()
            if asked is None:
                break
            self.begin(worker, *asked)
        return bool(self.running)

    def over(self) -> bool:
        """Whether no further trial is to begin."""
        late = self.search.timeout_s is not None and time.monotonic() - self._begun > self.search.timeout_s
        return late or self._used_up or len(studies.counted(self.study)) >= self.search.trials

    def ask(self) -> "tuple[Trial, dict[str, Any]] | None":
        """The next trial that has to be run."""
        repeats = 0
        while not self.over():
            if self.search.sampler == "grid" and not self.enqueue_from_grid():
                return None
            trial, values = self.draw()
            same = studies.known(self.study, values, trial.number)
            if same is None:
                return trial, values
            self.repeat(trial, same)
            repeats += 1
            self._used_up = repeats >= REPEATS
        return None

    def draw(self) -> "tuple[Trial, dict[str, Any]]":
        """A trial with values from the queue or the sampler."""
        self.study.sampler = studies.sampler_of(
            self.search.sampler,
            seed=self.search.seed,
            number=len(self.study.trials),
            startup_trials=self.search.startup_trials,
        )
        trial = self.study.ask({one.key: one.distribution() for one in self.space})
        values = {one.key: one.value(trial.params[one.key]) for one in self.space}
        trial.set_user_attr(studies.VALUES, values)
        return trial, values

    def repeat(self, trial: "Trial", same: Any) -> None:
        """Give a trial what another one of the same values has, or will have."""
        from optuna.trial import TrialState

        trial.set_user_attr(studies.SAME_AS, same.number)
        if same.state == TrialState.COMPLETE:
            self.study.tell(trial, same.value)
        else:
            self.study.tell(trial, state=TrialState.PRUNED if same.state == TrialState.PRUNED else TrialState.FAIL)

    def enqueue_from_grid(self) -> bool:
        """Put the next combination of a grid into the queue, unless one waits there; whether there is any."""
        from optuna.trial import TrialState

        if self.study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
            return True
        taken = [trial.user_attrs.get(studies.VALUES) for trial in studies.tried(self.study)]
        left = next((values for values in grid(list(self.space)) if values not in taken), None)
        if left is None:
            return False
        self.study.enqueue_trial(studies.raw_values(self.space, left))
        return True

    def begin(self, worker: int, trial: "Trial", values: dict[str, Any]) -> None:
        """Run a trial in the worker's copy of the repository."""
        name = f"search-{self.study.study_name}-{trial.number:03d}"
        copy = self.folder / f"worker-{worker + 1}"
        if worker not in self._ready:
            copies.make(copy, self.taken)
            self._ready.add(worker)
        begun = process.begin(name, values, copy=copy, home=self.folder / "told", environment=self.environments[worker])
        trial.set_user_attr(studies.NAME, name)
        trial.set_user_attr(studies.PID, begun.popen.pid)
        self.running[worker] = Running(trial, values, begun)

    def look(self) -> None:
        """Read what the running trials tell; end those that fall behind, and those that have ended."""
        for worker, one in list(self.running.items()):
            ended = one.process.popen.poll() is not None  # asked first: then all its rows are there
            behind = [self.hear(one, row) for row in one.process.rows()]
            if ended:
                self.end(worker, one)
            elif any(behind):
                self.prune(worker, one)

    def hear(self, one: Running, row: Mapping[str, Any]) -> bool:
        """Take in what a trial told; whether it falls behind.

        A fold or a seed after the first counts its epochs from 1 again: pruning compares the first ones.
        """
        if "checkpoints" in row:
            one.checkpoints.append(row["checkpoints"])
        one.epochs = row.get("epochs", one.epochs)
        epoch = int(row.get("epoch", 0))
        if epoch <= one.epoch or self.search.objective not in row:
            return False
        one.epoch = epoch
        one.trial.report(row[self.search.objective], epoch)
        last = one.epochs or one.values.get("epochs", self.epochs)
        return epoch < last and one.trial.should_prune()

    def prune(self, worker: int, one: Running) -> None:
        """Stop a trial; it leaves no experiment."""
        from optuna.trial import TrialState

        one.process.stop()
        self._ready.discard(worker)  # the next trial gets a fresh copy
        self.finish(worker, one)
        self.study.tell(one.trial, state=TrialState.PRUNED)
        self._failed = 0

    def end(self, worker: int, one: Running) -> None:
        """Keep the score of a trial that has ended."""
        from optuna.trial import TrialState

        self.finish(worker, one)
        try:
            score = self.score(worker, one)
        except UserError as error:
            self._ready.discard(worker)
            self.study.tell(one.trial, state=TrialState.FAIL)
            report.note(f"trial {one.trial.number} failed: {error}")
            self._failed += 1
            if self._failed >= FAILURES:
                raise UserError(
                    f"{FAILURES} trials in a row failed, the last one: {error}", f"see {one.process.log}"
                ) from None
            return
        self.study.tell(one.trial, score)
        self._failed = 0

    def score(self, worker: int, one: Running) -> float:
        """The validation score of a trial's experiment, which the repository then knows.

        Raises:
            UserError: it failed, or has no such score.
        """
        if one.process.popen.returncode:
            raise UserError(one.process.why())
        if not copies.bring(self.taken, self.folder / f"worker-{worker + 1}", one.process.name):
            raise UserError("dvc exp run left no experiment")
        metrics = json.loads(copies.read(self.taken.root, self.taken.head, one.process.name, "metrics/finetune.json"))
        scores = metrics.get("mean", metrics["validation"])  # of several folds or seeds
        found = scores.get(self.search.objective)
        if found is None:
            raise UserError(f"metrics/finetune.json has no validation.{self.search.objective}")
        one.trial.set_user_attr(studies.SAMPLES, metrics.get("samples", {}).get("validation"))
        return float(found)

    def finish(self, worker: int, one: Running) -> None:
        """A trial is over: nothing of it stays but what Git and DVC keep."""
        del self.running[worker]
        one.trial.set_user_attr(studies.SECONDS, round(one.process.seconds(), 1))
        for fingerprint in one.checkpoints:
            for path in (self.taken.root / CHECKPOINTS).glob(f"{fingerprint}*"):
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
