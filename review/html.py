"""The review as one HTML page that needs nothing else: no script, no request, light and dark, wide and narrow."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from review.inline import inlined
from review.plots import drawings
from review.statistics import BETTER, WORSE
from review.verdict import called, short, signed
from review.words import edits

if TYPE_CHECKING:
    from review.sides import Side

TEMPLATES = Path(__file__).parent / "templates"
SHOWN_CHARACTERS = 400
WIDTH, HEIGHT = 132, 18
"""Of an interval's picture, in pixels."""


def page(review: Mapping[str, Any], base: "Side", head: "Side") -> str:
    """The page: all that the review says, with plots, and the images and sounds of samples that flipped."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "called": called,
        "clipped": clipped,
        "edits": lambda before, after: edits(before or "", after or ""),
        "count": lambda value: "–" if value is None else f"{value:,}",
        "number": number,
        "p": p_value,
        "percent": lambda value: "–" if value is None else f"{100 * value:.1f} %",
        "plain": plain,
        "short": lambda value, row: "–" if value is None else short(value, row),
        "signed": lambda value, row: "–" if value is None else signed(value, row),
    }
    flips = review["flips"] or {}
    ids = [row["id"] for part in flips.values() if isinstance(part, dict) for row in part["rows"]]
    return environment.get_template("review.html").render(
        **review,
        css=Markup((TEMPLATES / "review.css").read_text(encoding="utf-8")),
        drawings=[
            {"title": one.title, "note": one.note, "base": _svg(one.base), "head": _svg(one.head)}
            for one in drawings(base, head)
        ],
        inlined=inlined(head, ids, str(flips.get("modality", "text"))),
        interval=interval,
        better=BETTER,
        worse=WORSE,
        changed_stages=[row for row in review["data"]["stages"] if row["base"] != row["head"]],
    )


def _svg(svg: str | None) -> Markup | None:
    """matplotlib has escaped what the data says in it."""
    return None if svg is None else Markup(svg)


def interval(row: Mapping[str, Any]) -> Markup:
    """A difference and its interval on a scale of the row's own, with a line at zero."""
    if row["low"] is None or row["high"] is None:
        return Markup("")
    most = max(abs(row["low"]), abs(row["high"]), abs(row["difference"])) or 1.0

    def place(value: float) -> float:
        return WIDTH / 2 + value / most * (WIDTH / 2 - 6)

    kind = {BETTER: "better", WORSE: "worse"}.get(row["finding"], "open")
    middle = HEIGHT / 2
    return Markup(
        f'<svg class="interval {kind}" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'role="img" aria-label="interval from {row["low"]:.4g} to {row["high"]:.4g}">'
        f'<line class="zero" x1="{WIDTH / 2}" x2="{WIDTH / 2}" y1="1" y2="{HEIGHT - 1}"/>'
        f'<line class="span" x1="{place(row["low"]):.1f}" x2="{place(row["high"]):.1f}" y1="{middle}" y2="{middle}"/>'
        f'<circle cx="{place(row["difference"]):.1f}" cy="{middle}" r="3.5"/></svg>'
    )


def clipped(text: Any) -> str:
    """A sample's text, cut where it is long."""
    shown = "" if text is None else str(text)
    return shown if len(shown) <= SHOWN_CHARACTERS else f"{shown[: SHOWN_CHARACTERS - 1]}…"


def number(value: Any) -> str:
    """A number with at most five digits that count; sizes with commas; text as it is."""
    if value is None:
        return "–"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= 10_000 or isinstance(value, int) else f"{value:.5g}"


def p_value(value: float | None) -> str:
    """A p-value."""
    return "–" if value is None else "< 0.001" if value < 0.001 else f"{value:.3f}"


def plain(value: Any) -> str:
    """A value of params.yaml, as YAML would have it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
