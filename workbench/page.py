"""`python -m workbench.page`, or `make page`: the run in this workspace as one HTML page to look at.

It needs nothing else: no script, no request, pictures and sounds are in it. So it opens offline and can be sent.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from stages.core import report
from stages.core.errors import UserError
from workbench.render import render, write_page
from workbench.run_sections import read_run, sections
from workbench.shown import modality_of

PAGE = Path(".groundwork/page.html")


def make_page(root: Path) -> str:
    """The page of the run in `root`.

    Raises:
        UserError: there is no params.yaml, or a file of the run cannot be read.
    """
    run = read_run(root)
    found = sections(run)
    modality = modality_of(run.params)
    title = f"Run: {modality} {run.params.get('task', '')}, {run.params.get('model', '')}"
    return render("run.html", title=title, modality=modality, valued=run.valued, **found)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page; exit code 1 where it cannot be made."""
    parser = argparse.ArgumentParser(
        prog="python -m workbench.page", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=PAGE, metavar="FILE", help="(default: %(default)s)")
    asked = parser.parse_args(arguments)
    try:
        write_page(asked.out, make_page(Path()))
    except UserError as error:
        print(f"{error}\nNext: {error.hint}", file=sys.stderr)
        return 1
    report.note(f"Written: {asked.out}; open it in a browser")
    return 0


if __name__ == "__main__":
    sys.exit(main())
