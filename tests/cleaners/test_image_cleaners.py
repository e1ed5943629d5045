"""Cleaners of images: what each changes and what it leaves alone, and the cleaner that stores the result."""

from typing import Any

import numpy as np
import pytest
from PIL import Image

from stages.cleaners import IMAGE
from stages.cleaners.cleaned import Cleaned
from stages.cleaners.pictures import as_png, make_picture_cleaner, make_signature
from stages.core import registry
from stages.core.errors import UserError
from stages.modalities.picture import decode, to_array
from tests.broken import encoded, image_of, noise, png_claiming

STEPS: dict[str, dict[str, Any]] = {
    "orientation": {},
    "mode": {"target": "RGB", "background": [255, 255, 255]},
    "resize": {"height": 20, "width": 20, "filter": "bicubic", "fit": "cover", "only_shrink": False},
    "denoise": {"strength": 3.0},
    "contrast": {"clip_limit": 2.0, "tiles": 8},
    "sharpen": {"radius_px": 2.0, "percent": 100},
    "greyscale": {},
}
MODES = ["1", "L", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "HSV", "I", "F", "LA", "PA", "I;16", "I;16B"]
CORNERS = image_of([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255]], [[0, 0, 0], [9, 9, 9]]])
ARRANGED = {
    1: [[0, 1], [2, 3], [4, 5]],
    2: [[1, 0], [3, 2], [5, 4]],
    3: [[5, 4], [3, 2], [1, 0]],
    4: [[4, 5], [2, 3], [0, 1]],
    5: [[0, 2, 4], [1, 3, 5]],
    6: [[4, 2, 0], [5, 3, 1]],
    7: [[5, 3, 1], [4, 2, 0]],
    8: [[1, 3, 5], [0, 2, 4]],
}
"""How the pixels of `CORNERS`, numbered line by line, are shown for each orientation, by the EXIF standard."""


def built(name: str, **options: Any) -> Any:
    return registry.build(IMAGE, name, STEPS[name] | options, f"clean.image.steps.{name}")


