"""How many epochs are trained: those that are asked for, more where they would make too few updates."""

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from stages.core.params import checked
from stages.training.batches import Encoded
from stages.training.epochs import most_epochs, raise_epochs
from stages.training.loop import count_updates
from stages.training.options import Options
from tests.workplace import params

Samples = Callable[[int], Encoded]


@pytest.fixture
def samples(encoded_table: Callable[..., pa.Table]) -> Samples:
    """So many samples of 3 to 6 tokens."""
    return lambda count: Encoded(encoded_table([[2, *[5] * (1 + n % 4), 3] for n in range(count)], [0] * count))


def options(epochs: int = 4, batch_size: int = 4, **changes: Any) -> Options:
    content = params({f"finetune.{name}": value for name, value in changes.items()})
    block = checked(content).finetune
    return Options.of(**block.model_dump(), lr=1.0, epochs=epochs, batch_size=batch_size)


@pytest.mark.parametrize(
    ("min_updates", "accumulation_steps", "epochs"), [(0, 1, 4), (16, 1, 4), (17, 1, 5), (200, 1, 50), (200, 3, 100)]
)
def test_epochs_are_raised_until_there_are_enough_updates(
    samples: Samples, min_updates: int, accumulation_steps: int, epochs: int
) -> None:
    asked = options(min_updates=min_updates, accumulation_steps=accumulation_steps)
    raised, sentence = raise_epochs(asked, [(samples(16), 1)])
    assert raised.epochs == epochs
    assert (raised == asked) == (sentence == "") == (epochs == 4)
    assert most_epochs(4, min_updates, 4, accumulation_steps) == epochs


def test_the_user_is_told_why(samples: Samples) -> None:
    asked = options(min_updates=200)
    assert raise_epochs(asked, [(samples(16), 1)])[1] == (
        "epochs 4 -> 50: finetune.min_updates 200 and 4 updates an epoch"
    )
    assert raise_epochs(asked, [(samples(3), 1)])[1] == (
        "epochs 4 -> 200: finetune.min_updates 200 and 1 update an epoch"
    )


def test_all_members_have_the_epochs_that_the_smallest_needs(samples: Samples) -> None:
    raised, sentence = raise_epochs(options(min_updates=40), [(samples(20), 1), (samples(8), 1), (samples(12), 2)])
    assert raised.epochs == 20
    assert sentence == "epochs 4 -> 20: finetune.min_updates 40 and 2 updates an epoch"


def test_batches_of_tokens_are_counted_epoch_by_epoch(samples: Samples) -> None:
    asked, train = options(min_updates=60, batch_tokens=15), samples(16)
    raised, _ = raise_epochs(asked, [(train, 7)])
    assert count_updates(train, raised.settings(7)) >= 60
    fewer = options(epochs=raised.epochs - 1, batch_tokens=15)
    assert raised.epochs > 4 and count_updates(train, fewer.settings(7)) < 60
