"""What each plot of a review shows of one side. Axes, colours and classes come from the rows of both sides together."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Rows = list[dict[str, str]]

COLOURS = ("#3b82c4", "#e08a1e", "#3a9d5d", "#c8553d", "#8b6cc1", "#8a6d4b", "#c96aa0", "#7a7f87", "#a8a032", "#2aa5b0")
"""Legible on white and on black, and told apart by most colour-blind readers as far as the first four go."""
FAINT = "#8a8f98"
MOST_POINTS = 400
"""Of a curve or a scatter plot: more do not show."""
NUMBERS_UP_TO, NAMES_UP_TO = 12, 20
"""Classes: more have no numbers in the cells of the confusion matrix, and no names along its sides."""
LEGEND_UP_TO = 10
TRAINING = " (training)"
"""Ends the name of a series that is of the training samples; the one without it is of validation."""


@dataclass(frozen=True)
class Panel:
    """A plot: `draw(axes, own rows, rows of both sides)`; `path` is that of its data below metrics/plots."""

    name: str
    title: str
    path: str
    columns: tuple[str, ...]
    draw: Callable[[Any, Rows, Rows], None]
    note: str = ""
    plain: bool = True
    """Whether tick labels are numbers, for which there is always room."""


def _numbers(rows: Iterable[dict[str, str]], name: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([float(row[name] or "nan") for row in rows], dtype=np.float64)


def _names(rows: Rows, column: str) -> list[str]:
    return sorted({row[column] for row in rows})


def _colours(names: Sequence[str]) -> dict[str, str]:
    return {name: COLOURS[place % len(COLOURS)] for place, name in enumerate(names)}


def _thinned(rows: Rows) -> Rows:
    """At most `MOST_POINTS` of the rows, evenly, the last among them."""
    if len(rows) <= MOST_POINTS:
        return rows
    return [rows[place] for place in np.linspace(0, len(rows) - 1, MOST_POINTS).astype(int)]


def _limits(values: Any, zero: bool = False) -> tuple[float, float]:
    """A range with some room around all values; from 0 where wanted."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return 0.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    room = (high - low or abs(high) or 1.0) * 0.06
    return (0.0 if zero and low >= 0 else low - room), high + room


def series(x: str, y: str, x_label: str, y_label: str, *, zero: bool, legend: str) -> Callable[[Any, Rows, Rows], None]:
    """Lines by the column `series`; points where they are few. What is `(training)` of another series is dashed."""

    def draw(axes: Any, rows: Rows, both: Rows) -> None:
        names = _names(both, "series")
        colours = _colours([name for name in names if not name.endswith(TRAINING)])
        for name in names:
            own = [row for row in rows if row["series"] == name]
            colour = colours.get(name.removesuffix(TRAINING), FAINT)
            dashes = "--" if name.endswith(TRAINING) else "-"
            style = {"color": colour, "ls": dashes, "marker": "o", "markersize": 3.5, "lw": 1.6}
            if own:
                axes.plot(_numbers(own, x), _numbers(own, y), label=name, **style)
        axes.set(xlabel=x_label, ylabel=y_label, xlim=_limits(_numbers(both, x)), ylim=_limits(_numbers(both, y), zero))
        axes.xaxis.get_major_locator().set_params(integer=True)
        _grid(axes)
        _legend(axes, len(names), legend)

    return draw


def steps(axes: Any, rows: Rows, both: Rows) -> None:
    """Training loss by step."""
    axes.plot(_numbers(rows, "step"), _numbers(rows, "loss"), color=COLOURS[0], lw=1.1)
    limits = {"xlim": _limits(_numbers(both, "step")), "ylim": _limits(_numbers(both, "loss"), True)}
    axes.set(xlabel="step", ylabel="training loss", **limits)
    _grid(axes)


def confusion(axes: Any, rows: Rows, both: Rows) -> None:
    """Shares of each actual class, and the counts where there is room."""
    names = sorted({row[side] for row in both for side in ("actual", "predicted")})
    place = {name: number for number, name in enumerate(names)}
    counts = np.zeros((len(names), len(names)))
    for row in rows:
        counts[place[row["actual"]], place[row["predicted"]]] += 1
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for spine in axes.spines.values():
        spine.set_visible(False)
    for (actual, predicted), count in np.ndenumerate(counts if len(names) <= NUMBERS_UP_TO else np.zeros((0, 0))):
        colour = "white" if shares[actual, predicted] > 0.5 else "#223"
        axes.text(predicted, actual, f"{count:.0f}", ha="center", va="center", color=colour, fontsize=8)
    shown = names if len(names) <= NAMES_UP_TO else []
    short = [name if len(name) <= 12 else f"{name[:11]}…" for name in shown]
    turned = 90 if len(shown) > 6 or any(len(name) > 9 for name in short) else 0
    axes.set_xticks(range(len(shown)), short, rotation=turned)
    axes.set_yticks(range(len(shown)), short)
    axes.tick_params(length=0)
    axes.set(xlabel="predicted", ylabel="actual")


