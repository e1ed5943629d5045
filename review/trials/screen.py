"""The table of trials: live in a terminal while they run, a line a trial elsewhere, whole at the end."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from review.trials import study as studies
from review.trials.loop import Running
from stages.core import report

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

SHOWN = 20
"""Trials in the live table: the last ones."""
WORDS = {"COMPLETE": "done", "PRUNED": "pruned", "FAIL": "failed", "RUNNING": "running"}


class Screen:
    """What a person sees of a running search; a context manager."""

    def __init__(self, study: "Study", *, objective: str, keys: Sequence[str], trials: int) -> None:
        self._study, self._objective, self._keys, self._trials = study, objective, keys, trials
        self._live = Live(console=report.console, auto_refresh=False) if report.console.is_terminal else None
        self._told = {trial.number for trial in studies.tried(study)}

    def __enter__(self) -> "Screen":
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def show(self, running: Mapping[int, Running]) -> None:
        """Bring it up to date."""
        trials = studies.tried(self._study)
        if self._live:
            self._live.update(self.table(trials[-SHOWN:], running), refresh=True)
            return
        for trial in trials:
            if trial.number not in self._told and trial.number not in running and trial.state.is_finished():
                self._told.add(trial.number)
                report.note(" ".join(one for one in row(trial, self._keys, None) if one))

    def table(self, trials: "Sequence[FrozenTrial]", running: Mapping[int, Running]) -> Table:
        """The trials as a table, the best one marked."""
        best = best_of(self._study)
        grid = Table(box=SIMPLE_HEAD, pad_edge=False, title=self.title(best), title_justify="left", title_style="bold")
        for name in header(self._keys, self._objective):
            grid.add_column(name, justify="left" if name == "state" else "right", overflow="fold")
        for trial in trials:
            style = "bold green" if best and trial.number == best.number else ""
            cells = row(trial, self._keys, running.get(trial.number))
            grid.add_row(*map(escape, cells), style=style)
        return grid

    def title(self, best: "FrozenTrial | None") -> str:
        """How far it is."""
        done = len([trial for trial in studies.counted(self._study) if trial.state.is_finished()])
        told = f", best {self._objective} so far: {best.value:.4f} (trial {best.number})" if best else ""
        return f"{done} of {self._trials} trials{told}"


def header(keys: Sequence[str], objective: str) -> list[str]:
    """The columns: keys by their last part where that tells them apart."""
    short = [key.rpartition(".")[2] for key in keys]
    names = short if len(set(short)) == len(short) else list(keys)
    return ["trial", "state", *names, objective, "seconds"]


def row(trial: "FrozenTrial", keys: Sequence[str], running: Running | None) -> list[str]:
    """A trial's cells."""
    attributes = trial.user_attrs
    values = attributes.get(studies.VALUES, {})
    state = WORDS.get(trial.state.name, trial.state.name.lower())
    if studies.SAME_AS in attributes:
        state = f"as trial {attributes[studies.SAME_AS]}"
    seconds = running.process.seconds() if running else attributes.get(studies.SECONDS)
    return [
        str(trial.number),
        state,
        *(shown(values[key]) if key in values else "" for key in keys),
        score_of(trial),
        "" if seconds is None else f"{seconds:.0f}",
    ]


def score_of(trial: "FrozenTrial") -> str:
    """The score, or the last epoch's."""
    if trial.state.name == "COMPLETE" and trial.value is not None:
        return f"{trial.value:.4f}"
    last = trial.last_step
    return "" if last is None else f"{trial.intermediate_values[last]:.4f} in epoch {last}"


def shown(value: Any) -> str:
    """A value in a cell."""
    return f"{value:g}" if type(value) is float else str(value)


def best_of(study: "Study") -> "FrozenTrial | None":
    """The trial with the best score: the first of equals."""
    from optuna.study import StudyDirection

    done = [trial for trial in studies.tried(study) if trial.state.name == "COMPLETE" and trial.value is not None]
    sign = -1 if study.direction == StudyDirection.MAXIMIZE else 1
    return min(done, key=lambda trial: (sign * float(trial.value or 0.0), trial.number), default=None)
