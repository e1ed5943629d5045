"""The data contract clause by clause: what it asks for, what was found, and which clauses hold."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from stages.checks.contract import breaches

MOST_CLASSES = 40
"""Of more classes, those alone are listed that have too few rows, and the smallest."""


class Clause(NamedTuple):
    """One clause; `advice` says what to do where it is broken, and is empty where it holds."""

    name: str
    found: str
    allowed: str
    advice: str = ""


def check_clauses(
    found: Mapping[str, Any], agreed: Mapping[str, Any], labels: Sequence[str], *, valued: bool
) -> list[Clause]:
    """All clauses of a contract.

    Args:
        found: the content of metrics/validate.json.
        agreed: the block validate.contract of params.yaml.
        labels: the classes that params.yaml names; none: whatever occurs.
        valued: whether answers are values: then no clause is about classes.
    """
    rows, codes = found["rows"], found.get("issues", {})
    classes = None if valued else {name: count for name, count in counted(found) if not labels or name in labels}
    broken = breaches(rows=rows, classes=classes, codes=codes, labels=labels, **agreed)
    advice = {breach.clause: breach.advice for breach in broken}
    clauses = [Clause("min_rows", f"{rows:,} rows", f"≥ {agreed['min_rows']:,}")]
    if classes is not None:
        clauses += _of_classes(classes, labels or sorted(classes), agreed)
    for code, share in agreed["max_shares"].items():
        count = codes.get(code, 0)
        actual = count / rows if rows else 0.0
        clauses.append(Clause(f"max_shares: {code}", f"{count:,} rows, {actual:.2%}", f"≤ {share:.2%}"))
    return [clause._replace(advice=advice.get(clause.name, "")) for clause in clauses]


def counted(found: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Rows a label, as clean will see it."""
    return list(found.get("labels", {}).items())


def _of_classes(classes: Mapping[str, int], names: Sequence[str], agreed: Mapping[str, Any]) -> list[Clause]:
    least = agreed["min_rows_per_class"]
    counts = {name: classes.get(name, 0) for name in names}
    clauses = [Clause("labels", f"{len(names):,} classes", "≥ 2")]
    clauses += [
        Clause(f"min_rows_per_class: {name}", f"{counts[name]:,} rows", f"≥ {least:,}")
        for name in _listed(counts, least)
    ]
    smallest, largest = min(counts.values(), default=0), max(counts.values(), default=0)
    if smallest:
        ratio = f"{largest / smallest:.1f} to 1"
        clauses.append(Clause("max_imbalance", ratio, f"≤ {agreed['max_imbalance']:g} to 1"))
    return clauses


def _listed(counts: Mapping[str, int], least: int) -> list[str]:
    if len(counts) <= MOST_CLASSES:
        return list(counts)
    smallest = min(counts, key=lambda name: counts[name])
    return [name for name, count in counts.items() if count < least or name == smallest]
