"""The model beside a simple one, on the same test samples: scores of both, and intervals of the difference.

The difference is model - simple model, drawn on the same resamples for both (see `stages.tasks.bootstrap`).
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stages.core.cautions import Caution
from stages.core.errors import UserError
from stages.tasks.bootstrap import Floats, intervals
from stages.tasks.task import Array, Task, rounded

KEY = "simple_model"
FILES = "a pretrained model, more samples, or more copies (augment.copies) may help"
WAYS_OUT = {"text": "look at the model's language, at lr and at epochs", "image": FILES, "audio": FILES}
"""Modality -> what to do where a simple model is as good."""


def outputs_of(table: pa.Table, answered: pa.Table, task: Task) -> Array:
    """What the simple model says of the samples that the model has `answered`, in their order.

    Args:
        table: the simple model's predictions, with their ids.
        answered: those of the model, as `Task.predictions` gives them.

    Raises:
        UserError: a sample that the simple model has not seen.
    """
    places = pc.index_in(answered["id"], table["id"])
    if places.null_count:
        raise UserError("data/baseline holds predictions for other samples than the test split has", "dvc repro")
    aligned = table.take(places)
    _, outputs = task.from_predictions(aligned.append_column("gold", answered["gold"]))
    return outputs / outputs.sum(axis=1, keepdims=True) if outputs.ndim == 2 else outputs


def compare(
    task: Task, gold: Array, outputs: Array, simple: Array, *, resamples: int, confidence: float, seed: int
) -> dict[str, Any]:
    """Scores of the simple model, and by score the difference to the model's with its interval."""
    ours, others = task.scorer(gold, outputs), task.scorer(gold, simple)

    def differences(weights: Floats) -> dict[str, Floats]:
        first, second = ours(weights), others(weights)
        return {name: first[name] - second[name] for name in first if name in second}

    whole = {name: float(value[0]) for name, value in differences(np.ones((1, len(gold)))).items()}
    spans = intervals(differences, len(gold), resamples=resamples, confidence=confidence, seed=seed)
    found = {
        name: {"value": whole[name], "low": low, "high": high}
        for name, (low, high) in spans.items()
        if not np.isnan(whole[name])
    }
    told: dict[str, Any] = rounded({"scores": task.headline(gold, simple), "difference": found})
    return told


def sentence(metrics: Mapping[str, Any], score: str) -> str:
    """The simple model's name, and the difference in a score, from the content of metrics/evaluate.json."""
    compared = metrics[KEY]
    found = compared["difference"].get(score)
    if not found:
        return f"The simple model: {compared['model']}"
    span = f"{found['low']:+.3f} to {found['high']:+.3f}"
    turn = "above" if found["value"] > 0 else "below"
    return f"The simple model: {compared['model']}. The model's {score} is {abs(found['value']):.3f} {turn} it ({span})"


def no_better(metrics: Mapping[str, Any], score: str, modality: str) -> Iterator[Caution]:
    """The warning that training has not paid."""
    compared = metrics[KEY]
    found = compared["difference"].get(score)
    if found and found["value"] <= 0:
        yield Caution(
            "no_better",
            f"the model is no better than {compared['model']}: {score} {metrics[score]:.3f} against "
            f"{compared['scores'][score]:.3f} (difference {found['value']:+.3f}, {found['low']:+.3f} to "
            f"{found['high']:+.3f}): {WAYS_OUT[modality]}",
        )
