"""What every image augmenter keeps: found by the registry, so that a new member is held to it as well."""

import io
import random
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from stages.augmenters import IMAGE
from stages.augmenters.imgaug_shim import ImageAugmenter, load
from stages.augmenters.limits import UNCHANGED
from stages.augmenters.pictures import make_picture_deriver
from stages.core.errors import UserError
from stages.core.registry import build, member

OPTIONS: dict[str, dict[str, Any]] = {
    "crop": {"max_share": 0.2},
    "scale": {"min_factor": 0.6, "max_factor": 0.8, "fill": "constant"},
    "rotate": {"max_degrees": 30.0, "fill": "edge"},
    "flip": {"direction": "horizontal"},
    "translate": {"max_share": 0.4, "fill": "edge"},
    "shear": {"max_degrees": 30.0, "fill": "edge"},
    "perspective": {"max_share": 0.2},
    "grey": {"min_alpha": 0.5, "max_alpha": 1.0},
    "brightness": {"min_factor": 0.5, "max_factor": 0.7},
    "contrast": {"min_factor": 0.5, "max_factor": 0.7},
    "saturation": {"min_factor": 0.2, "max_factor": 0.6},
    "hue": {"max_degrees": 60.0},
    "gaussian_noise": {"min_sigma": 5.0, "max_sigma": 20.0, "per_channel": True},
    "salt_and_pepper": {"max_share": 0.2},
    "blur": {"min_sigma": 0.5, "max_sigma": 1.5},
    "jpeg": {"min_quality": 5, "max_quality": 30},
    "cutout": {"count": 2, "share": 0.3},
}
COLOUR_ONLY = {"grey", "saturation", "hue"}
FILLED = ("scale", "rotate", "translate", "shear")
Pixels = npt.NDArray[np.uint8]


def augmenter(name: str, **options: Any) -> ImageAugmenter:
    built: ImageAugmenter = build(IMAGE, name, {"p": 1.0, **OPTIONS[name], **options}, f"augment.image.steps.{name}")
    return built


def picture(*shape: int) -> Pixels:
    """A slope with noise on it, coloured where there are three channels."""
    slope = np.linspace(40, 200, shape[0] * shape[1]).reshape(shape[:2])
    if len(shape) == 3:
        slope = np.stack([slope, 240 - slope, 0.5 * slope], axis=2)
    return (slope + np.random.default_rng(0).uniform(0, 15, shape)).astype(np.uint8)


def derived(name: str, pixels: Pixels, seed: int, **options: Any) -> Pixels:
    return augmenter(name, **options)(pixels, np.random.default_rng(seed))


def test_every_member_is_tried_here_and_has_a_docstring() -> None:
    assert set(OPTIONS) == set(IMAGE)
    assert all((member(IMAGE, name, name).__doc__ or "").strip() for name in IMAGE)


@pytest.mark.parametrize("name", IMAGE)
@pytest.mark.parametrize("shape", [(24, 24, 3), (24, 24)], ids=["rgb", "grey"])
def test_shape_and_type_stay_and_the_picture_changes(name: str, shape: tuple[int, ...]) -> None:
    pixels = picture(*shape)
    results = [derived(name, pixels, seed) for seed in range(5)]
    assert all((result.shape, result.dtype) == (pixels.shape, pixels.dtype) for result in results)
    assert np.array_equal(pixels, picture(*shape)), "the original is left as it was"
    changes = sum(not np.array_equal(result, pixels) for result in results)
    assert changes == 0 if name in COLOUR_ONLY and len(shape) == 2 else changes >= 4


@pytest.mark.parametrize("name", IMAGE)
def test_the_state_of_the_generator_decides_alone(name: str) -> None:
    step, pixels = augmenter(name), picture(16, 16, 3)
    first = step(pixels, np.random.default_rng(3))
    load("imgaug.random").get_global_rng().random((7,))
    random.seed(1)
    np.random.seed(1)
    before = np.random.get_state()[1].tolist()  # type: ignore[index]
    step(picture(9, 9), np.random.default_rng(8))
    assert np.array_equal(step(pixels, np.random.default_rng(3)), first)
    assert np.array_equal(derived(name, pixels, 3), first), "another object of the same options"
    assert np.random.get_state()[1].tolist() == before  # type: ignore[index]


@pytest.mark.parametrize("name", sorted(set(IMAGE) - {"flip"}))
def test_another_state_gives_another_picture(name: str) -> None:
    pixels = picture(24, 24, 3)
    assert len({derived(name, pixels, seed).tobytes() for seed in range(6)}) >= 3


@pytest.mark.parametrize("name", IMAGE)
@pytest.mark.parametrize("shape", [(1, 1), (1, 1, 3), (7, 300, 3), (300, 7), (2, 2, 3), (1, 40, 3)], ids=str)
def test_odd_sizes_pass(name: str, shape: tuple[int, ...]) -> None:
    for seed in range(3):
        assert derived(name, picture(*shape), seed).shape == shape


