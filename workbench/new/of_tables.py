"""A proposal for tables: of texts, or of pictures or sounds that stand in them as bytes."""

from collections.abc import Iterable

from stages.core.errors import UserError
from stages.core.params import checked
from workbench.new import media_proposal, proposal, shown
from workbench.new.classes import Classes, find_classes
from workbench.new.columns import Column
from workbench.new.measure import measure
from workbench.new.observe import observe
from workbench.new.proposal import Proposal
from workbench.new.recognise import Modality, Tables
from workbench.new.roles import Roles, Wanted, guess
from workbench.new.tables import Rows, read

SOUNDS = (b"RIFF", b"fLaC", b"OggS", b"FORM", b".snd", b"ID3\x03", b"ID3\x04", b"\xff\xfb")
"""How files of sounds begin."""


def propose_for_tables(tables: Tables, wanted: Wanted) -> Proposal:
    """Show the columns and classes, and propose params.

    Raises:
        UserError: no table, or one without an input or an answer.
    """
    rows = read(tables)
    columns = [Column(name, values) for name, values in rows.columns.items()]
    roles = guess(columns, wanted.columns)
    shown.show_columns(tables.path, rows, columns, roles)
    _check_input(tables, columns, rows, roles)
    classes = _classes(tables, columns, roles, wanted)
    propose = _of_media if rows.media else proposal.of_texts
    found = propose(tables, rows, roles, classes)
    _take_and_note(found, roles, wanted)
    proposal.put_contract(found.changes, observe(checked(found.changes.content())))
    return found


def _check_input(tables: Tables, columns: Iterable[Column], rows: Rows, roles: Roles) -> None:
    if rows.media or "text" in roles.taken:
        return
    names_files = next((column for column in columns if column.names_files), None)
    if names_files is not None:
        raise UserError(
            f"{tables.path}: '{names_files.name}' names files, such as {names_files.examples()[0]}",
            "DATA=the folder that holds these files and this table, which is then their index",
        )
    raise UserError(f"{tables.path}: no column looks like a text", f"TEXT=one of: {_names(columns)}")


def _classes(tables: Tables, columns: Iterable[Column], roles: Roles, wanted: Wanted) -> Classes | None:
    if "label" in roles.taken:
        classes = find_classes(roles.taken["label"].counts, wanted.labels)
        shown.show_classes(classes)
        return classes
    if "value" in roles.taken:
        return None
    raise UserError(
        f"{tables.path}: no column looks like an answer: few values that repeat, or numbers",
        f"LABEL=one of: {_names(columns)}; for numbers to estimate VALUE=column",
    )


def _names(columns: Iterable[Column]) -> str:
    return ", ".join(str(column.name) for column in columns)


def _of_media(tables: Tables, rows: Rows, roles: Roles, classes: Classes | None) -> Proposal:
    name, content = next(iter(rows.media.items()))
    modality: Modality = "audio" if content.startswith(SOUNDS) else "image"
    if classes is None:
        raise UserError(f"{tables.path}: pictures and sounds are told apart by classes", "LABEL=column")
    measured = measure([(content, None)], modality)
    found = media_proposal.of_media(modality, measured, rows.rows)
    found.changes.put("fetch.source", "files")
    proposal.put_tables(found.changes, tables, rows, roles)
    found.changes.put("fetch.columns", {modality: name, **found.changes.get("fetch.columns")})
    proposal.put_classes(found.changes, classes)
    return found


def _take_and_note(found: Proposal, roles: Roles, wanted: Wanted) -> None:
    """What a person should know of groups, dates and values; a date that was asked for decides the split."""
    if group := roles.taken.get("group"):
        found.notes.append(group_note(group))
    if (date := roles.taken.get("date")) and "date" in wanted.columns:
        proposal.put_dates(found.changes, date)
    elif date and "split" not in roles.taken:
        found.notes.append(f"{date.name} holds dates, which are kept. To test on the newest rows: DATE={date.name}")
    if value := roles.taken.get("value"):
        low, high = value.range()
        found.notes.append(
            f"{value.name} is a number ({low:g} to {high:g}), and so a value to estimate: regression. "
            f"LABEL={value.name} takes its values as classes"
        )


def group_note(group: Column) -> str:
    """What a group means for the split."""
    largest, rows = group.counts.most_common(1)[0]
    return (
        f"no {group.name} is in two splits (fetch.columns.group); the largest is {largest} with {rows:,} rows. "
        "GROUP=none shares rows out one by one"
    )
