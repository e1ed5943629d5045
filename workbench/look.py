"""`python -m workbench.look WHAT`, or `make look WHAT=…`: samples to look at, in the terminal or on a sheet.

WHAT: rejected (by validate), dropped (by clean), derived (by augment), mistakes (of the model, on test samples), or a
class. Counts of all come first, then the first few with what they hold.
"""

import argparse
import sys
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from rich.text import Text

from review.sides import WORKSPACE, NoOutputs, Side
from stages.core import report
from stages.core.errors import UserError
from stages.core.samples import SPLITS
from workbench.media import Inliner
from workbench.render import render, write_page
from workbench.selection import CLASS_PREFIX, KINDS, select
from workbench.shown import Selection, Shown, modality_of

MODULE = "python -m workbench.look"
LIMIT = 20
COUNTED = 15
"""Reason codes, classes or pairs of classes whose counts are shown."""
LONGEST_NAME = 24
"""Characters of what a sample is called; longer names are cut."""
SHORT_NAME = 14
"""Characters of a class and of a reason code; longer names are cut."""
WHOLE_DERIVED = 160
"""Characters of a derived text and of its original, which stand broken into lines."""
EMPTY = "(empty)"
TURNS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""Characters that turn the direction of all text after them."""
LEAST_CONTENT = 16
"""Columns that are left for the text, however narrow the terminal."""
NOUNS = {
    "rejected": ("sample", " that validate rejected"),
    "dropped": ("sample", " that clean dropped"),
    "derived": ("derived sample", ", for training"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Show the samples; exit code 1 where there are none to show."""
    parser = argparse.ArgumentParser(
        prog=MODULE, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    kinds = f"{' | '.join(KINDS)} | a class ({CLASS_PREFIX}NAME where it is called like one of these)"
    parser.add_argument("what", metavar="WHAT", help=kinds)
    parser.add_argument("--limit", type=int, default=LIMIT, metavar="N", help="samples to show (default: %(default)s)")
    parser.add_argument("--split", choices=SPLITS, help="only those of this split")
    parser.add_argument("--sheet", type=Path, metavar="FILE.html", help="also as a page, with pictures and players")
    asked = parser.parse_args(arguments)
    root = Path()
    try:
        if asked.limit < 1:
            raise UserError(f"--limit {asked.limit}: 1 or more is expected", f"{MODULE} {asked.what} --limit {LIMIT}")
        params = Side(WORKSPACE, None, WORKSPACE, root, NoOutputs()).params()
        selection = select(root, asked.what, params, limit=asked.limit, split=asked.split)
        show(selection)
        if asked.sheet:
            write_sheet(root, asked.sheet, selection, modality_of(params))
            report.note(f"Written: {asked.sheet}")
    except UserError as error:
        print(f"{error}\nNext: {error.hint}", file=sys.stderr)
        return 1
    return 0


def title_of(selection: Selection) -> str:
    """How many there are, in words."""
    kind, total = selection.kind, selection.total
    if kind == "mistakes" and selection.counted == "values":
        return f"{counted(total, 'test sample')}, the largest errors first"
    if kind == "mistakes":
        return f"{counted(total, 'mistake')} on test samples"
    return counted(total, *NOUNS.get(kind, ("sample", f" of class {kind.removeprefix(CLASS_PREFIX)}")))


def counted(count: int, noun: str, more: str = "") -> str:
    """`1 sample …`, `2 samples …`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}{more}"


def show(selection: Selection) -> None:
    """Counts, samples, and how many are not shown."""
    report.paragraph(title_of(selection))
    if not selection.total:
        return
    counts = list(selection.counts.items())
    rows: list[tuple[str, int]] = [(plain(name), count) for name, count in counts[:COUNTED]]
    if len(counts) > COUNTED:
        rows.append((f"{len(counts) - COUNTED} others", sum(count for _, count in counts[COUNTED:])))
    if selection.counted != "values":
        report.table("", [selection.counted, "samples"], rows)
    if selection.kind == "derived":
        show_derived(selection.shown)
    else:
        show_rows(selection)
    hidden = selection.total - len(selection.shown)
    if hidden:
        report.paragraph(f"{hidden:,} more are not shown: --limit {selection.total}")


def show_derived(samples: Sequence[Shown]) -> None:
    """Originals and what was derived from them, side by side."""
    columns = names(samples)
    named = list(zip(*columns.values(), strict=True)) or [()] * len(samples)
    rows = [
        (*name, cut(one.answer, SHORT_NAME), cut(one.original, WHOLE_DERIVED), cut(one.content, WHOLE_DERIVED))
        for name, one in zip(named, samples, strict=True)
    ]
    report.table("", [*columns, "answer", "original", "derived"], rows)


def names(samples: Sequence[Shown]) -> dict[str, list[str]]:
    """A column of what people call the samples: their rows, where all are of one source; none for files' own names."""
    if all(one.name == one.content for one in samples):
        return {}
    parts = [one.name.partition(" row ") for one in samples]
    if all(row for _, _, row in parts) and len({source for source, _, _ in parts}) == 1:
        return {"row": [row for _, _, row in parts]}
    return {"sample": [cut(one.name, LONGEST_NAME) for one in samples]}


def show_rows(selection: Selection) -> None:
    """A line a sample: what is the same for all, or empty, has no column; the content is cut to what is left."""
    columns = names(selection.shown)
    named = {
        "split": [one.split for one in selection.shown],
        "gold" if selection.kind == "mistakes" else "answer": [one.answer for one in selection.shown],
        "predicted": [one.prediction for one in selection.shown],
        "sure": ["" if one.confidence is None else f"{one.confidence:.3f}" for one in selection.shown],
        "reason" if selection.counted == "reason code" else "noted": [one.why for one in selection.shown],
    }
    same = {"mistakes": "split"}.get(selection.kind, "answer" if selection.counted == "split" else "")
    for name, cells in named.items():
        if any(cells) and name != same:
            columns[name] = [cut(cell, 20 if name in ("reason", "noted") else SHORT_NAME) for cell in cells]
    header = [*columns, "content"]
    taken = report.table_width(header, [*zip(*columns.values(), [""] * len(selection.shown), strict=True)])
    room = max(LEAST_CONTENT, report.console.width - taken + len("content"))
    contents = [cut(one.content, room) or EMPTY for one in selection.shown]
    report.table("", header, list(zip(*columns.values(), contents, strict=True)))


def cut(text: str, width: int) -> str:
    """On one line of at most `width` columns of the terminal; some characters take two."""
    line = Text(plain(text))
    line.truncate(width, overflow="ellipsis")
    return line.plain


def plain(text: str) -> str:
    """Without line breaks, control characters and turns of direction: what a sample holds steers no terminal."""
    return " ".join("".join(" " if _steers(one) else one for one in text).split())


def _steers(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Zl", "Zp") or character in TURNS


def write_sheet(root: Path, path: Path, selection: Selection, modality: str) -> None:
    """The same as a page."""
    inliner = Inliner(root, modality)
    inlined = inliner.addresses(selection.place, [one.id for one in selection.shown])
    page = render("sheet.html", title=title_of(selection), selection=selection, modality=modality, inlined=inlined)
    write_page(path, page)


if __name__ == "__main__":
    sys.exit(main())
