"""Section `verdict`: the review in one sentence that claims no more than the statistics hold."""

from collections.abc import Mapping, Sequence
from typing import Any

from review.statistics import BETTER, NOT_VERIFIED, WORSE

NAMES = {
    "macro_f1": "macro F1",
    "macro_precision": "macro precision",
    "macro_recall": "macro recall",
    "roc_auc": "ROC AUC",
    "log_loss": "log loss",
    "ece": "calibration error",
    "mse": "mean squared error",
    "mae": "mean absolute error",
    "r2": "R²",
    "pearson": "Pearson's correlation",
    "spearman": "Spearman's correlation",
}
"""Metric -> what people call it."""
EXACT_LEAKS, NEAR_LEAKS = "data.max_exact_leaks", "data.max_near_leaks"
"""Gates that fail where test samples are trained on."""
COMPARED, UNCHANGED = "compared", "unchanged"
"""With `NOT_VERIFIED`, the results of a review: outputs were read, need not be read, or cannot be read."""
Row = Mapping[str, Any]


def called(metric: str) -> str:
    """What people call a metric."""
    return NAMES.get(metric, metric)


def verdict(
    metrics: Mapping[str, Any], gates: Sequence[Mapping[str, Any]], *, main: str, result: str = COMPARED
) -> dict[str, Any]:
    """The sentence; `better` and `worse` name the metrics that it claims, `failed` the gates; `main` comes first.

    Gates that failed come before any metric: a leak makes better scores, which are not to be read first.
    """
    rows = sorted(metrics["rows"], key=lambda row: row["name"] != main)
    better, worse = ([row for row in rows if row["finding"] == kind] for kind in (BETTER, WORSE))
    failed = [str(gate["name"]) for gate in gates if not gate["passed"]]
    unverified = sum(bool(gate["passed"]) and not gate["verified"] for gate in gates)
    found = _unread(rows, result) or _of_metrics(metrics, rows, better, worse)
    told = [found, _of_gates(len(gates), failed, unverified)]
    text = f"{'; '.join(reversed(told) if failed and result == COMPARED else told)}."
    return {
        "text": text[0].upper() + text[1:],
        "passed": not failed,
        "better": [row["name"] for row in better],
        "worse": [row["name"] for row in worse],
        "failed": failed,
    }


def _unread(rows: Sequence[Row], result: str) -> str:
    """What is said where outputs were not read; empty where they were."""
    if result == UNCHANGED:
        return "no result changed: dvc.lock names the same outputs on both sides"
    if result == NOT_VERIFIED:
        row = next(iter(rows), None)
        values = f" ({called(row['name'])} {short(row['base'], row)} → {short(row['head'], row)})" if row else ""
        return f"{NOT_VERIFIED}: results changed{values}, and the outputs that would prove them cannot be read here"
    return ""


def _of_metrics(metrics: Mapping[str, Any], rows: Sequence[Row], better: Sequence[Row], worse: Sequence[Row]) -> str:
    samples = f"{metrics['samples']} test samples"
    if metrics["same"]:
        return f"the predictions are the same on all {samples}"
    if better or worse:
        told = [_claims(part, kind) for part, kind in ((worse, WORSE), (better, BETTER)) if part]
        nothing = [f"nothing detectably {kind}" for part, kind in ((worse, WORSE), (better, BETTER)) if not part]
        return "; ".join([*told, *nothing]) + f" ({samples})"
    return f"no detectable difference on {samples}{_smallest(rows)}"


def _claims(rows: Sequence[Row], kind: str) -> str:
    """The first metric by its numbers, the others by name."""
    first, *rest = rows
    told = f"{called(first['name'])} {kind} by {short(abs(first['difference']), first)} ({_interval(first)})"
    return told + (f", {', '.join(called(row['name']) for row in rest)} too" if rest else "")


def _interval(row: Row) -> str:
    """The bounds of how much better or worse, the smaller first."""
    low, high = sorted((abs(row["low"]), abs(row["high"])))
    return f"{short(low, row)} to {short(high, row)}"


def _smallest(rows: Sequence[Row]) -> str:
    row = next((row for row in rows if row["smallest_detectable"] is not None), None)
    if row is None:
        return ""
    size = short(row["smallest_detectable"], row)
    return f" ({called(row['name'])} {signed(row['difference'], row)}; detectable: about {size})"


def _of_gates(count: int, failed: Sequence[str], unverified: int = 0) -> str:
    if not count:
        return "no gates are set"
    if not failed:
        passed = f"all {count} gates passed" if count > 1 else "the gate passed"
        return f"{passed}, {unverified} of them {NOT_VERIFIED}" if unverified else passed
    doubt = ", so that scores may be too good" if {EXACT_LEAKS, NEAR_LEAKS}.intersection(failed) else ""
    unknown = f", {unverified} cannot be judged" if unverified else ""
    return f"{len(failed)} of {count} gates failed: {', '.join(failed)}{doubt}{unknown}"


def digits(row: Row) -> int:
    """Digits after the point that a metric's values are shown with: three, and fewer for large values."""
    size = max(abs(row[name] or 0) for name in ("base", "head"))
    return 3 if size < 10 else 2 if size < 100 else 1 if size < 1000 else 0


def short(value: float, row: Row) -> str:
    """A value of the row's metric; one that would be shown as 0 with two digits that count."""
    text = f"{value:.{digits(row)}f}"
    return f"{value:.1e}" if value and not float(text) else text


def signed(value: float, row: Row) -> str:
    """A difference, with its sign."""
    return f"{'−' if value < 0 else '+'}{short(abs(value), row)}" if value else "0"
