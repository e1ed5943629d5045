"""Augmentation on the fly: a sample's change depends on the seed, its id and the epoch, and on nothing else."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from stages.augmenters.online import make_online
from stages.core.errors import UserError

STEPS: dict[str, dict[str, Any]] = {
    "translate": {"p": 0.5, "max_share": 0.3, "fill": "edge"},
    "brightness": {"p": 0.5, "min_factor": 0.5, "max_factor": 1.5},
    "hue": {"p": 0.3, "max_degrees": 40.0},
}
IDS = ["a", "b", "c", "d", "e", "f"]


def batch(channels: int) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (len(IDS), channels, 8, 10), dtype=np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_sample_does_not_depend_on_its_neighbours(channels: int) -> None:
    images = batch(channels)
    whole = make_online(steps=STEPS, seed=1)(images, IDS, 3)
    assert whole.shape == images.shape and whole.dtype == np.uint8
    assert np.array_equal(images, batch(channels)), "the batch is left as it was"
    backwards = make_online(steps=STEPS, seed=1)(images[::-1], IDS[::-1], 3)
    assert np.array_equal(backwards[::-1], whole)
    one = make_online(steps=STEPS, seed=1)(images[2:3], IDS[2:3], 3)
    assert np.array_equal(one[0], whole[2])


def test_seed_id_and_epoch_each_give_another_change() -> None:
    images = np.repeat(batch(3)[:1], len(IDS), axis=0)
    steps = {"brightness": {**STEPS["brightness"], "p": 1.0}}
    first = make_online(steps=steps, seed=1)(images, IDS, 0)
    assert len({image.tobytes() for image in first}) == len(IDS)
    other_epoch = make_online(steps=steps, seed=1)(images, IDS, 1)
    other_seed = make_online(steps=steps, seed=2)(images, IDS, 0)
    for other in (other_epoch, other_seed):
        assert not any(np.array_equal(one, two) for one, two in zip(first, other, strict=True))


def test_steps_are_applied_with_their_probability_and_originals_occur() -> None:
    images = np.repeat(batch(1)[:1], 400, axis=0)
    steps = {"brightness": {"p": 0.25, "min_factor": 0.5, "max_factor": 0.5}}
    changed = make_online(steps=steps, seed=1)(images, [str(number) for number in range(400)], 0) != images
    assert 0.18 < changed.any(axis=(1, 2, 3)).mean() < 0.32


def test_no_step_changes_nothing() -> None:
    assert np.array_equal(make_online(steps={}, seed=1)(batch(3), IDS, 0), batch(3))


def test_a_wrong_option_is_named_by_its_place() -> None:
    with pytest.raises(UserError, match=r"finetune.online.steps.hue.max_degrees: 0.5: should be"):
        make_online(steps={"hue": {"p": 0.5, "max_degrees": 0.5}}, seed=1)