def oriented(image: Image.Image, orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(image, "PNG", exif=exif)


def clean(data: bytes, path: str | None = "a.jpg", *steps: str, hash_bits: bool = False) -> Cleaned:
    found = make_picture_cleaner(steps={name: STEPS[name] for name in steps}, max_pixels=100_000, hash_bits=hash_bits)(
        (data, path)
    )
    assert found is not None
    return found


def test_every_cleaner_is_tried_here() -> None:
    assert set(STEPS) == set(IMAGE)


@pytest.mark.parametrize("name", ["orientation", "mode", "resize", "greyscale"])
@pytest.mark.parametrize("mode", MODES)
def test_cleaners_that_can_be_are_idempotent(name: str, mode: str) -> None:
    cleaner = built(name)
    once = cleaner(Image.new(mode, (50, 30)))
    assert cleaner(once) is once


@pytest.mark.parametrize("name", ["denoise", "contrast", "sharpen"])
@pytest.mark.parametrize("mode", MODES)
def test_the_others_take_every_mode_and_keep_what_they_do_not_change(name: str, mode: str) -> None:
    flat = Image.new(mode, (50, 30))
    result = built(name)(flat)
    assert result.size == (50, 30)
    if name == "sharpen" or (name == "denoise" and result.mode != "RGB"):
        assert result is flat  # CLAHE moves an even level, and OpenCV's way through LAB rounds


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_image_is_turned_as_its_exif_data_say(orientation: int) -> None:
    numbers = np.array(ARRANGED[orientation])
    image = decode(oriented(CORNERS, orientation))
    turned = built("orientation")(image)
    assert np.array_equal(to_array(turned), to_array(CORNERS).reshape(6, 3)[numbers])
    assert (turned is image) == (orientation == 1)
    assert built("orientation")(turned) is turned


def test_exif_data_that_cannot_be_read_turn_nothing() -> None:
    image = CORNERS.copy()
    image.info["exif"] = b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\x01\x12"
    assert built("orientation")(image) is image


def test_the_orientation_is_known_after_other_steps() -> None:
    image = decode(oriented(noise(10, 30), 6))
    for name in ("greyscale", "sharpen", "resize"):
        image = built(name, **({"fit": "contain"} if name == "resize" else {}))(image)
    assert built("orientation")(image).size == (7, 20)


def test_a_background_shows_through() -> None:
    glass = Image.new("RGBA", (2, 1), (0, 0, 0, 0))
    assert built("mode", background=[1, 2, 3])(glass).getpixel((0, 0)) == (1, 2, 3)
    assert built("mode", target="L", background=[9, 9, 9])(glass).getpixel((0, 0)) == 9


@pytest.mark.parametrize(
    ("size", "fit", "only_shrink", "expected"),
    [
        ((100, 50), "stretch", False, (20, 40)),
        ((100, 50), "contain", False, (20, 10)),
        ((100, 50), "cover", False, (20, 40)),
        ((10, 10), "contain", False, (20, 20)),
        ((10, 10), "contain", True, (10, 10)),
        ((10, 100), "stretch", True, (10, 40)),
        ((10, 100), "cover", True, (10, 40)),
        ((100, 10), "cover", True, (20, 10)),
        ((1000, 1), "contain", False, (20, 1)),
        ((1, 5000), "cover", False, (20, 40)),
    ],
)
def test_sizes_after_resizing(size: tuple[int, int], fit: str, only_shrink: bool, expected: tuple[int, int]) -> None:
    """Width and height, resized to a height of 40 and a width of 20."""
    cleaner = built("resize", height=40, width=20, fit=fit, only_shrink=only_shrink)
    once = cleaner(Image.new("RGB", size))
    assert once.size == expected
    assert cleaner(once) is once


def test_cover_cuts_the_same_on_both_sides() -> None:
    image = image_of(np.tile([[10, 20, 30, 40, 50, 60]], (2, 1)))
    cut = built("resize", height=2, width=2, filter="nearest")(image)
    assert np.asarray(cut).tolist() == [[30, 40], [30, 40]]


def test_denoising_brings_an_image_nearer_to_the_one_without_noise() -> None:
    clear = np.full((64, 64, 3), 120.0)
    clear[:, 32:] = 180
    grainy = image_of(clear + np.random.default_rng(1).normal(0, 8, clear.shape))
    cleaned = np.asarray(built("denoise", strength=8.0)(grainy), dtype=float)
    assert np.abs(cleaned - clear).mean() < 0.5 * np.abs(np.asarray(grainy) - clear).mean()
    assert built("denoise")(grainy.convert("L")).mode == "L"


def test_contrast_is_stretched_and_sharpening_steepens_edges() -> None:
    dull = image_of(np.tile(np.linspace(100, 140, 64)[None, :, None], (64, 1, 3)))
    assert np.asarray(built("contrast")(dull)).std() > 1.1 * np.asarray(dull).std()
    assert np.asarray(built("contrast", clip_limit=8.0)(dull)).std() > 1.3 * np.asarray(dull).std()
    edge = image_of([[100] * 10 + [150] * 10] * 20)
    sharp = np.asarray(built("sharpen")(edge))
    assert (sharp.min(), sharp.max()) == (80, 170)


def test_an_image_that_nothing_changes_keeps_its_bytes() -> None:
    data = encoded(noise(20, 20), "JPEG")
    assert clean(data, "b/a.jpg", "orientation", "mode", "resize") == Cleaned(data, "b/a.jpg", (), None, None)
    upright = oriented(noise(20, 20), 1)
    assert clean(upright, "a.png", "orientation").bytes == upright


def test_a_changed_image_is_stored_as_png_with_the_steps_that_changed_it() -> None:
    found = clean(encoded(noise(30, 40), "JPEG"), "b/a.b.jpg", "orientation", "mode", "resize", "greyscale")
    assert (found.path, found.steps, found.problem) == ("b/a.b.png", ("resize", "greyscale"), None)
    image = decode(found.bytes)
    assert (image.format, image.mode, image.size) == ("PNG", "L", (20, 20))
    again = clean(found.bytes, found.path, "orientation", "resize", "greyscale")
    assert again == Cleaned(found.bytes, found.path, (), None, None)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "image.unreadable"),
        (encoded(noise(), "PNG")[:3000], "image.truncated"),
        (png_claiming(9999, 9999), "image.bomb"),
    ],
)
def test_what_cannot_be_decoded_keeps_its_bytes_and_has_a_reason(data: bytes, problem: str) -> None:
    assert clean(data, None, "mode", hash_bits=True) == Cleaned(data, "", (), problem, None)


def test_where_there_are_no_bytes_there_is_no_result() -> None:
    assert make_picture_cleaner(steps={}, max_pixels=9, hash_bits=False)((None, None)) is None


def test_paths_get_the_suffix_of_a_png() -> None:
    assert [as_png(path) for path in ("a.jpg", "b.c/a", "", "x/.hidden")] == ["a.png", "b.c/a.png", "", "x/.hidden.png"]


def test_hashes_of_an_image_and_its_copies_are_close_and_of_others_far() -> None:
    blocks = np.random.default_rng(3).integers(0, 256, (2, 8, 8)).astype(np.uint8)
    one, other = (Image.fromarray(block).resize((128, 96), Image.Resampling.BICUBIC) for block in blocks)
    signature = make_signature()
    whole = signature(one)
    small = signature(decode(encoded(one.convert("RGB").resize((64, 48)), "JPEG", quality=40)))
    assert 0 <= whole < 2**64
    assert (whole ^ small).bit_count() <= 4
    assert (whole ^ signature(other)).bit_count() > 16
    assert clean(encoded(one, "PNG"), "a.png", hash_bits=True).signature == whole


def test_hashes_are_those_of_the_result() -> None:
    rotated = clean(oriented(noise(20, 30), 6), "a.png", "orientation", hash_bits=True)
    assert rotated.signature == make_signature()(decode(rotated.bytes))


def test_a_wrong_option_names_its_key() -> None:
    with pytest.raises(UserError, match=r"clean\.image\.steps\.mode\.target: 'BGR': should be 'RGB' or 'L'"):
        make_picture_cleaner(steps={"mode": {"target": "BGR", "background": [0, 0, 0]}}, max_pixels=9, hash_bits=False)
