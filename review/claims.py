"""Whether metrics/evaluate.json says what the predictions beside it give."""

import numpy as np

from review.metrics import EVALUATE
from review.pairing import PREDICTIONS, predictions
from review.scoring import SCORINGS
from review.sides import Side

TOLERANCE = 1e-5
"""Of a metric, relative where it is above 1: metrics are rounded to six digits."""


def false_claims(side: Side, *, bins: int) -> list[str]:
    """A sentence for each headline metric that its own predictions do not give; none where all agree.

    `bins` are those of the calibration error.
    """
    claimed = side.json(EVALUATE) if side.exists(EVALUATE) else {}
    made = predictions(side)
    scoring = SCORINGS[made.task]
    number = {label: k for k, label in enumerate(made.labels)}
    gold = np.array([number[label] for label in made.gold] if number else made.gold)
    measured = scoring.scorer(gold, made.outputs, bins)(np.ones((1, len(gold))))
    sentences = []
    for name in scoring.names:
        value, given = float(measured[name][0]), claimed.get(name)
        if given is None or np.isnan(value):
            continue
        if abs(value - given) > TOLERANCE * max(1.0, abs(value)):
            sentences.append(f"{EVALUATE} says {name} {given:g}, and {PREDICTIONS} gives {value:.6g}")
    return sentences
