"""`make new DATA=tickets.csv`: look at your data, and write the params.yaml that fits them.

Flags of make are those below in capitals: make new DATA=tickets.csv LABEL=topic GROUP=none DRY=1.

DATA is a table (CSV, TSV, JSON lines, Parquet; or a folder of them), or a folder or archive of pictures or sounds with
a folder a class or a table that names the files. What is found is shown, then proposed: columns, classes, spellings of
classes, a group, and a contract that the data keep. Each guess has a flag. A params.yaml that is not committed is kept
beside.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from stages.core import report
from stages.core.params import PATH
from workbench.new import media_proposal
from workbench.new.of_files import propose_for_files
from workbench.new.of_tables import propose_for_tables
from workbench.new.proposal import Proposal
from workbench.new.recognise import Files, recognise
from workbench.new.roles import Asked, Wanted
from workbench.params_file import replace_params

ROLES = {
    "text": "column of the texts",
    "text_pair": "column of a second text, for pairs",
    "label": "column of the classes",
    "value": "column of numbers to estimate, in place of classes",
    "group": "column whose values must not be shared out over training and test, such as a customer; none: no such one",
    "date": "column of dates: train on the oldest rows, test on the newest",
    "split": "column that says train, validation or test; none: split them here",
}


def propose(data: str, wanted: Wanted) -> Proposal:
    """Look at the data, show what is there, and propose params.

    Raises:
        UserError: data that no source reads, or in which there is no input or no answer.
    """
    found = recognise(data)
    proposal = propose_for_files(found, wanted) if isinstance(found, Files) else propose_for_tables(found, wanted)
    media_proposal.put_model(proposal.changes, wanted)
    if not Path(data).resolve().is_relative_to(Path.cwd()):
        proposal.notes.append(
            f"{data} lies outside of this folder: others who run the line need it at the same place; better under "
            "data/source (dvc add keeps it out of Git)"
        )
    return proposal


def main(arguments: Sequence[str] | None = None) -> None:
    """Show what is there; write params.yaml unless it is only to be shown."""
    parser = argparse.ArgumentParser(
        prog="python -m workbench.new", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", nargs="?", default="", help="a table, or a folder or archive of pictures or sounds")
    for role, what in ROLES.items():
        parser.add_argument(f"--{role.replace('_', '-')}", default="", metavar="COLUMN", help=what)
    parser.add_argument("--labels", default="", help="the classes, with commas, in place of those that occur often")
    parser.add_argument("--model", default="", help="a Hub id, a local folder, or scratch:TYPE")
    parser.add_argument("--strategy", default="", help="full | last_layers | head | lora | scratch")
    parser.add_argument("--dry", action="store_true", help="show only, and write nothing")
    given = parser.parse_args(arguments)
    if not given.data:
        parser.print_help()
        return
    asked: Asked = {role: getattr(given, role) for role in ROLES if getattr(given, role)}  # type: ignore[misc]
    labels = [name.strip() for name in given.labels.split(",") if name.strip()]
    with report.ending("new"):
        proposal = propose(given.data, Wanted(asked, labels, given.model, given.strategy))
        head = f"{given.data}, written by make new: every value is yours to change."
        text = proposal.text(head)
        for note in proposal.notes:
            report.paragraph(f"- {note}")
        if given.dry:
            report.note(f"\nWhat {PATH} would hold otherwise than recipes/{proposal.kind}.yaml:\n")
            report.note(proposal.changes.text(head))
            return
        replace_params(text)
        report.note(f"{PATH} is written. Next: make repro (git diff {PATH} shows what changed)")


if __name__ == "__main__":
    main()
