"""The plots of a review: base and head side by side, on the same axes and in the same colours."""

import csv
import io
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from review.panels import PANELS, Panel, Rows
from review.sides import UnreadableError
from stages.core.errors import UserError

if TYPE_CHECKING:
    from review.sides import Side

FOLDER = "metrics/plots"
INCHES = (4.6, 3.4)
INK = "#5b5f66"
"""Of text and axes: legible on white and on black; in pages it becomes the colour of the text around."""
DOTS_AN_INCH = 110
SETTINGS = {"svg.fonttype": "none", "text.parse_math": False}
"""Names of classes are text, whatever is in them."""
SIDES = ("base", "head")
MARGINS = {
    1: {"left": 0.13, "right": 0.98, "bottom": 0.15, "top": 0.97},
    2: {"left": 0.07, "right": 0.99, "bottom": 0.15, "top": 0.84, "wspace": 0.17},
}
"""By the number of panels: where tick labels are numbers."""


@dataclass(frozen=True)
class Drawing:
    """A plot of both sides as SVG; a side without its data has none."""

    name: str
    title: str
    base: str | None
    head: str | None
    note: str = field(default="")


def drawings(base: "Side", head: "Side") -> list[Drawing]:
    """Every plot of which at least one side has the data, each side a picture of its own, for pages."""
    found = []
    for panel, rows in _wanted(base, head):
        drawn = {side: _svg(panel, rows, side) if rows[side] else None for side in SIDES}
        found.append(Drawing(panel.name, panel.title, drawn["base"], drawn["head"], panel.note))
    return found


def drawings_of(side: "Side") -> list[tuple[Panel, str]]:
    """Every plot that one side has the data of, as SVG: for a page about one run."""
    drawn = []
    for panel in PANELS:
        rows = read(side, panel)
        if rows:
            drawn.append((panel, _svg(panel, {"run": rows}, "run")))
    return drawn


def draw(base: "Side", head: "Side") -> dict[str, bytes]:
    """The same as PNG, both sides in one picture: file name -> content."""
    found = {}
    for panel, rows in _wanted(base, head):
        with _settings():
            figure = _figure(2, plain=panel.plain)
            figure.suptitle(panel.title, color=INK, fontsize=11)
            for side, title, axes in zip(SIDES, (base.title, head.title), figure.axes, strict=True):
                _draw(panel, rows, side, axes)
                axes.set_title(f"{side}: {title}", fontsize=9, color=INK)
            file = io.BytesIO()
            figure.savefig(file, format="png", dpi=DOTS_AN_INCH, facecolor="white", metadata={"Software": None})
        found[f"{panel.name}.png"] = file.getvalue()
    return found


def write(folder: Path, base: "Side", head: "Side") -> None:
    """The PNG files, in a folder; those of an earlier review are removed."""
    clear(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in draw(base, head).items():
        (folder / name).write_bytes(content)


def clear(folder: Path) -> None:
    """Remove the plots of an earlier review, and nothing else."""
    for panel in PANELS:
        (folder / f"{panel.name}.png").unlink(missing_ok=True)


@contextmanager
def _settings(salt: str = "") -> Iterator[None]:
    from matplotlib import rc_context

    with rc_context({**SETTINGS, "svg.hashsalt": salt}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # names of classes that no font here can write
        yield


def _wanted(base: "Side", head: "Side") -> list[tuple[Panel, dict[str, Rows]]]:
    """The plots that have something to show, with each side's rows."""
    found = []
    for panel in PANELS:
        rows = {name: read(side, panel) for name, side in zip(SIDES, (base, head), strict=True)}
        if any(rows.values()):
            found.append((panel, rows))
    return found


def read(side: "Side", panel: Panel) -> Rows:
    """The rows of a plot's CSV; none where it cannot be read here, or has other columns (of another time).

    Raises:
        UserError: it is no CSV.
    """
    path = f"{FOLDER}/{panel.path}"
    if not side.exists(path):
        return []
    try:
        rows = list(csv.DictReader(io.StringIO(side.read_bytes(path).decode("utf-8"), newline="")))
    except UnreadableError:
        return []
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path} of {side.title}: not CSV: {error}", "dvc repro makes it again") from None
    return rows if rows and set(panel.columns) <= rows[0].keys() else []


def _figure(panels: int, *, plain: bool) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(INCHES[0] * panels, INCHES[1]), layout=None if plain else "constrained")
    if plain:  # constrained layout takes as long as the rest
        figure.subplots_adjust(**MARGINS[panels])
    figure.patch.set_alpha(0)
    for number in range(panels):
        axes = figure.add_subplot(1, panels, number + 1)
        axes.patch.set_alpha(0)
        axes.tick_params(colors=INK, labelsize=8)
        for spine in axes.spines.values():
            spine.set_color(INK)
            spine.set_linewidth(0.6)
        for place in ("top", "right"):
            axes.spines[place].set_visible(False)
    return figure


def _draw(panel: Panel, rows: Mapping[str, Rows], side: str, axes: Any) -> None:
    """One side's panel; the rows of all sides are given, so that all have the same axes and colours."""
    if not rows[side]:
        axes.text(0.5, 0.5, "not recorded", ha="center", va="center", color=INK, transform=axes.transAxes)
        axes.set_axis_off()
        return
    panel.draw(axes, rows[side], [row for part in rows.values() for row in part])
    axes.xaxis.label.set(color=INK, size=9)
    axes.yaxis.label.set(color=INK, size=9)
    legend = axes.get_legend()
    for text in legend.get_texts() if legend else ():
        text.set_color(INK)


def _svg(panel: Panel, rows: Mapping[str, Rows], side: str) -> str:
    """The panel as an SVG element that takes colour and font from the page, and whose ids are its own."""
    with _settings(f"{panel.name}-{side}"):
        figure = _figure(1, plain=panel.plain)
        _draw(panel, rows, side, figure.axes[0])
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    return embedded(file.getvalue(), f"{panel.name}-{side}", f"{panel.title}, {side}")


def embedded(svg: str, prefix: str, label: str) -> str:
    """An SVG document as an element of a page."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(<svg[^>]*?) width="[\d.]+pt" height="[\d.]+pt"', r"\1", svg, count=1)
    svg = svg.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
    svg = re.sub(r'\bid="', f'id="{prefix}-', svg)
    svg = re.sub(r"url\(#", f"url(#{prefix}-", svg)
    svg = re.sub(r'href="#', f'href="#{prefix}-', svg)
    svg = re.sub(r"font:\s*([\d.]+)px[^;\"]*", r"font-size: \1px", svg)
    return svg.replace(INK, "currentColor").strip()
