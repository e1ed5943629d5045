"""The columns of the table of experiments: what differs in params first, then scores; and what of them fits."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from stages.core.report import ABSENT
from stages.core.review_block import METRICS
from workbench.rows import Row

LONGEST = 20
"""Characters of a value in a cell."""
KEPT_SCORES = 2
"""The first scores, which stay where there is little room: the one that chooses, and the same on test."""


@dataclass(frozen=True)
class Column:
    """A column; `told` is what it is called where it was left out."""

    header: str
    told: str
    cells: tuple[Any, ...]


def names(rows: Sequence[Row]) -> list[Column]:
    """The first columns: the name, experiments indented; the state, where any is not simply done."""
    shown = tuple(f"  {row.name}" if row.kind == "experiment" else row.name for row in rows)
    columns = [Column("experiment", "experiment", tuple(map(_plain, shown)))]
    if any(row.state for row in rows):
        columns.append(Column("state", "state", tuple(row.state for row in rows)))
    return columns


def params(rows: Sequence[Row], longest: int = LONGEST) -> list[Column]:
    """A column for each param that is not the same in all rows; those with the most values come first."""
    read = [row for row in rows if row.params]
    keys = list(dict.fromkeys(key for row in read for key in row.params))
    values = {key: len({identity(row.params[key]) if key in row.params else "" for row in read}) for key in keys}
    differing = sorted((key for key in keys if values[key] > 1), key=lambda key: -values[key])
    labels = short_names(differing, keys)
    return [
        Column(labels[key], key, tuple(shown(row.params[key], longest) if key in row.params else "" for row in rows))
        for key in differing
    ]


def scores(rows: Sequence[Row]) -> list[Column]:
    """A column for each score that any row has: the one that chooses, on validation, then those on test."""
    task, best_by = chosen_by(rows)
    known = METRICS[task]
    ordered = [best_by, *(name for name in known if name != best_by)]
    of_test = [(f"test\n{name}", f"test {name}", [row.test.get(name) for row in rows]) for name in ordered]
    chosen = (f"validation\n{best_by}", f"validation {best_by}", [row.validation.get(best_by) for row in rows])
    return [
        Column(header, told, tuple(ABSENT if value is None else value for value in values))
        for header, told, values in (chosen, *of_test)
        if any(value is not None for value in values)
    ]


def chosen_by(rows: Sequence[Row]) -> tuple[str, str]:
    """The task, and the metric that chooses the best epoch: those of the first row that says them."""
    for row in rows:
        task, best_by = row.params.get("task"), row.params.get("finetune.best_by")
        if task in METRICS and best_by in METRICS[task]:
            return str(task), str(best_by)
    return "classification", "macro_f1"


def fitting(
    first: Sequence[Column],
    of_params: Sequence[Column],
    of_scores: Sequence[Column],
    fits: Callable[[Sequence[Column]], bool],
) -> tuple[list[Column], list[Column]]:
    """The columns that fit, and those that were left out for it.

    Scores beyond the first two go first, the last of them before others; then params, those that differ least first.
    The names and two scores stay in any case.
    """
    columns = [*first, *of_params, *of_scores]
    removable = [*reversed(of_scores[KEPT_SCORES:]), *reversed(of_params)]
    left_out: list[Column] = []
    for column in removable:
        if fits(columns):
            break
        columns.remove(column)
        left_out.insert(0, column)
    return columns, left_out


def short_names(keys: Sequence[str], known: Sequence[str]) -> dict[str, str]:
    """For each of the keys its shortest end that no other known key ends with: `lr`, `emoji.enabled`."""
    ends = Counter(end for key in known for end in _ends(key))
    return {key: next((end for end in _ends(key) if ends[end] == 1), key) for key in keys}


def _ends(key: str) -> list[str]:
    parts = key.split(".")
    return [".".join(parts[start:]) for start in range(len(parts) - 1, -1, -1)]


def identity(value: Any) -> str:
    """A text that is the same for equal values: 1 and 1.0 are, 1 and true are not."""
    if type(value) in (int, float):
        return repr(float(value))
    return json.dumps(value, sort_keys=True, default=str)


def shown(value: Any, longest: int = LONGEST) -> str:
    """A value of params as a cell, cut where it is long."""
    if value is None or isinstance(value, bool | list | dict):
        text = json.dumps(value, ensure_ascii=False, default=str)
    else:
        text = f"{value:.4g}" if isinstance(value, float) else str(value)
    text = _plain(text)
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _plain(text: str) -> str:
    """Without what a terminal would take for a command."""
    return "".join(character if character.isprintable() else " " for character in text)
