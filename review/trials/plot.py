"""The plot of the trials: how the best score came about, and each searched key against the score."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from review.trials import study as studies
from review.trials.screen import shown
from review.trials.space import Dimension

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

COLUMNS = 3
DONE, PRUNED, BEST = "#1f6f8b", "#b0b0b0", "#d1495b"


def write(
    path: Path, trials: "Sequence[FrozenTrial]", space: Sequence[Dimension], *, objective: str, higher: bool
) -> bool:
    """A PNG of the trials that have a score, or had one when they were stopped; whether there were any."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    points = [(trial, score) for trial in trials if (score := reached(trial)) is not None]
    if not points:
        return False
    rows = 1 + -(-len(space) // COLUMNS)
    columns = min(COLUMNS, max(2, len(space)))
    figure = pyplot.figure(figsize=(4.2 * columns, 3.4 * rows), layout="constrained")
    places = figure.add_gridspec(rows, columns)
    history(figure.add_subplot(places[0, :]), points, objective, higher)
    for number, one in enumerate(space):
        axes = figure.add_subplot(places[1 + number // columns, number % columns])
        against(axes, points, one, objective, higher)
    figure.savefig(path, dpi=110, metadata={"Software": None})
    pyplot.close(figure)
    return True


def reached(trial: "FrozenTrial") -> float | None:
    """The score of a trial, or that of its last epoch."""
    if studies.SAME_AS in trial.user_attrs:
        return None
    if trial.state.name == "COMPLETE":
        return trial.value
    pruned = trial.state.name == "PRUNED" and trial.last_step is not None
    return trial.intermediate_values[trial.last_step] if pruned else None  # type: ignore[index]


def parts(points: "Sequence[tuple[FrozenTrial, float]]", higher: bool) -> list[tuple[str, list[Any], dict[str, Any]]]:
    """The points in three kinds, each with its look."""
    done = [point for point in points if point[0].state.name == "COMPLETE"]
    pruned = [point for point in points if point[0].state.name == "PRUNED"]
    best = sorted(done, key=lambda point: -point[1] if higher else point[1])[:1]
    return [
        ("pruned, in its last epoch", pruned, {"color": PRUNED, "marker": "x", "s": 36}),
        ("done", done, {"color": DONE, "marker": "o", "s": 30}),
        ("best", best, {"color": BEST, "marker": "*", "s": 170, "zorder": 3}),
    ]


def history(axes: Any, points: "Sequence[tuple[FrozenTrial, float]]", objective: str, higher: bool) -> None:
    """Score by trial, with the line of the best so far."""
    best, line = None, []
    for trial, score in points:
        if trial.state.name == "COMPLETE":
            best = score if best is None else (max if higher else min)(best, score)
        line.append(best)
    numbers = [trial.number for trial, _ in points]
    steps = [(number, value) for number, value in zip(numbers, line, strict=True) if value is not None]
    if steps:
        axes.step(*zip(*steps, strict=True), where="post", color=BEST, linewidth=1, label="best so far")
    for label, some, look in parts(points, higher):
        if some:
            axes.scatter([trial.number for trial, _ in some], [score for _, score in some], label=label, **look)
    axes.set(xlabel="trial", ylabel=f"{objective}, validation")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(loc="best", fontsize=8, frameon=False)
    axes.grid(alpha=0.25)


def against(
    axes: Any, points: "Sequence[tuple[FrozenTrial, float]]", one: Dimension, objective: str, higher: bool
) -> None:
    """Score by the value of one key: on a line, a logarithmic one, or by choice."""
    choices = None if one.given.choices is None else [json.dumps(choice) for choice in one.given.choices]
    for _, some, look in parts(points, higher):
        values = [trial.user_attrs[studies.VALUES][one.key] for trial, _ in some]
        across = [choices.index(json.dumps(value)) for value in values] if choices else values
        axes.scatter(across, [score for _, score in some], **look)
    if choices:
        axes.set_xticks(range(len(choices)), [shown(choice) for choice in one.given.choices or ()])
        axes.set_xlim(-0.5, len(choices) - 0.5)
    elif one.given.log:
        axes.set_xscale("log")
    axes.set(xlabel=one.key, ylabel=objective)
    axes.grid(alpha=0.25)
