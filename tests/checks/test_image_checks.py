"""Checks of images: each finds what it names, at its limits, through the inspector that validate uses."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from stages.checks import CHECKS
from stages.checks.image import missing
from stages.checks.media import make_inspector
from stages.core import samples
from stages.core.errors import UserError
from tests.broken import animation, encoded, image_of, noise, png_claiming
from tests.workplace import params

ALL: dict[str, dict[str, Any]] = {
    "unreadable": {},
    "truncated": {},
    "bomb": {},
    "timeout": {},
    "memory": {},
    "crash": {},
    "wrong_suffix": {},
    "too_small": {"min_side_px": 8},
    "extreme_aspect": {"max_ratio": 10.0},
    "odd_mode": {},
    "animated": {},
    "near_constant": {"min_std": 2.0},
    "underexposed": {"level": 10, "max_share": 0.9},
    "overexposed": {"level": 245, "max_share": 0.9},
    "blurred": {"min_variance": 20.0},
}


def codes(data: bytes | None, path: str | None = None, checks: Mapping[str, dict[str, Any]] = ALL) -> list[str]:
    inspect = make_inspector(family="image", checks=checks, max_pixels=100_000, max_seconds=1.0)
    return [code.removeprefix("image.") for code in inspect((data, path))]


def one(name: str, image: Image.Image, **options: Any) -> bool:
    return codes(encoded(image, "PNG"), checks={name: options}) == [name]


@pytest.mark.parametrize(
    ("data", "path", "found"),
    [
        (encoded(noise(), "PNG"), "a.png", []),
        (encoded(noise(), "JPEG"), None, []),
        (encoded(noise(), "JPEG"), "folder/a", []),
        (encoded(noise(), "JPEG"), "a.JPG", []),
        (encoded(noise(), "MPO", save_all=True, append_images=[noise()]), "a.jpg", []),
        (encoded(noise(), "JPEG"), "a.v2", []),
        (encoded(noise(), "JPEG"), "a.png", ["wrong_suffix"]),
        (b"", "a.png", ["unreadable"]),
        (b"no image\n", "a.png", ["unreadable"]),
        (encoded(noise(), "PNG")[:3000], "a.png", ["truncated"]),
        (encoded(noise(), "JPEG")[:-300], "a.png", ["truncated", "wrong_suffix"]),
        (png_claiming(60_000, 60_000), "a.png", ["bomb"]),
        (encoded(noise(channels=4), "PNG"), "a.png", ["odd_mode"]),
        (encoded(noise().convert("CMYK"), "JPEG"), "a.jpg", ["odd_mode"]),
        (encoded(noise().convert("P"), "PNG", transparency=0), "a.png", ["odd_mode"]),
        (encoded(noise(), "PNG", transparency=(1, 2, 3)), "a.png", ["odd_mode"]),
        (
            encoded(Image.fromarray(np.full((9, 9), 9, np.uint16)), "PNG"),
            "a.png",
            ["odd_mode", "near_constant", "underexposed", "blurred"],
        ),
        (animation(), "a.gif", ["odd_mode", "animated", "near_constant", "underexposed", "blurred"]),
        (encoded(noise(1, 1), "PNG"), "a.png", ["too_small", "near_constant", "blurred"]),
        (encoded(noise(1, 5000), "PNG"), "a.png", ["too_small", "extreme_aspect"]),
    ],
)
def test_each_image_has_its_codes(data: bytes, path: str | None, found: list[str]) -> None:
    assert codes(data, path) == found


def test_codes_come_in_the_order_of_the_checks() -> None:
    small = encoded(noise(1, 1), "PNG")
    assert codes(small, checks={"blurred": ALL["blurred"], "too_small": ALL["too_small"]}) == ["blurred", "too_small"]


def test_where_there_are_no_bytes_there_is_nothing_to_decode() -> None:
    assert codes(None) == []
    images = pa.array([{"bytes": b"x", "path": "a"}, None, {"bytes": None, "path": "b"}], samples.MEDIA)
    table = samples.table({"id": ["a", "b", "c"], "image": images})
    assert missing()(table, []).tolist() == [False, True, True]


def test_limits_are_where_they_say() -> None:
    assert not one("too_small", noise(8, 20), min_side_px=8)
    assert one("too_small", noise(20, 7), min_side_px=8)
    assert not one("extreme_aspect", noise(10, 30), max_ratio=3.0)
    assert one("extreme_aspect", noise(31, 10), max_ratio=3.0)
    half = image_of([[98] * 8, [102] * 8] * 4)
    assert one("near_constant", half, min_std=2.01)
    assert not one("near_constant", half, min_std=2.0)


@pytest.mark.parametrize(("name", "level", "dark"), [("underexposed", 10, True), ("overexposed", 245, False)])
def test_exposure_is_a_share_of_pixels_beyond_a_level(name: str, level: int, dark: bool) -> None:
    pixels = np.full((10, 10), 128)
    pixels[:6] = level
    assert one(name, image_of(pixels), level=level, max_share=0.59)
    assert not one(name, image_of(pixels), level=level, max_share=0.6)
    assert not one(name, image_of(pixels), level=level - 1 if dark else level + 1, max_share=0.1)


def test_blur_is_seen_in_the_edges() -> None:
    from PIL import ImageFilter

    sharp = image_of(np.kron(np.random.default_rng(1).integers(0, 2, (16, 16)) * 255, np.ones((8, 8))))
    assert not one("blurred", sharp, min_variance=100.0)
    assert one("blurred", sharp.filter(ImageFilter.GaussianBlur(6)), min_variance=100.0)


def test_every_check_of_images_is_tried_here() -> None:
    assert {f"image.{name}" for name in (*ALL, "missing")} == {name for name in CHECKS if name.startswith("image.")}


@pytest.mark.parametrize("recipe", ["cats-and-dogs", "cifar10"])
def test_every_check_of_images_stands_in_the_recipes_with_its_options(recipe: str) -> None:
    content = params({}, f"recipes/{recipe}.yaml")["validate"]["checks"]["image"]
    assert set(content) == {*ALL, "missing"}
    assert codes(encoded(noise(), "PNG"), checks={name: content[name] for name in ALL}) == []


def test_a_wrong_option_names_its_key() -> None:
    with pytest.raises(UserError, match=r"validate\.checks\.image\.too_small\.min_side_px: 0: should be greater"):
        codes(b"", checks={"too_small": {"min_side_px": 0}})
    with pytest.raises(UserError, match=r"validate\.checks\.image\.blured: unknown name .* did you mean"):
        codes(b"", checks={"blured": {}})
