"""Section `metrics`: base, head, their difference, and whether it is more than luck."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from review.pairing import Pair
from review.sides import Side
from review.statistics import differences, estimate, finding, holm, mcnemar
from stages.tasks.bootstrap import Floats

EVALUATE = "metrics/evaluate.json"


def metric_changes(
    base: Side, head: Side, pair: Pair, *, resamples: int, confidence: float, bins: int
) -> dict[str, Any]:
    """A row for each metric that both sides define, p-values corrected for their number."""
    scoring, samples = pair.scoring, len(pair.ids)
    scores = [scoring.scorer(pair.gold, outputs, bins) for outputs in (pair.base, pair.head)]
    ones = np.ones((1, samples))
    before, after = ({name: float(value[0]) for name, value in score(ones).items()} for score in scores)
    drawn = differences(scores[0], scores[1], samples, resamples=resamples)
    names = [name for name in scoring.names if not np.isnan(after[name] - before[name])]
    estimates = {name: estimate(drawn[name], samples=samples, confidence=confidence) for name in names}
    p_values = {name: _exact(pair) if name == "accuracy" else estimates[name].p for name in names}
    corrected = dict(zip(names, holm([p_values[name] for name in names]), strict=True))
    spreads = [_spreads(side) for side in (base, head)]
    rows = []
    for name in names:
        one, difference = estimates[name], after[name] - before[name]
        gain = scoring.gain(name, difference)
        rows.append(
            {
                "name": name,
                "direction": scoring.direction(name),
                "base": before[name],
                "head": after[name],
                "difference": difference,
                "low": number(one.low),
                "high": number(one.high),
                "p": number(p_values[name]),
                "p_holm": number(corrected[name]),
                "finding": finding(gain, one.low, one.high, corrected[name], confidence=confidence),
                "smallest_detectable": number(one.smallest_detectable),
                "deviation_base": spreads[0].get(name),
                "deviation_head": spreads[1].get(name),
            }
        )
    counts = {"samples": samples, "samples_base": pair.samples_base, "samples_head": pair.samples_head}
    settings = {"resamples": resamples, "confidence": confidence, "task": pair.task, "same": same(pair)}
    left_out = [name for name in scoring.names if name not in names]
    return {**counts, **settings, "undefined": left_out, "rows": rows}


def same(pair: Pair) -> bool:
    """Whether both sides predict the same to the last digit."""
    return bool(np.array_equal(pair.base, pair.head))


def number(value: float) -> float | None:
    """The number for JSON: null where it is not defined."""
    return None if np.isnan(value) else float(value)


def _exact(pair: Pair) -> float:
    first, second = alone_right(pair)
    return mcnemar(int(first.sum()), int(second.sum()))


def alone_right(pair: Pair) -> tuple[Floats, Floats]:
    """1 where base alone is right, and where head alone is: (N,) each."""
    base, head = (pair.scoring.each(pair.gold, outputs) for outputs in (pair.base, pair.head))
    return base * (1 - head), head * (1 - base)


def _spreads(side: Side) -> Mapping[str, float]:
    """The deviations over seeds or folds, where the side was trained several times."""
    found = side.json(EVALUATE).get("deviation", {}) if side.exists(EVALUATE) else {}
    return {name: float(value) for name, value in found.items() if isinstance(value, int | float)}
