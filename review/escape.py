"""Words of the data in Markdown: shown as they are, without a chance to be markup, a link, or a call of somebody.

GitHub and GitLab look for @names, #numbers and addresses in everything but code, so foreign words are set as code;
within it the escapes of CommonMark still hold, as the element is written in HTML.
"""

import re
import textwrap
from collections.abc import Iterable, Sequence

from stages.tasks.mistakes import SHOWN_CHARACTERS, one_line

MARKS = re.compile(r"[\\`*\[\]|~$]|(?<![^\W_])_|_(?![^\W_])|:(?=//|\w+:)|(?<=[wW])\.|^[-+=#]")
"""What could begin markup, a table's cell, a link, a formula, an emoji, a list or a heading."""
NUMBERED = re.compile(r"^(\d+)([.)])(?=\s|$)")
CALLS = re.compile(r"@|#(?=\d)")
"""What could call somebody or refer to an issue: a space without width behind it prevents that."""
ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def plain(text: str) -> str:
    """One line of at most 120 characters, as text of a sentence or cell: for words of params.yaml and of Git."""
    line = one_line(text).translate(ENTITIES)
    return CALLS.sub("\\g<0>\u200b", NUMBERED.sub(r"\1\\\2", MARKS.sub(r"\\\g<0>", line)))


def plain_lines(text: str) -> str:
    """Every line of the text, whole, as `plain` gives it."""
    return "<br>".join(" ".join(plain(part) for part in parts(line)) for line in text.splitlines())


def parts(line: str) -> list[str]:
    """Words of a line, in parts that `plain` does not cut."""
    return textwrap.wrap(line, SHOWN_CHARACTERS, break_on_hyphens=False)


def code(text: str) -> str:
    """The same, set as code: for words of the data."""
    return f"<code>{plain(text)}</code>" if text.strip() else ""


def table(header: Sequence[str], rows: Iterable[Sequence[str]], *, limit: int, right: Sequence[int] = ()) -> list[str]:
    """Lines of a table of the first `limit` rows, and of how many are left out; no lines where there is no row.

    Cells are Markdown; `right` are the columns that are set to the right. Columns that are empty in every row are left
    out.
    """
    whole = list(rows)
    marks = ["---:" if column in right else "---" for column in range(len(header))]
    filled = [column for column in range(len(header)) if any(row[column] for row in whole)]
    kept = [[cells[column] for column in filled] for cells in (header, marks, *whole[:limit])]
    lines = [f"| {' | '.join(cells)} |" for cells in kept] if limit else []
    if len(whole) > limit:
        lines += ["", f"{len(whole) - limit} rows are left out here; the JSON file has them."]
    return [*lines, ""] if whole else []


def folded(summary: str, lines: Sequence[str]) -> list[str]:
    """Lines that are shown when the summary is clicked; nothing where there are none."""
    return [f"<details><summary>{summary}</summary>", "", *lines, "</details>", ""] if lines else []
