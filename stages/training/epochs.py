"""How many epochs are trained: those of params.yaml, more where they make too few updates to learn from."""

import math
from collections.abc import Iterable
from dataclasses import replace
from itertools import count

from stages.training.batches import Encoded
from stages.training.loop import count_epoch_updates
from stages.training.options import Options


def raise_epochs(options: Options, trainings: Iterable[tuple[Encoded, int]]) -> tuple[Options, str]:
    """Raise `epochs` until every training makes `min_updates` updates, and say so.

    All trainings of a run have one number of epochs, so that they compare; schedule, warm-up and whatever else goes
    by epochs see that number.

    Args:
        options: as params.yaml has them.
        trainings: what each member is trained on, with its seed.

    Returns:
        The options to train with, and a sentence for the user, empty where nothing was raised.
    """
    raised, fewest = options.epochs, math.inf
    for train, seed in trainings:
        epochs, updates = _epochs_to_reach(options, train, seed)
        raised, fewest = max(raised, epochs), min(fewest, updates / epochs)
    if raised == options.epochs:
        return options, ""
    sentence = (
        f"epochs {options.epochs} -> {raised}: finetune.min_updates {options.min_updates} and {fewest:.3g} "
        f"update{'' if fewest == 1 else 's'} an epoch"
    )
    return replace(options, epochs=raised), sentence


def _epochs_to_reach(options: Options, train: Encoded, seed: int) -> tuple[int, int]:
    """The fewest epochs, not fewer than asked for, that make `min_updates`, and the updates that they make."""
    settings, updates = options.settings(seed), 0
    for epoch in count(1):
        updates += count_epoch_updates(train, settings, epoch)
        if epoch >= options.epochs and updates >= options.min_updates:
            break
    return epoch, updates


def most_epochs(epochs: int, min_updates: int, batches: int, accumulation_steps: int) -> int:
    """The epochs of a training with so many batches an epoch."""
    return max(epochs, math.ceil(min_updates / math.ceil(batches / accumulation_steps)))
