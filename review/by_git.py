"""What Git alone tells of a change: for results that did not change, and for outputs that cannot be read here.

Metrics are then those that were committed, without statistics: nothing is paired, and nothing is claimed.
"""

from typing import Any

from review.balance import shares, stage_counts
from review.locks import locked, outputs
from review.metrics import EVALUATE
from review.scoring import SCORINGS
from review.sides import Side
from review.statistics import NOT_VERIFIED, NOTHING
from stages.core.report import COST

COUNTED = ("fetch", "validate", "clean", "augment", "split", "encode")
"""Stages whose metrics count samples."""


def results_unchanged(base: Side, head: Side) -> bool:
    """Whether both sides have the same outputs by dvc.lock, and the same metrics files beside it.

    False where a side has no outputs: nothing is known of it then.
    """
    before, after = (outputs(locked(side)) for side in (base, head))
    if not before or before != after:
        return False
    return _metrics_files(base) == _metrics_files(head)


def _metrics_files(side: Side) -> dict[str, bytes]:
    """The content of each metrics file; not that of what training cost, which differs from run to run."""
    names = [name for name in side.names("metrics") if name.endswith(".json") and name != COST.name]
    return {name: side.read_bytes(f"metrics/{name}") for name in names}


def sections(base: Side, head: Side, *, resamples: int, confidence: float, unchanged: bool) -> dict[str, Any]:
    """The sections of a review that otherwise read outputs: `metrics` as committed, `data` as counts alone.

    `flips` and `slices` are None. In `data` there is nothing but `stages` and `shares`.
    """
    counts = [{stage: _read_metrics(side, stage) for stage in COUNTED} for side in (base, head)]
    return {
        "metrics": _committed_metrics(base, head, resamples=resamples, confidence=confidence, unchanged=unchanged),
        "flips": None,
        "slices": None,
        "data": {"stages": stage_counts(counts[0], counts[1]), "shares": shares(counts[1])},
    }


def _read_metrics(side: Side, stage: str) -> dict[str, Any] | None:
    path = f"metrics/{stage}.json"
    return side.json(path) if side.exists(path) else None


def _committed_metrics(base: Side, head: Side, *, resamples: int, confidence: float, unchanged: bool) -> dict[str, Any]:
    """The section `metrics`, in the form of `review.metrics.metric_changes`."""
    before, after = (side.json(EVALUATE) if side.exists(EVALUATE) else {} for side in (base, head))
    task = "regression" if "mse" in after else "classification"
    scoring = SCORINGS[task]
    rows = []
    for name in scoring.names:
        earlier, later = before.get(name), after.get(name)
        if not isinstance(earlier, int | float) or not isinstance(later, int | float):
            continue
        unknown = dict.fromkeys(("low", "high", "p", "p_holm", "smallest_detectable"))
        rows.append(
            {
                "name": name,
                "direction": scoring.direction(name),
                "base": float(earlier),
                "head": float(later),
                "difference": float(later) - float(earlier),
                **unknown,
                "finding": NOTHING if unchanged else NOT_VERIFIED,
                "deviation_base": before.get("deviation", {}).get(name),
                "deviation_head": after.get("deviation", {}).get(name),
            }
        )
    counts = {f"samples{suffix}": found.get("samples") for suffix, found in (("_base", before), ("_head", after))}
    shown = {row["name"] for row in rows}
    return {
        "samples": counts["samples_head"],
        **counts,
        "resamples": resamples,
        "confidence": confidence,
        "task": task,
        "same": unchanged,
        "undefined": [name for name in scoring.names if name not in shown],
        "rows": rows,
    }
