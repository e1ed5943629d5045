"""What came of a search: all trials, their plot, what the best is worth, and how to take it up."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from review.trials import copies, plot, proposal, screen
from review.trials import study as studies
from review.trials.space import Dimension, overrides
from stages.core import report
from stages.core.params import PATH, Params

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

SHARES = ("accuracy", "macro_f1")
"""Scores of which a 95 % interval is about 1 / sqrt(samples) to both sides, or less."""


def show(study: "Study", params: Params, space: Sequence[Dimension], root: Path, *, higher: bool) -> None:
    """Tables, the plot, and the best values as a change of params.yaml with what to type next."""
    objective, home = params.search.objective, root / studies.HOME
    trials = studies.tried(study)
    keys = [one.key for one in space]
    report.table(
        f"Trials of search {study.study_name}",
        screen.header(keys, objective),
        [screen.row(trial, keys, None) for trial in trials],
    )
    picture = home / "trials.png"
    if plot.write(picture, trials, space, objective=objective, higher=higher):
        report.note(f"plot: {picture.relative_to(root)}")
    best = screen.best_of(study)
    if best is None:
        report.note("no trial has ended with a score yet")
        return
    scores = [float(trial.value) for trial in studies.counted(study) if trial.state.name == "COMPLETE"]  # type: ignore[arg-type]
    report.note(
        f"best: trial {best.number}, {objective} {best.value:.4f} on validation (median of all: {median(scores):.4f})"
    )
    for line in worth(len(studies.counted(study)), best.user_attrs.get(studies.SAMPLES), objective):
        report.note(line)
    propose(best, root, home / "best.patch")


def worth(trials: int, count: int | None, objective: str) -> list[str]:
    """What is to be believed of the best of so many trials on so many samples."""
    said = f"It is the best of {trials} trial{'s' * (trials > 1)} on the same {count} validation samples"
    lines = [f"{said}: chosen for its score, it will on average do worse on others."]
    if count and objective in SHARES:
        lines.append(
            f"A single {objective} on {count} samples is uncertain by about {1 / count**0.5:.3f} to either side; "
            "trials that differ by less may well be equals."
        )
    return lines


def propose(best: "FrozenTrial", root: Path, path: Path) -> None:
    """The change of params.yaml, printed and kept, and the commands that take it up."""
    values: dict[str, Any] = best.user_attrs[studies.VALUES]
    text = (root / PATH).read_text(encoding="utf-8")
    change = proposal.patch(text, values)
    if not change:
        path.unlink(missing_ok=True)
        report.note("These are the values that params.yaml has: nothing to change.")
        return
    path.write_text(change, encoding="utf-8")
    report.note("")
    report.note(change.rstrip("\n"))
    report.note("")
    report.note("To take it up; evaluate then has its one look at the test set:")
    name = best.user_attrs[studies.NAME]
    if copies.reference(root, copies.git(root, "rev-parse", "HEAD"), name):
        # Not `&&`: dvc exp apply ends with an error, since a trial has no outputs of evaluate.
        report.note(f"  dvc exp apply {name}; dvc repro    # with the weights of that trial")
    report.note(f"  git apply {path.relative_to(root)} && dvc repro    # trains them again, to the same weights")
    options = " ".join(f"-S {shlex.quote(one)}" for one in overrides(values))
    report.note(f"  dvc exp run {options}    # the same as an experiment")
