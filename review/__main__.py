"""`python -m review [BASE] [HEAD]`: what a change does to data, metrics and samples, and whether it may be merged.

BASE: where HEAD left the default branch; HEAD: `workspace`. Either is a Git revision or a DVC experiment.
Exit code: 0 all gates passed, 1 gates failed, 2 the sides could not be compared.
"""

import argparse
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from review.plots import clear
from review.sides import open_sides
from stages.core import report, tables
from stages.core.errors import UserError

FOLDER = Path(".groundwork/review")
FORMATS = ("markdown", "json", "html")
SUFFIXES = ("md", "json", "html")
PASSED, FAILED, NOT_COMPARED = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Review, write the files, say what matters; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m review", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("base", nargs="?", metavar="BASE")
    parser.add_argument("head", nargs="?", metavar="HEAD")
    for name, suffix in zip(FORMATS, SUFFIXES, strict=True):
        default = FOLDER / f"review.{suffix}"
        parser.add_argument(f"--{name}", type=Path, default=default, metavar="FILE", help=f"(default: {default})")
    parser.add_argument("--plots", type=Path, default=FOLDER / "plots", metavar="FOLDER", help="(default: %(default)s)")
    given = parser.parse_args(arguments)
    files = {name: getattr(given, name) for name in FORMATS}
    clear(given.plots)
    for path in files.values():
        path.unlink(missing_ok=True)  # a page of an earlier review beside a new failure would mislead
    try:
        return review(given.base, given.head, files, given.plots)
    except UserError as error:
        return failed(str(error), error.hint, files)
    except Exception as error:  # noqa: BLE001 - exit code 1 says that gates failed, and a defect does not say that
        traceback.print_exc()
        return failed(f"{type(error).__name__}: {error}", "the traceback above says where", files)


def review(base_name: str | None, head_name: str | None, files: Mapping[str, Path], plots: Path) -> int:
    """Compare, write the files and the plots, and show verdict, gates and metrics."""
    from review.compare import compare
    from review.html import page
    from review.markdown import markdown
    from review.plots import write as write_plots

    base, head = open_sides(base_name, head_name)
    found = compare(base, head)
    write(files["markdown"], markdown(found))
    tables.write_json(files["json"], found)
    write(files["html"], page(found, base, head))
    write_plots(plots, base, head)
    show(found, files)
    return PASSED if found["verdict"]["passed"] else FAILED


def failed(what: str, hint: str, files: Mapping[str, Path]) -> int:
    """Say why there is no review, in the files too, so that no comment keeps an older one."""
    from review.markdown import failure

    report.console.print("[bold red]review stopped:[/] ", end="")
    report.note(what)
    if hint:
        report.console.print("[bold]Next:[/] ", end="")
        report.note(hint)
    write(files["markdown"], failure(what, hint))
    tables.write_json(files["json"], {"error": what, "hint": hint})
    return NOT_COMPARED


def write(path: Path, text: str) -> None:
    """A text file, whole or not at all."""
    with tables.new_file(path) as partial:
        partial.write_text(text, encoding="utf-8")


def show(found: Mapping[str, Any], files: Mapping[str, Path]) -> None:
    """The review in short, on the terminal."""
    from review.markdown_scores import ARROWS, difference
    from review.verdict import called, short

    base, head = (found["sides"][name]["title"] for name in ("base", "head"))
    report.note(f"{base} -> {head}")
    for note in found["notes"]:
        report.note(f"Note: {note}")
    if found["gates"]:
        gates = [
            ["pass" if gate["passed"] else "FAIL", gate["name"], gate["why"], gate["limit"]] for gate in found["gates"]
        ]
        report.table("Gates", ["", "gate", "found", "limit"], gates)
    rows = []
    for row in found["metrics"]["rows"]:
        values = [short(row[side], row) for side in ("base", "head")]
        rows.append([f"{called(row['name'])} {ARROWS[row['direction']]}", *values, *difference(row), row["finding"]])
    header = ["metric", "base", "head", "head - base", "interval", "p", "finding"]
    report.table(f"{found['metrics']['samples']} test samples", header, rows)
    report.note(found["changed"])
    report.note(found["verdict"]["text"])
    report.note(f"Written: {', '.join(str(path) for path in files.values())}")


if __name__ == "__main__":
    sys.exit(main())
