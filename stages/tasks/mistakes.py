"""The worst predictions, to be read: wrong labels, hard cases, blind spots.

Legend: N samples, K classes.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from stages.tasks.calibration import Floats, Integers

SHOWN_CHARACTERS = 120
HEADER = ("id", "gold", "prediction", "confidence", "text")
Row = tuple[str, str, str, float, str]
"""Id, gold, prediction, confidence (of classes) or error (of values), and the text or the file's name."""


def most_confident(gold: Integers, probabilities: Floats, ids: Sequence[str], *, limit: int) -> Integers:
    """Positions of the wrong predictions, the most confident first, then by id; at most `limit`."""
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != gold)
    confidence = probabilities.max(axis=1)
    ranked = sorted(wrong.tolist(), key=lambda i: (-confidence[i], ids[i]))
    return np.array(ranked[:limit], dtype=np.int64)


def rows(
    gold: Integers,
    probabilities: Floats,
    ids: Sequence[str],
    labels: Sequence[str],
    texts: Mapping[str, str | None],
    positions: Integers,
) -> list[Row]:
    """What is shown of the samples at `positions`; `texts` by id."""
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    return [
        (
            ids[i],
            labels[gold[i]],
            labels[predicted[i]],
            float(confidence[i]),
            one_line(texts.get(ids[i]) or ""),
        )
        for i in positions.tolist()
    ]


def one_line(text: str) -> str:
    """The text on one line of at most 120 characters, invisible ones as spaces, the cut marked with `…`."""
    visible = "".join(character if character.isprintable() else " " for character in text)
    line = " ".join(visible.split())
    return line if len(line) <= SHOWN_CHARACTERS else line[: SHOWN_CHARACTERS - 1] + "…"
