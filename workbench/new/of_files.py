"""A proposal for a folder or an archive of pictures or sounds, by class folders or by an index."""

import pyarrow as pa

from stages.core.errors import UserError
from stages.sources.folder import FILE
from stages.sources.listing import read_index
from workbench.new import media_proposal, proposal, shown
from workbench.new.classes import find_classes
from workbench.new.columns import Column
from workbench.new.contract import Found
from workbench.new.measure import measure, sample_of
from workbench.new.of_tables import group_note
from workbench.new.proposal import Proposal
from workbench.new.recognise import Files
from workbench.new.roles import Role, Wanted, guess

FILE_NAMES = ("file", "filename", "file_name", "path", "image", "audio", "picture", "sound", "id", "name")
"""What columns that name files are called."""


def propose_for_files(files: Files, wanted: Wanted) -> Proposal:
    """Show the files and classes, and propose params.

    Raises:
        UserError: an index that does not name the files, or no classes.
    """
    measured = measure(sample_of(files), files.modality)
    shown.show_files(files, measured)
    columns, file_column = _by_index(files, wanted) if files.index else _by_folders(files)
    classes = find_classes(columns["label"].counts, wanted.labels)
    shown.show_classes(classes)
    found = media_proposal.of_media(files.modality, measured, len(files.members))
    media_proposal.put_files(found.changes, files, columns, file_column)
    proposal.put_classes(found.changes, classes)
    if "group" in columns:
        found.notes.append(group_note(columns["group"]))
    shares = {code: measured.share(code) for code in measured.codes}
    answers = columns["label"]
    shares["label.unknown"] = sum(classes.others.values()) / len(answers.values)
    shares["label.missing"] = 1 - answers.share_filled
    proposal.put_contract(found.changes, Found(len(answers.values), classes.rows, shares))
    return found


def _by_folders(files: Files) -> tuple[dict[Role, Column], str]:
    """The class of each file, which is the folder that it lies in; one that lies in none has no class."""
    levels = 2 if files.splits else 1
    parts = [member.name.split("/") for member in files.members]
    classes = pa.array([names[-2] if len(names) > levels else None for names in parts], pa.string())
    return {"label": Column("label", classes)}, FILE


def _by_index(files: Files, wanted: Wanted) -> tuple[dict[Role, Column], str]:
    """The columns of the index by role, and the one that names the files."""
    index = next(member for member in files.container.members if member.name == files.index)
    content = next(iter(files.container.read([index])))
    shown_name = f"{files.path}/{index.name}"
    names = read_index(content, shown_name, 1).column_names  # there are two at least: that tells the delimiter
    file_column = next((name for known in FILE_NAMES for name in names if name.casefold() == known), None)
    if file_column is None:
        raise UserError(
            f"{shown_name}: no column is called as one that names files: {', '.join(names)}",
            f"call it {FILE_NAMES[0]}; columns that are looked for: {', '.join(FILE_NAMES)}",
        )
    table = read_index(content, shown_name, file_column)
    columns = [Column(name, table[name].combine_chunks()) for name in table.column_names if name != file_column]
    roles = guess(columns, {"text": "none", "value": "none", **wanted.columns})
    shown.show_index(shown_name, columns, roles)
    if "label" not in roles.taken:
        raise UserError(
            f"{shown_name}: no column looks like a class", f"LABEL=one of: {', '.join(str(c.name) for c in columns)}"
        )
    return dict(roles.taken), file_column
