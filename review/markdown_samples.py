"""Samples that changed, and slices, as Markdown."""

from collections.abc import Mapping, Sequence
from typing import Any

from review.escape import code, folded, plain, table
from review.markdown_scores import SIGNS, difference, told
from review.slices import TOO_FEW
from review.statistics import BETTER, NOTHING, WORSE
from review.verdict import called, short

Section = Mapping[str, Any]


def flip_lines(flips: Section, rows: int) -> list[str]:
    """How many samples changed sides, by class, and which; of values, whose error grew and shrank."""
    lines = _values(flips, rows) if flips["task"] == "regression" else _classes(flips, rows)
    return ["### Samples that changed", "", *lines]


def _classes(flips: Section, rows: int) -> list[str]:
    worse, better = flips["right_to_wrong"], flips["wrong_to_right"]
    text = f"**{worse['count']}** right → wrong, **{better['count']}** wrong → right; "
    lines = [f"{text}{flips['still_right']} stay right, {flips['still_wrong']} stay wrong.", ""]
    changed = [row for row in flips["classes"] if row["right_to_wrong"] or row["wrong_to_right"]]
    counts = ("samples", "right_to_wrong", "wrong_to_right")
    body = [[code(row["label"]), *(str(row[key]) for key in counts)] for row in changed]
    header = ["class", "test samples", "right → wrong", "wrong → right"]
    lines += folded("By class", table(header, body, limit=rows, right=[1, 2, 3]))
    for title, part, sure in (
        ("Right → wrong", worse, "confidence_head"),
        ("Wrong → right", better, "confidence_base"),
    ):
        header = ["sample", "gold", "base", "head", "confidence when wrong", _content(flips)]
        body = [
            [*(code(row[name]) for name in ("name", "gold", "base", "head")), f"{row[sure]:.2f}", code(row["text"])]
            for row in part["rows"][:rows]
        ]
        lines += _listed(title, part["count"], "the most confident first", header, body, right=[4])
    return lines


def _values(flips: Section, rows: int) -> list[str]:
    grew, shrank = flips["grew"], flips["shrank"]
    lines = [f"The error grew on **{grew['count']}** of {flips['samples']}, and shrank on **{shrank['count']}**.", ""]
    for title, part in (("Error grew", grew), ("Error shrank", shrank)):
        header = ["sample", "gold", "base", "head", "change of the error", _content(flips)]
        body = [
            [code(row["name"]), *(told(row[key]) for key in ("gold", "base", "head", "change")), code(row["text"])]
            for row in part["rows"][:rows]
        ]
        lines += _listed(title, part["count"], "the largest change first", header, body, right=[1, 2, 3, 4])
    return lines


def _content(flips: Section) -> str:
    return "text" if flips["modality"] == "text" else "path"


def _listed(
    title: str, count: int, order: str, header: Sequence[str], body: list[list[str]], *, right: Sequence[int]
) -> list[str]:
    text = f"{title}: {count}" if len(body) == count else f"{title}: {len(body)} of {count}, {order}"
    return folded(text, table(header, body, limit=len(body), right=right))


def slice_lines(slices: Section, rows: int) -> list[str]:
    """A table of the slices, the worst first."""
    kinds = [row["finding"] for row in slices["rows"]]
    judged = len(kinds) - kinds.count(TOO_FEW)
    found = [f"{kinds.count(kind)} {kind}" for kind in (WORSE, BETTER) if kind in kinds]
    header = ["slice", "", "samples", "base", "head", "difference", "interval", "p", "finding"]
    body = [_slice(row) for row in slices["rows"]]
    text = f"{called(slices['metric'])}, the worst first. p: corrected for {judged} slices (Holm). Slices of fewer "
    text += f"than {slices['min_slice']} samples are not judged."
    lines = folded(
        f"{len(body)} slices by {called(slices['metric'])}: {', '.join(found) or NOTHING}",
        [text[0].upper() + text[1:], "", *table(header, body, limit=rows, right=range(2, 8))],
    )
    return ["### Slices", "", *lines] if body else []


def _slice(row: Section) -> list[str]:
    values = [short(row[side], row) for side in ("base", "head")]
    return [plain(row["by"]), code(row["value"]), str(row["samples"]), *values, *difference(row), SIGNS[row["finding"]]]