def curves(x: str, y: str, x_label: str, y_label: str, *, diagonal: bool) -> Callable[[Any, Rows, Rows], None]:
    """A curve a class in the unit square."""

    def draw(axes: Any, rows: Rows, both: Rows) -> None:
        if diagonal:
            axes.plot([0, 1], [0, 1], color=FAINT, lw=0.8, ls="--")
        colours = _colours(_names(both, "class"))
        for name, colour in colours.items():
            own = _thinned([row for row in rows if row["class"] == name])
            if own:
                axes.plot(_numbers(own, x), _numbers(own, y), color=colour, label=name, lw=1.5)
        axes.set(xlabel=x_label, ylabel=y_label, xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
        _grid(axes)
        _legend(axes, len(colours), "lower right" if diagonal else "lower left")

    return draw


def reliability(axes: Any, rows: Rows, both: Rows) -> None:
    """Accuracy by confidence; the larger a point, the more samples it stands for."""
    most = max(_numbers(both, "count"), default=1.0)
    axes.plot([0, 1], [0, 1], color=FAINT, lw=0.8, ls="--")
    confidences, accuracies = _numbers(rows, "confidence"), _numbers(rows, "accuracy")
    axes.plot(confidences, accuracies, color=COLOURS[0], lw=1.2)
    sizes = 12 + 110 * _numbers(rows, "count") / max(most, 1.0)
    axes.scatter(confidences, accuracies, s=sizes, color=COLOURS[0], alpha=0.75, lw=0)
    axes.set(xlabel="mean confidence in bin", ylabel="accuracy in bin", xlim=(-0.02, 1.04), ylim=(-0.02, 1.04))
    _grid(axes)


def scatter(x: str, y: str, x_label: str, y_label: str, *, identity: bool) -> Callable[[Any, Rows, Rows], None]:
    """A point a sample; the dashed line is where all of them should be."""

    def draw(axes: Any, rows: Rows, both: Rows) -> None:
        own = _thinned(rows)
        across, up = _limits(_numbers(both, x)), _limits(_numbers(both, y))
        if identity:
            across = up = (min(across[0], up[0]), max(across[1], up[1]))
        axes.plot(across, across if identity else (0, 0), color=FAINT, lw=0.8, ls="--")
        axes.scatter(_numbers(own, x), _numbers(own, y), s=9, color=COLOURS[0], alpha=0.45, lw=0)
        axes.set(xlabel=x_label, ylabel=y_label, xlim=across, ylim=up)
        _grid(axes)

    return draw


def _grid(axes: Any) -> None:
    axes.grid(True, color=FAINT, alpha=0.25, lw=0.5)
    axes.set_axisbelow(True)


def _legend(axes: Any, count: int, place: str) -> None:
    if 1 < count <= LEGEND_UP_TO:
        axes.legend(loc=place, fontsize=8, frameon=False, handlelength=1.4)


PANELS = (
    Panel(
        "loss",
        "Learning curves: loss",
        "finetune/loss.csv",
        ("epoch", "series", "loss"),
        series("epoch", "loss", "epoch", "loss", zero=True, legend="upper right"),
    ),
    Panel(
        "scores",
        "Learning curves: scores",
        "finetune/scores.csv",
        ("epoch", "series", "value"),
        series("epoch", "value", "epoch", "score", zero=False, legend="lower right"),
        "On validation; dashed: of the training batches, while they are trained on.",
    ),
    Panel("steps", "Training loss by step", "finetune/steps.csv", ("step", "loss"), steps),
    Panel(
        "confusion",
        "Confusion",
        "evaluate/confusion.csv",
        ("actual", "predicted"),
        confusion,
        "Test samples; the darker, the larger the share of the actual class.",
        plain=False,
    ),
    Panel(
        "roc",
        "ROC, one class against the rest",
        "evaluate/roc.csv",
        ("class", "fpr", "tpr"),
        curves("fpr", "tpr", "false positive rate", "true positive rate", diagonal=True),
    ),
    Panel(
        "precision-recall",
        "Precision and recall, one class against the rest",
        "evaluate/precision_recall.csv",
        ("class", "recall", "precision"),
        curves("recall", "precision", "recall", "precision", diagonal=False),
    ),
    Panel(
        "reliability",
        "Reliability",
        "evaluate/reliability.csv",
        ("confidence", "accuracy", "count"),
        reliability,
        "Dashed: perfectly calibrated; the larger a point, the more samples.",
    ),
    Panel(
        "values",
        "Predicted values",
        "evaluate/values.csv",
        ("gold", "predicted", "residual"),
        scatter("gold", "predicted", "gold", "predicted", identity=True),
        "Dashed: as gold.",
    ),
    Panel(
        "residuals",
        "Residuals, gold - predicted",
        "evaluate/values.csv",
        ("gold", "predicted", "residual"),
        scatter("predicted", "residual", "predicted", "residual", identity=False),
    ),
)
