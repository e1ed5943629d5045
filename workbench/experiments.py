"""`python -m workbench.experiments`, or `make experiments`: the workspace, the last commit and its experiments.

What differs in params comes first, then the scores; `–` stands for what was not measured with these params. Below it
stands on what the next experiment builds, and how to go back, to take an experiment up and to drop one.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from review.git import ask
from stages.core import report
from stages.core.errors import UserError
from workbench import columns
from workbench.rows import Collected, Row, collect

NEWEST = 50
"""Experiments that are shown unless all are asked for: DVC needs up to 0.2 s for one that was not evaluated."""
NAMED = 6
"""Params in a sentence."""
RESULTS = ("params.yaml", "dvc.lock", "metrics")
"""What an experiment leaves in the workspace that Git tracks."""
MODULE = "python -m workbench.experiments"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; exit code 2 where there is none."""
    parser = argparse.ArgumentParser(prog=MODULE, description=__doc__)
    parser.add_argument("--rev", default="HEAD", help="the last commit whose experiments are shown (default: HEAD)")
    parser.add_argument("-n", "--num", type=_positive, default=1, help="so many commits, back from it (default: 1)")
    parser.add_argument("--all", action="store_true", help="all columns, however wide, and all experiments")
    asked = parser.parse_args(arguments)
    try:
        found = collect(Path(), asked.rev, asked.num, None if asked.all else NEWEST)
    except UserError as error:
        print(f"{error}\nNext: {error.hint}", file=sys.stderr)
        return 2
    left_out = show_table(found.rows, whole=asked.all)
    for sentence in (*below_table(found, left_out), *what_next(found.rows, Path())):
        (report.note if sentence.startswith("  ") else report.paragraph)(sentence)
    return 0


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text}: 1 or more is expected")
    return number


def show_table(rows: Sequence[Row], *, whole: bool) -> list[columns.Column]:
    """Print it; the columns for which the terminal is too narrow are returned. `whole`: none is left out."""
    first = columns.names(rows)
    of_params = columns.params(rows, 10**6) if whole else columns.params(rows)
    of_scores = columns.scores(rows)

    def fits(chosen: Sequence[columns.Column]) -> bool:
        return whole or report.table_width(*_laid_out(chosen)) <= report.console.width

    chosen, left_out = columns.fitting(first, of_params, of_scores, fits)
    report.table("", *_laid_out(chosen), fit=not whole)
    return left_out


def _laid_out(chosen: Sequence[columns.Column]) -> tuple[list[str], list[tuple[object, ...]]]:
    """Header and rows."""
    return [column.header for column in chosen], list(zip(*(column.cells for column in chosen), strict=True))


def below_table(found: Collected, left_out: Sequence[columns.Column]) -> Iterator[str]:
    """What the table does not show, and what cannot be read."""
    if any(report.ABSENT in column.cells for column in columns.scores(found.rows)):
        yield f"{report.ABSENT}: not measured with these params"
    if left_out:
        told = _listed([column.told for column in left_out])
        yield f"Left out, for {report.console.width} columns: {told}. All: {MODULE} --all, or dvc exp show"
    if found.older:
        yield f"Older experiments, not shown: {found.older}. All: {MODULE} --all"
    if found.elsewhere:
        yield f"Experiments of other commits: {found.elsewhere}. Those of the last five commits: {MODULE} -n 5"
    for row in found.rows:
        if row.why:
            yield f"{row.name} cannot be read: {row.why}"


def what_next(rows: Sequence[Row], root: Path) -> Iterator[str]:
    """On what the next experiment builds, and what to type; lines that begin with spaces are commands."""
    head = ask(root, "rev-parse", "HEAD")
    workspace, commit = rows[0], next((row for row in rows if row.kind == "commit" and row.commit == head), None)
    if commit is not None and not workspace.why:
        yield builds_on(workspace, commit)
    paths = [path for path in RESULTS if ask(root, "ls-tree", "HEAD", "--", path)]
    if paths and ask(root, "status", "--porcelain", "--", *paths):
        yield "To go back to the commit (changes in these files are lost; dvc repro makes what the cache lacks):"
        yield f"  git checkout HEAD -- {' '.join(paths)} && dvc checkout"
    if any(row.kind == "experiment" for row in rows):
        yield "To take an experiment up (dvc repro evaluates one that was not) or drop it:"
        yield "  dvc exp apply NAME"
        yield "  dvc exp remove NAME"


def builds_on(workspace: Row, commit: Row) -> str:
    """How the params of the workspace differ from those of the commit, and what follows."""
    keys = [key for key in {**workspace.params, **commit.params} if _differs(key, workspace, commit)]
    labels = columns.short_names(keys, list({**workspace.params, **commit.params}))
    here, there = ({key: _value(row, key) for key in keys} for row in (workspace, commit))
    if not keys:
        return (
            "The workspace has the params of the commit. `dvc exp run -S …` builds on the workspace, and leaves its "
            "values there."
        )
    if len(keys) == 1:
        (key,) = keys
        told = f"The workspace has {labels[key]} {here[key]}, the commit {there[key]}"
    else:
        each = [f"{labels[key]} {here[key]} (the commit {there[key]})" for key in keys]
        told = f"The workspace has {_listed(each)}"
    return f"{told}: the next `dvc exp run -S …` builds on the workspace."


def _differs(key: str, one: Row, other: Row) -> bool:
    if key not in one.params or key not in other.params:
        return True
    return columns.identity(one.params[key]) != columns.identity(other.params[key])


def _value(row: Row, key: str) -> str:
    return columns.shown(row.params[key]) if key in row.params else "no value"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")


if __name__ == "__main__":
    sys.exit(main())
