"""Section `flips`: which samples one side gets right and the other wrong; of values, whose error grew or shrank most.

Legend: N samples in common.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from review import shown
from review.pairing import Pair
from review.sides import Side
from stages.core.errors import UserError

SHOWN = 20
"""Rows with text, a direction."""
Flags = npt.NDArray[np.bool_]


def flips(base: Side, head: Side, pair: Pair, *, modality: str) -> dict[str, Any]:  # noqa: ARG001
    """The counts, every id, and the worst with what they hold: `texts` is false where that is in no cache."""
    found = _values(pair) if pair.task == "regression" else _classes(pair)
    rows = [row for part in found.values() if isinstance(part, dict) for row in part["rows"]]
    try:
        texts = shown.texts(head, [row["id"] for row in rows], modality)
    except UserError as error:
        return {**found, "texts": str(error), "modality": modality}
    for row in rows:
        row["name"], row["text"] = texts.get(row["id"], (row["id"], ""))
    return {**found, "texts": None, "modality": modality}


def _classes(pair: Pair) -> dict[str, Any]:
    sides = (pair.base, pair.head)
    before, after = (outputs.argmax(axis=1) for outputs in sides)
    confidences = [outputs.max(axis=1) for outputs in sides]
    right_before, right_after = before == pair.gold, after == pair.gold
    worse, better = right_before & ~right_after, ~right_before & right_after

    def row(i: int) -> dict[str, Any]:
        names = {"gold": pair.gold, "base": before, "head": after}
        told = {name: pair.labels[values[i]] for name, values in names.items()}
        sure = {"confidence_base": float(confidences[0][i]), "confidence_head": float(confidences[1][i])}
        return {"id": pair.ids[i], "name": pair.ids[i], **told, **sure, "text": ""}

    return {
        "task": pair.task,
        "samples": len(pair.ids),
        "still_right": int((right_before & right_after).sum()),
        "still_wrong": int((~right_before & ~right_after).sum()),
        "right_to_wrong": _part(pair, worse, -confidences[1], row),
        "wrong_to_right": _part(pair, better, -confidences[0], row),
        "classes": [
            {
                "label": label,
                "samples": int((pair.gold == k).sum()),
                "right_to_wrong": int((worse & (pair.gold == k)).sum()),
                "wrong_to_right": int((better & (pair.gold == k)).sum()),
            }
            for k, label in enumerate(pair.labels)
        ],
    }


def _values(pair: Pair) -> dict[str, Any]:
    errors = [np.abs(outputs - pair.gold) for outputs in (pair.base, pair.head)]
    change = errors[1] - errors[0]

    def row(i: int) -> dict[str, Any]:
        told = {"gold": float(pair.gold[i]), "base": float(pair.base[i]), "head": float(pair.head[i])}
        return {"id": pair.ids[i], "name": pair.ids[i], **told, "change": float(change[i]), "text": ""}

    return {
        "task": pair.task,
        "samples": len(pair.ids),
        "grew": _part(pair, change > 0, -change, row),
        "shrank": _part(pair, change < 0, change, row),
    }


def _part(pair: Pair, chosen: Flags, rank: Any, row: Any) -> dict[str, Any]:
    """How many are chosen, all their ids, and the first of them by rank, then by id."""
    order: Sequence[int] = sorted(np.flatnonzero(chosen).tolist(), key=lambda i: (rank[i], pair.ids[i]))
    return {"count": len(order), "rows": [row(i) for i in order[:SHOWN]], "ids": [pair.ids[i] for i in order]}
