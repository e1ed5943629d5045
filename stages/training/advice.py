"""What finetune warns of when it has ended: a training that was cut short, and a rate that is too low."""

from collections.abc import Mapping, Sequence

import numpy as np

from stages.core.cautions import Caution
from stages.training.progress import History

Rows = Sequence[Mapping[str, float]]

FALL = 0.05
"""Of the loss in the last epoch, in training and on validation: more is no end yet."""
FALL_WITHIN = 0.1
"""The same between the halves of an only epoch, of which the first holds the start from nothing."""
USUAL_RATES = {"head": 1e-3, "lora": 5e-4, "last_layers": 1e-4}
"""Of strategies that train few weights: those that benchmarks/strategies.py compares them at; full takes 5e-5."""
LOW = 5
"""Times below the usual rate."""


def cautions_of(history: History, *, loss: str, strategy: str, lr: float) -> list[Caution]:
    """What a training that has ended gives reason to look at.

    Args:
        loss: the name of the validation loss in the rows of the epochs.
        lr: the peak rate.
    """
    found = [still_falling(history, loss), low_rate(strategy, lr)]
    return [caution for caution in found if caution]


def still_falling(history: History, loss: str) -> Caution | None:
    """Whether the training ended while it still got better.

    With several epochs: the validation loss is the lowest in the last one, and there both it and the training loss
    are lower than an epoch before by `FALL` or more. A single epoch has nothing to compare validation with: the mean
    training loss of the second half of its updates is lower than that of the first by `FALL_WITHIN` or more.
    """
    epochs = len(history.epochs)
    if epochs == 1:
        losses = np.array([row["loss"] for row in history.steps])
        if len(losses) < 2:
            return None
        first, second = (float(half.mean()) for half in np.array_split(losses, 2))
        if not _falls(first, second, FALL_WITHIN):
            return None
        seen = f"training loss was {first:.3g} in the first half of the only epoch and {second:.3g} in the second"
    else:
        before, last = history.epochs[-2:]
        lowest = last[loss] <= min(row[loss] for row in history.epochs)
        falls = all(_falls(before[name], last[name], FALL) for name in ("train_loss", loss))
        if not lowest or not falls:
            return None
        seen = f"validation loss fell from {before[loss]:.3g} to {last[loss]:.3g} in the last of {epochs} epochs"
    return Caution("still_falling", f"the loss was still falling: {seen}: more epochs, or a higher lr")


def _falls(before: float, after: float, share: float) -> bool:
    return after <= before * (1 - share)


def low_rate(strategy: str, lr: float) -> Caution | None:
    """Whether the peak rate is more than `LOW` times below what is usual for the strategy.

    Where most weights are frozen, the few that are trained take, and need, larger steps.
    """
    usual = USUAL_RATES.get(strategy)
    if usual is None or lr * LOW >= usual:
        return None
    return Caution(
        "low_rate",
        f"strategy {strategy} wants a higher rate: lr is {lr:g}, usual is about {usual:g}: dvc exp run -S lr={usual:g}",
    )
