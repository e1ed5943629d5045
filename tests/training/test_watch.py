"""What is told while training, and that it is told once."""

import math
from typing import Any

import pytest

from stages.training.watch import Watch


def watching(**changes: Any) -> tuple[Watch, list[str]]:
    told: list[str] = []
    options = {
        "exploding_factor": 10.0,
        "overfitting_epochs": 2,
        "baselines": (1.0, 1.1),
        "validation_loss": "log_loss",
    } | changes
    return Watch(told.append, **options), told


def rows(*losses: tuple[float, float]) -> list[dict[str, float]]:
    return [{"epoch": n, "train_loss": t, "log_loss": v} for n, (t, v) in enumerate(losses, start=1)]


def test_a_gradient_far_over_the_median_is_told_once() -> None:
    watch, told = watching()
    for step in range(1, 31):
        watch.update({"step": step, "grad_norm": {3: 30.0, 22: math.inf, 25: 30.0, 28: 40.0}.get(step, 2.0)})
    assert told == [
        "watch: step 25: the gradient's norm is 30, 15 times the median: "
        "try a lower lr, a lower finetune.max_grad_norm or a longer finetune.warmup_share"
    ]


@pytest.mark.parametrize(
    ("train", "validation", "told"), [(1.0, 1.1, True), (0.9, 1.2, False), (1.2, 1.0, False), (1.3, 1.2, True)]
)
def test_an_epoch_that_learns_nothing_is_told(train: float, validation: float, told: bool) -> None:
    watch, lines = watching()
    for _ in range(2):
        watch.epoch(rows((train, validation)))
    expected = (
        f"watch: epoch 1: training loss {train:.4f}, no better than 1.0000 for one answer to everything: "
        "try another lr, more epochs, and look at the labels"
    )
    assert lines == ([expected] if told else [])


def test_overfitting_is_told_after_two_epochs_of_it() -> None:
    watch, told = watching()
    losses = [(0.9, 0.8), (0.7, 0.7), (0.5, 0.75), (0.4, 0.8), (0.3, 0.9)]
    for number in range(1, 6):
        watch.epoch(rows(*losses[:number]))
        assert len(told) == (number >= 4)
    assert told[0].startswith("watch: epoch 4: validation loss has risen for 2 epochs while training loss fell: try")


def test_what_rises_with_the_training_loss_is_no_overfitting() -> None:
    watch, told = watching()
    watch.epoch(rows((0.5, 0.7), (0.4, 0.75), (0.45, 0.8)))
    assert told == []


def test_what_was_told_is_not_told_again_after_a_break() -> None:
    watch, told = watching()
    watch.epoch(rows((2.0, 2.0)))
    other, again = watching()
    other.load_state_dict(watch.state_dict())
    other.epoch(rows((2.0, 2.0)))
    assert (len(told), again) == (1, [])