@pytest.mark.parametrize("name", FILLED)
@pytest.mark.parametrize("fill", ["edge", "constant", "reflect", "symmetric", "wrap"])
def test_uncovered_pixels_are_black_only_where_that_is_asked_for(name: str, fill: str) -> None:
    white = np.full((16, 16, 3), 200, np.uint8)
    found = {int(value) for seed in range(3) for value in np.unique(derived(name, white, seed, fill=fill))}
    assert (0 in found) == (fill == "constant")
    assert fill == "constant" or found == {200}


def test_a_flip_mirrors_width_or_height() -> None:
    pixels = picture(8, 12, 3)
    assert np.array_equal(derived("flip", pixels, 0), pixels[:, ::-1])
    assert np.array_equal(derived("flip", pixels, 0, direction="vertical"), pixels[::-1])


def test_brightness_multiplies_and_contrast_keeps_mid_grey() -> None:
    half = {"min_factor": 0.5, "max_factor": 0.5}
    values = np.array([[0, 28, 128, 228]], np.uint8)
    assert derived("brightness", values, 0, **half).tolist() == [[0, 14, 64, 114]]
    assert np.abs(derived("contrast", values, 0, **half).astype(int) - [[64, 78, 128, 178]]).max() <= 1


def test_full_grey_and_no_saturation_take_all_colour() -> None:
    grey = derived("grey", picture(8, 8, 3), 0, min_alpha=1.0)
    plain = derived("saturation", picture(8, 8, 3), 0, min_factor=0.0, max_factor=0.0)
    assert np.ptp(grey, axis=2).max() == np.ptp(plain, axis=2).max() == 0


def test_a_perspective_stays_within_its_bound() -> None:
    step = augmenter("perspective", max_share=0.1)
    drawn = step.aug.jitter.draw_samples((1000,), random_state=load("imgaug.random").RNG(0))
    assert drawn.min() >= 0 and 0.09 < drawn.max() <= 0.1


def test_cutout_covers_its_share_in_mid_grey() -> None:
    result = derived("cutout", np.zeros((20, 20, 3), np.uint8), 4, count=1, share=0.5)
    assert set(np.unique(result)) == {0, 128}
    assert 0 < (result == 128).mean() <= 0.25


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [
        ("crop", "p", 1.5),
        ("crop", "max_share", 0.5),
        ("scale", "min_factor", 0.0),
        ("rotate", "fill", "mirror"),
        ("flip", "direction", "both"),
        ("jpeg", "max_quality", 101),
        ("cutout", "count", 0),
    ],
)
def test_options_out_of_range_are_named(name: str, option: str, value: Any) -> None:
    with pytest.raises(UserError, match=f"steps.{name}.{option}: {value!r}: should be"):
        augmenter(name, **{option: value})


@pytest.mark.parametrize("name", [name for name in IMAGE if any(key.startswith("min_") for key in OPTIONS[name])])
def test_limits_in_the_wrong_order_are_named(name: str) -> None:
    low, high = (next(key for key in OPTIONS[name] if key.startswith(start)) for start in ("min_", "max_"))
    swapped = {low: OPTIONS[name][high], high: OPTIONS[name][low]}
    with pytest.raises(UserError, match=rf"steps\.{name}\.{low}: .* is above {high}"):
        augmenter(name, **swapped)


def png(pixels: Pixels) -> bytes:
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, "PNG")
    return target.getvalue()


def test_pictures_are_derived_by_seed_id_and_copy_alone() -> None:
    steps = {name: {"p": 0.5, **OPTIONS[name]} for name in ("crop", "rotate", "brightness")}
    jobs = [("a", png(picture(12, 12, 3)), 2), ("b", png(picture(12, 10)), 1)]
    derive = make_picture_deriver(steps=steps, seed=1)
    outcomes = derive(jobs)
    assert [len(copies) for copies in outcomes] == [2, 1]
    assert make_picture_deriver(steps=steps, seed=1)(jobs[::-1]) == outcomes[::-1]
    assert make_picture_deriver(steps=steps, seed=2)(jobs) != outcomes
    opened = [Image.open(io.BytesIO(copy.data or b"")) for copies in outcomes for copy in copies]
    assert [(image.format, image.mode, image.size) for image in opened] == [
        ("PNG", "RGB", (12, 12)),
        ("PNG", "RGB", (12, 12)),
        ("PNG", "L", (10, 12)),
    ]
    assert all(copy.steps and set(copy.steps) <= set(steps) for copies in outcomes for copy in copies)


def test_a_picture_that_no_step_changes_is_given_up_with_a_reason() -> None:
    derive = make_picture_deriver(steps={"hue": {"p": 1.0, **OPTIONS["hue"]}}, seed=1)
    ((outcome,),) = derive([("a", png(picture(8, 8)), 1)])
    assert outcome == (None, (), UNCHANGED)
