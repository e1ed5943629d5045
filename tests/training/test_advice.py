"""What finetune warns of at its end, and where it is silent. The losses are those of real runs."""

import pytest

from stages.training.advice import low_rate, still_falling
from stages.training.progress import History

DEFAULT = [(1.0139, 0.7316), (0.4873, 0.6254), (0.2338, 0.5666), (0.1246, 0.5744)]
SICK = [(0.5752, 0.2718), (0.2444, 0.2330), (0.1662, 0.2097), (0.1193, 0.2081)]


def history(*losses: tuple[float, float], steps: tuple[float, ...] = ()) -> History:
    return History(
        steps=[{"loss": loss} for loss in steps],
        epochs=[{"train_loss": train, "log_loss": validation} for train, validation in losses],
    )


@pytest.mark.parametrize(
    "losses",
    [
        DEFAULT,
        SICK,
        [(1.0, 1.0), (0.5, 0.8), (0.45, 0.81)],
        [(1.0, 1.0), (0.5, 0.8), (0.49, 0.7)],
        [(1.0, 0.6), (0.5, 0.8), (0.3, 0.7)],
    ],
    ids=["the default", "sick", "validation rises", "training stands still", "another epoch was better"],
)
def test_a_training_that_came_to_rest_is_no_reason_to_warn(losses: list[tuple[float, float]]) -> None:
    assert still_falling(history(*losses), "log_loss") is None


def test_a_training_that_still_gets_better_is() -> None:
    found = still_falling(history(*DEFAULT[:3]), "log_loss")
    assert found == (
        "still_falling",
        "the loss was still falling: validation loss fell from 0.625 to 0.567 in the last of 3 epochs: "
        "more epochs, or a higher lr",
    )


def test_a_single_epoch_is_judged_by_its_halves() -> None:
    found = still_falling(history((0.4323, 0.3370), steps=(0.6, 0.4, 0.4, 0.3)), "log_loss")
    assert found is not None and found.sentence == (
        "the loss was still falling: training loss was 0.5 in the first half of the only epoch and 0.35 in the "
        "second: more epochs, or a higher lr"
    )
    assert still_falling(history((0.3, 0.3), steps=(0.31, 0.3, 0.29, 0.3)), "log_loss") is None
    assert still_falling(history((0.3, 0.3), steps=(0.31,)), "log_loss") is None


@pytest.mark.parametrize(
    ("strategy", "lr", "warns"),
    [
        ("head", 2e-5, True),
        ("head", 5e-5, True),
        ("head", 1e-3, False),
        ("head", 2e-4, False),
        ("lora", 5e-5, True),
        ("lora", 1e-4, False),
        ("last_layers", 1e-5, True),
        ("last_layers", 5e-5, False),
        ("full", 1e-6, False),
        ("scratch", 1e-6, False),
    ],
)
def test_a_rate_far_below_the_usual_one_of_the_strategy_is_told(strategy: str, lr: float, warns: bool) -> None:
    assert (low_rate(strategy, lr) is not None) == warns


def test_it_is_told_with_the_usual_rate() -> None:
    found = low_rate("head", 2e-5)
    assert found is not None and found.sentence == (
        "strategy head wants a higher rate: lr is 2e-05, usual is about 0.001: dvc exp run -S lr=0.001"
    )
