"""Gates and metrics as Markdown."""

from collections.abc import Mapping, Sequence
from typing import Any

from review.escape import code, folded, plain, table
from review.slices import TOO_FEW
from review.statistics import BETTER, NOT_VERIFIED, NOTHING, WORSE
from review.verdict import called, short, signed

SIGNS = {BETTER: "🟢 better", WORSE: "🔴 worse", NOTHING: NOTHING, TOO_FEW: TOO_FEW, NOT_VERIFIED: f"⚠️ {NOT_VERIFIED}"}
ARROWS = {"higher": "↑", "lower": "↓"}
"""Direction in which values are better -> its sign."""
COMMITTED = "As metrics/evaluate.json has them on either side: outputs were not read, so nothing was tested."
Row = Mapping[str, Any]


def gate_lines(gates: Sequence[Row], rows: int) -> list[str]:
    """A table of the gates that failed or that nobody can judge, which are never left out; those that passed folded."""
    open_ones = [gate for gate in gates if not gate["passed"] or not gate["verified"]]
    passed = [gate for gate in gates if gate["passed"] and gate["verified"]]
    header = ["", "gate", "limit", "value", "why"]
    lines = table(header, map(_gate, open_ones), limit=len(open_ones), right=[3])
    summary = f"{len(passed)} {'gate' if len(passed) == 1 else 'gates'} passed"
    return [*lines, *folded(summary, table(header, map(_gate, passed), limit=max(rows, 1), right=[3]))]


def _gate(gate: Row) -> list[str]:
    sign = "❌" if not gate["passed"] else "✅" if gate["verified"] else "⚠️"
    return [sign, code(str(gate["name"])), plain(told(gate["limit"])), plain(told(gate["value"])), plain(gate["why"])]


def told(value: Any) -> str:
    """A number with five digits that count; anything else as text."""
    return f"{value:.5g}" if isinstance(value, float) else "–" if value is None else str(value)


def metric_lines(metrics: Row, rows: int) -> list[str]:  # noqa: ARG001
    """The table of all metrics, and how to read it."""
    level = f"{100 * metrics['confidence']:g} % interval"
    header = ["metric", "base", "head", "difference", level, "p", "finding", "detectable"]
    body = [_metric(row) for row in metrics["rows"]]
    if all(row["low"] is None for row in metrics["rows"]):
        return [
            "### Metrics",
            "",
            *table(header, body, limit=len(body), right=range(1, 6)),
            f"<sub>{COMMITTED}</sub>",
            "",
        ]
    text = (
        f"{metrics['samples']} test samples, the same on both sides. ↑ higher is better, ↓ lower. Difference: head − "
        f"base; its interval by the paired bootstrap ({metrics['resamples']} resamples). p: corrected for {len(body)} "
        "metrics (Holm); that of accuracy is McNemar's exact one. Detectable: the difference that a test set "
        "like this one detects in 4 of 5 cases."
    )
    if any(row[f"deviation_{side}"] is not None for row in metrics["rows"] for side in ("base", "head")):
        text += " ±: the standard deviation over seeds or folds, which the interval does not hold."
    return ["### Metrics", "", *table(header, body, limit=len(body), right=range(1, 6)), f"<sub>{text}</sub>", ""]


def _metric(row: Row) -> list[str]:
    name = f"{called(row['name'])} {ARROWS[row['direction']]}"
    smallest = "–" if row["smallest_detectable"] is None else short(row["smallest_detectable"], row)
    numbers = [_spread(row, "base"), _spread(row, "head"), *difference(row)]
    return [name, *numbers, SIGNS[row["finding"]], smallest]


def _spread(row: Row, side: str) -> str:
    deviation = row[f"deviation_{side}"]
    return short(row[side], row) + ("" if deviation is None else f" ± {short(deviation, row)}")


def difference(row: Row) -> list[str]:
    """A row's difference, its interval and its corrected p-value."""
    known = row["low"] is not None and (row["low"] or row["high"])  # where no sample changed, 0 to 0 would promise much
    span = f"{signed(row['low'], row)} to {signed(row['high'], row)}" if known else "–"
    p = row["p_holm"]
    return [signed(row["difference"], row), span, "–" if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}"]
