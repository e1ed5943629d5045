"""What a person sees of data that nobody has described yet: columns, classes, sizes."""

from collections.abc import Sequence

from stages.core import report
from workbench.new.classes import Classes
from workbench.new.columns import Column
from workbench.new.measure import Measured
from workbench.new.recognise import Files
from workbench.new.roles import Roles
from workbench.new.tables import Rows

LONGEST_EXAMPLE = 18
MOST_SPELLINGS = 8
MOST_OTHERS = 10
HEADER = ("column", "filled", "distinct", "examples", "taken as")


def show_columns(data: str, rows: Rows, columns: Sequence[Column], roles: Roles) -> None:
    """A line a column: how full, how many values, some of them, and what it is taken as."""
    what = f"{data}: {'the first ' if rows.more else ''}{rows.rows:,} rows, {len(columns) + len(rows.media)} columns"
    lines: list[tuple[str | int, ...]] = [_line(column, roles) for column in columns]
    lines += [(name, "", report.ABSENT, "(bytes)", "") for name in rows.media]
    report.table(what, HEADER, lines)
    if rows.bad:
        report.note(
            f"{rows.bad:,} rows cannot be read: they are kept apart (bad_rows: keep), and the contract counts them"
        )


def _line(column: Column, roles: Roles) -> tuple[str, str, int, str, str]:
    examples = ", ".join(_cut(value) for value in column.examples())
    return str(column.name), f"{column.share_filled:.0%}", column.distinct, examples, roles.role_of(column.name)


def show_classes(classes: Classes) -> None:
    """A line a class: rows, and the spellings that stand for it; a guess has a question mark."""
    total = sum(classes.rows.values())
    lines = [(name, count, f"{count / total:.1%}", _spellings(name, classes)) for name, count in classes.rows.items()]
    report.table(f"{len(lines)} classes", ["class", "rows", "share", "spellings (? a guess)"], lines)
    if classes.others:
        some = ", ".join(f"'{_cut(name)}' ({rows:,})" for name, rows in list(classes.others.items())[:MOST_OTHERS])
        more = f", and {len(classes.others) - MOST_OTHERS:,} more" if len(classes.others) > MOST_OTHERS else ""
        report.paragraph(
            f"In no class, and so dropped by clean: {some}{more}. "
            "To keep one, add it to labels, or to clean.labels.map as a spelling of a class."
        )


def show_index(name: str, columns: Sequence[Column], roles: Roles) -> None:
    """A line a column of the table that names the files."""
    report.table(name, HEADER, [_line(column, roles) for column in columns])


def show_files(files: Files, measured: Measured) -> None:
    """How many files of which kind, how large they are, and what the checks find in those that were decoded."""
    report.note(f"{files.path}: {len(files.members):,} files ({', '.join(files.suffixes)}), {files.container.kind}")
    sizes = measured.sizes
    if len(sizes) and files.modality == "image":
        low, high = sizes.min(axis=0).astype(int), sizes.max(axis=0).astype(int)
        what = f"{low[0]}x{low[1]} to {high[0]}x{high[1]} pixels, the shorter side {measured.side:.0f} (median)"
    elif len(sizes):
        rates = ", ".join(f"{rate:,.0f} Hz" for rate in sorted(set(sizes[:, 1]))[:4])
        shortest, half, longest = (measured.seconds(percentile) for percentile in (0, 50, 100))
        what = f"{shortest:.2g} to {longest:.2g} s, half of them up to {half:.2g} s; {rates}"
    else:
        what = "none of them can be read"
    report.note(f"{measured.looked_at:,} of them decoded: {what}")
    if measured.codes:
        told = ", ".join(f"{code} {count:,}" for code, count in sorted(measured.codes.items()))
        report.note(f"checks found: {told}")


def _spellings(name: str, classes: Classes) -> str:
    spellings = classes.spellings[name]
    if len(spellings) < 2:
        return ""
    told = [
        f"{_cut(spelling)}{'?' if spelling in classes.guessed else ''} {rows:,}" for spelling, rows in spellings.items()
    ]
    more = f", … ({len(told)})" if len(told) > MOST_SPELLINGS else ""
    return ", ".join(told[:MOST_SPELLINGS]) + more


def _cut(value: str) -> str:
    plain = " ".join(value.split())
    return plain if len(plain) <= LONGEST_EXAMPLE else f"{plain[: LONGEST_EXAMPLE - 1]}…"
