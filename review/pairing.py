"""Predictions of both sides, sample by sample: what the statistics are paired on.

Legend: N samples that both sides have, with the same gold label, K classes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from review.scoring import SCORINGS, Array, Scoring
from review.sides import Side
from stages.core.errors import UserError

PREDICTIONS = "models/predictions.parquet"
PREFIX = "probability."


@dataclass(frozen=True)
class Predictions:
    """One side's predictions; `labels` is empty for values."""

    task: str
    labels: tuple[str, ...]
    ids: list[str]
    gold: list[Any]
    outputs: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Pair:
    """Both sides on the samples in common: `gold` (N,), outputs (N, K) or (N,), in the order of head."""

    task: str
    labels: tuple[str, ...]
    ids: list[str]
    gold: Array
    base: Array
    head: Array
    samples_base: int
    samples_head: int
    relabelled: list[str]
    """Samples of both test sets whose gold label or value differs: they are not compared."""

    @property
    def scoring(self) -> Scoring:
        """The task's metrics."""
        return SCORINGS[self.task]

    @property
    def same_test_set(self) -> bool:
        """Whether both sides were tested on the same samples with the same gold labels."""
        return len(self.ids) == self.samples_base == self.samples_head


def read_pair(base: Side, head: Side, *, min_common: int) -> Pair:
    """Both sides' predictions, put side by side by id.

    Raises:
        UserError: no predictions, not finite ones, another task or label set, or too few samples in common.
    """
    first, second = predictions(base), predictions(head)
    _comparable(first, second, base, head)
    place = {one: i for i, one in enumerate(first.ids)}
    common = [(place[one], i) for i, one in enumerate(second.ids) if one in place]
    kept = [(i, j) for i, j in common if first.gold[i] == second.gold[j]]
    relabelled = [second.ids[j] for i, j in common if first.gold[i] != second.gold[j]]
    if len(kept) < min_common:
        raise UserError(
            f"{len(kept)} test samples in common, too few to compare (test samples: {len(first.ids)} of {base.title}, "
            f"{len(second.ids)} of {head.title}; {len(relabelled)} of those in common were relabelled)",
            f"review.min_common in params.yaml asks for {min_common}; compare sides that share a test set, or give "
            "more samples to it by split.ratios",
        )
    at_base, at_head = (np.array(places, dtype=np.int64) for places in zip(*kept, strict=True))
    order = [first.labels.index(label) for label in second.labels]
    outputs = first.outputs[at_base]
    return Pair(
        second.task,
        second.labels,
        [second.ids[j] for j in at_head.tolist()],
        _gold(second, at_head),
        outputs[:, order] if order else outputs,
        second.outputs[at_head],
        len(first.ids),
        len(second.ids),
        relabelled,
    )


def predictions(side: Side) -> Predictions:
    """One side's predictions.

    Raises:
        UserError: there are none, ids repeat, or a number is not finite.
    """
    table = side.parquet(PREDICTIONS)
    needed = {"id", "gold", "prediction"}
    if needed - set(table.column_names):
        raise UserError(
            f"{PREDICTIONS} of {side.title}: no column {', '.join(sorted(needed - set(table.column_names)))}",
            "dvc repro evaluate makes it again",
        )
    labels = tuple(name.removeprefix(PREFIX) for name in table.column_names if name.startswith(PREFIX))
    columns = [f"{PREFIX}{label}" for label in labels] or ["prediction"]
    outputs = np.stack([_numbers(table[column], column, side) for column in columns], axis=1)
    broken = int((~np.isfinite(outputs)).any(axis=1).sum())
    if broken:
        raise UserError(
            f"{PREDICTIONS} of {side.title}: {broken} of {len(table)} predictions are not finite (NaN or infinite)",
            "training has diverged there: lower lr, or set finetune.max_grad_norm, then dvc repro",
        )
    ids, gold = table["id"].to_pylist(), table["gold"].to_pylist()
    if len(set(ids)) < len(ids):
        raise UserError(f"{PREDICTIONS} of {side.title}: an id comes twice", "dvc repro evaluate makes it again")
    if labels and set(gold) - set(labels):
        raise UserError(
            f"{PREDICTIONS} of {side.title}: no probabilities of {sorted(set(gold) - set(labels))}",
            "dvc repro evaluate makes it again",
        )
    task = "classification" if labels else "regression"
    return Predictions(task, labels, ids, gold, outputs if labels else outputs[:, 0])


def _numbers(column: pa.ChunkedArray, name: str, side: Side) -> npt.NDArray[np.float64]:
    try:
        return np.asarray(column.cast(pa.float64()).to_numpy(), dtype=np.float64)
    except pa.ArrowInvalid:
        raise UserError(
            f"{PREDICTIONS} of {side.title}: {name} holds no numbers: neither classes with probabilities nor values",
            "dvc repro evaluate makes it again",
        ) from None


def _comparable(first: Predictions, second: Predictions, base: Side, head: Side) -> None:
    """The same task and, of classes, the same labels; `task` in params.yaml is not asked: outputs tell."""
    sides: Mapping[str, Predictions] = {base.title: first, head.title: second}
    if first.task != second.task:
        told = ", ".join(f"{title}: {one.task}" for title, one in sides.items())
        raise UserError(f"the sides have different tasks ({told})", "compare revisions of one task")
    if set(first.labels) != set(second.labels):
        told = "; ".join(f"{title}: {', '.join(one.labels)}" for title, one in sides.items())
        raise UserError(f"the sides have different labels ({told})", "compare revisions with one set of labels")


def _gold(side: Predictions, places: npt.NDArray[np.int64]) -> Array:
    if not side.labels:
        return np.array([side.gold[i] for i in places.tolist()], dtype=np.float64)
    number = {label: k for k, label in enumerate(side.labels)}
    return np.array([number[side.gold[i]] for i in places.tolist()], dtype=np.int64)
