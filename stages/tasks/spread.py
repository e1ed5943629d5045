"""Scores of several models: their mean and how far they are spread."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

Scores = Mapping[str, float]


def spread(members: Sequence[Scores]) -> dict[str, dict[str, float]]:
    """`mean` and `deviation` of each score that all members have.

    The deviation is that of a sample (divided by n - 1). Members of one cross-validation share most of their training
    samples: it says how much the score depends on them and on the seed, and is no standard error.
    """
    names = [name for name in members[0] if all(name in scores for scores in members)]
    columns = {name: np.array([scores[name] for scores in members], dtype=np.float64) for name in names}
    return {
        "mean": {name: round(float(values.mean()), 6) for name, values in columns.items()},
        "deviation": {name: round(float(values.std(ddof=1)), 6) for name, values in columns.items()},
    }


def member_table(metrics: Mapping[str, Any], names: Sequence[str]) -> tuple[str, list[str], list[tuple[str, ...]]]:
    """Title, header and rows for a reader: members with the scores called `names`, then mean and deviation.

    `metrics` has `members`, `mean` and `deviation`.
    """
    mean, deviation = metrics["mean"], metrics["deviation"]
    known = [name for name in names if name in mean]
    rows = [(member, *(f"{scores[name]:.4f}" for name in known)) for member, scores in metrics["members"].items()]
    last = (f"{mean[name]:.4f} ± {deviation[name]:.4f}" for name in known)
    return f"{len(rows)} members", ["member", *known], [*rows, ("mean ± deviation", *last)]
