"""The review as Markdown, for a comment on a pull request: what decides first, what explains it folded."""

from collections.abc import Callable, Mapping
from typing import Any

from review.escape import plain, plain_lines
from review.forge import MARKER
from review.markdown_data import data_lines
from review.markdown_run import cost_lines, params_lines, provenance_lines
from review.markdown_samples import flip_lines, slice_lines
from review.markdown_scores import gate_lines, metric_lines
from review.withheld import WITHHELD, without_contents

LONGEST = 60_000
"""Characters; GitHub takes 65,536 in a comment, and plots may be added below."""
ROWS = (20, 10, 5, 2, 0)
"""Rows of a list, until the whole is short enough."""


def markdown(review: Mapping[str, Any]) -> str:
    """The review in at most `LONGEST` characters: lists are cut, and say how many rows are left out."""
    text = ""
    for rows in ROWS:
        text = "\n".join(_lines(review, rows)).rstrip() + "\n"
        if len(text) <= LONGEST:
            return text
    kept = text[: text.rindex("\n", 0, LONGEST)]
    ends = "</details>\n" * (kept.count("<details>") - kept.count("</details>"))
    return f"{kept}\n{ends}\nCut here; the JSON file has the rest.\n"


def failure(what: str, hint: str) -> str:
    """What stands in place of a review that could not be made."""
    lines = [MARKER, "## Review: the two sides could not be compared", "", plain_lines(what), ""]
    return "\n".join(lines + ([f"**Next:** {plain_lines(hint)}", ""] if hint else []))


def _lines(review: Mapping[str, Any], rows: int) -> list[str]:
    base, head = (plain(review["sides"][name]["title"]) for name in ("base", "head"))
    lines = [MARKER, f"## Review: {base} → {head}", "", f"**{plain_lines(review['verdict']['text'])}**", ""]
    lines += [plain_lines(review["changed"]), ""]
    for note in review["notes"]:
        lines += [f"> ⚠️ {plain_lines(note)}", ""]
    parts: dict[str, Callable[[Any, int], list[str]]] = {
        "gates": gate_lines,
        "metrics": metric_lines,
        "flips": flip_lines,
        "slices": slice_lines,
        "data": data_lines,
        "params": params_lines,
        "cost": cost_lines,
        "provenance": provenance_lines,
    }
    if not review["quote_samples"] and review["flips"] is not None:
        review = {**review, **without_contents(review)}
        lines += [f"<sub>{WITHHELD}</sub>", ""]
    shown = {name: part for name, part in parts.items() if review[name] is not None}
    return lines + [line for name, part in shown.items() for line in part(review[name], rows)]
