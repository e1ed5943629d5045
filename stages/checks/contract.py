"""The contract: what the data as a whole must keep."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stages.core.errors import UserError


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
        found.append(Breach("min_rows", f"{rows} rows", f">= {min_rows}", "fetch more, or lower it"))
    found += [] if classes is None else _of_classes(classes, labels, min_rows_per_class, max_imbalance)
    for code, share in max_shares.items():
        actual = codes.get(code, 0) / rows if rows else 0.0
        if actual > share:
            text = f"{codes[code]} rows, {actual:.2%}"
            found.append(Breach(f"max_shares: {code}", text, f"<= {share:.2%}", "mend the source, or raise it"))
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
                "check fetch.columns.label",
            )
        )
    for name in names:
        count = classes.get(name, 0)
        if count < min_rows_per_class:
            advice = "collect more of it, merge classes (clean.labels.map), or lower it"
            found.append(Breach(f"min_rows_per_class: {name}", f"{count} rows", f">= {min_rows_per_class}", advice))
    counts = [classes.get(name, 0) for name in names]
    least, most = min(counts, default=0), max(counts, default=0)
    if least and most / least > max_imbalance:
        ratio = f"{most / least:.1f} to 1"
        found.append(Breach("max_imbalance", ratio, f"<= {max_imbalance:g} to 1", "see augment.balance, or raise it"))
    return found


def check_codes(named: Sequence[str], known: Sequence[str], where: str) -> None:
    """Raise a UserError where `named` holds a reason code that no check of `validate.checks` gives."""
    unknown = [code for code in named if code not in known]
    if unknown:
        raise UserError(
            f"params.yaml: {where}: no such check: {', '.join(unknown)}",
            f"validate.checks has: {', '.join(known)}",
        )
