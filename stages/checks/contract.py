"""The contract: what the data as a whole must keep."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stages.core.errors import UserError

FEW = "collect more of the rare class, give it to another (out of labels, and into clean.labels.map)"
RAISE = "raise its share in validate.contract.max_shares"
COLUMN = "check which column fetch.columns.{} names, mend the source, or {}"
ADVICE = {
    "text.missing": COLUMN.format("text", RAISE),
    "text.empty": COLUMN.format("text", RAISE),
    "text.too_long": f"raise validate.checks.text.too_long.max_characters, or {RAISE}",
    "text.too_short": f"lower validate.checks.text.too_short.min_characters, or {RAISE}",
    "label.missing": COLUMN.format("label", RAISE),
    "label.unknown": f"add them to labels, or to clean.labels.map as spellings of a class, or {RAISE}",
    "value.missing": COLUMN.format("value", RAISE),
    "value.invalid": COLUMN.format("value", RAISE),
    "value.out_of_range": f"widen validate.checks.value.out_of_range, or {RAISE}",
    "row.malformed": f"set fetch.options (delimiter, quote, encoding) as the file is, mend it, or {RAISE}",
}
"""Reason code -> what to do where it is too frequent."""


@dataclass(frozen=True)
class Breach:
    """One broken clause: what it says, what was found, and what to do."""

    clause: str
    found: str
    allowed: str
    advice: str


def breaches(
    *,
    rows: int,
    classes: Mapping[str, int] | None,
    codes: Mapping[str, int],
    labels: Sequence[str],
    min_rows: int,
    min_rows_per_class: int,
    max_imbalance: float,
    max_shares: Mapping[str, float],
) -> list[Breach]:
    """The clauses that the data breaks; none when it may go on.

    Args:
        rows: fetched rows.
        classes: rows a class, among the rows that were not rejected; only known classes where `labels` names them.
            None where answers are no classes: then no clause about them holds.
        codes: rows a reason code.
    """
    found = []
    if rows < min_rows:
        found.append(
            Breach("min_rows", f"{rows} rows", f">= {min_rows}", "fetch more, or lower validate.contract.min_rows")
        )
    found += [] if classes is None else _of_classes(classes, labels, min_rows_per_class, max_imbalance)
    for code, share in max_shares.items():
        actual = codes.get(code, 0) / rows if rows else 0.0
        if actual > share:
            text = f"{codes[code]} {'row' if codes[code] == 1 else 'rows'}, {actual:.2%}"
            advice = ADVICE.get(code, f"mend the source, or {RAISE}")
            found.append(Breach(f"max_shares: {code}", text, f"<= {share:.2%}", advice))
    return found


def _of_classes(
    classes: Mapping[str, int], labels: Sequence[str], min_rows_per_class: int, max_imbalance: float
) -> list[Breach]:
    found = []
    names = labels or sorted(classes)
    if len(names) < 2:
        found.append(
            Breach(
                "labels",
                f"{len(names)} class ({', '.join(names) or 'none'})",
                ">= 2",
                "check which column fetch.columns.label names, and labels",
            )
        )
    for name in names:
        count = classes.get(name, 0)
        if count < min_rows_per_class:
            advice = f"{FEW}, or lower validate.contract.min_rows_per_class"
            found.append(Breach(f"min_rows_per_class: {name}", f"{count} rows", f">= {min_rows_per_class}", advice))
    counts = [classes.get(name, 0) for name in names]
    least, most = min(counts, default=0), max(counts, default=0)
    if least and most / least > max_imbalance:
        ratio = f"{most / least:.1f} to 1"
        advice = f"{FEW}, or raise validate.contract.max_imbalance"
        found.append(Breach("max_imbalance", ratio, f"<= {max_imbalance:g} to 1", advice))
    return found


def check_codes(named: Sequence[str], known: Sequence[str], where: str) -> None:
    """Raise a UserError where `named` holds a reason code that no check of `validate.checks` gives."""
    unknown = [code for code in named if code not in known]
    if unknown:
        raise UserError(
            f"params.yaml: {where}: no such check: {', '.join(unknown)}",
            f"validate.checks has: {', '.join(known)}",
        )
