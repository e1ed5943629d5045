"""Pictures: what is wrong with bytes from outside, and the forms in which images are handed on."""

import warnings
from typing import Any

import numpy as np
import pytest
from PIL import Image

from stages.modalities.modes import has_transparency, to_mode
from stages.modalities.picture import Picture, decode, to_array, to_png
from tests.broken import animation, encoded, noise, png_claiming

MODES = [
    "1", "L", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "HSV", "I", "F", "LA", "PA", "RGBX", "RGBa", "La",
    "I;16", "I;16L", "I;16B",
]  # fmt: skip


def opened(data: bytes, path: str | None = None, *, max_pixels: int = 10_000) -> Picture:
    return Picture(data, path, max_pixels=max_pixels)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "unreadable"),
        (b"no image at all\n", "unreadable"),
        (encoded(noise(), "PNG")[:3000], "truncated"),
        (encoded(noise(), "JPEG")[:-300], "truncated"),
        (encoded(noise(), "PNG").replace(b"IDAT", b"IDAX"), "unreadable"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n", "unreadable"),
        (png_claiming(50_000, 50_000), "bomb"),
        (png_claiming(101, 100), "bomb"),
        (encoded(noise(), "PNG"), None),
    ],
    ids=["zero bytes", "text", "half a PNG", "half a JPEG", "damaged", "PostScript", "huge", "too large", "whole"],
)
def test_what_is_wrong_is_named(data: bytes, problem: str | None) -> None:
    assert opened(data).problem == problem


def test_a_header_is_known_also_of_what_is_no_use() -> None:
    picture = opened(encoded(noise(), "PNG")[:3000])
    assert (picture.format, picture.mode, picture.size, picture.frames) == ("PNG", "RGB", (60, 40), 1)


def test_an_image_that_has_a_problem_is_not_to_be_had() -> None:
    with pytest.raises(ValueError, match="no image to be had: unreadable"):
        _ = opened(b"").image


def test_the_first_frame_is_decoded_and_frames_are_counted() -> None:
    picture = opened(animation(frames=3), "a.gif")
    assert (picture.problem, picture.format, picture.size, picture.frames) == (None, "GIF", (40, 30), 3)
    assert picture.image.convert("L").getpixel((0, 0)) == 10


def test_further_images_of_a_phones_photograph_are_no_frames() -> None:
    picture = opened(encoded(noise(), "MPO", save_all=True, append_images=[noise()]), "a.jpg")
    assert (picture.problem, picture.format, picture.frames) == (None, "MPO", 1)


def test_grey_levels_are_of_512_pixels_a_side_at_most() -> None:
    wide = Image.new("RGB", (2000, 500), (255, 0, 0))
    picture = opened(encoded(wide, "PNG"), max_pixels=10**6)
    assert (picture.grey.shape, picture.grey.dtype) == ((128, 512), np.uint8)
    assert np.all(picture.grey == 76)
    assert picture.grey is picture.grey
    assert picture.image.size == (2000, 500)


def test_a_memory_error_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    def short(_: Image.Image) -> None:
        raise MemoryError

    picture = opened(encoded(noise(), "BMP"))
    monkeypatch.setattr(type(picture._image), "load", short)
    with pytest.raises(MemoryError):
        _ = picture.problem


def test_pillows_guard_and_warnings_are_as_before() -> None:
    before = Image.MAX_IMAGE_PIXELS
    _ = opened(png_claiming(50_000, 50_000)).problem
    assert before == Image.MAX_IMAGE_PIXELS
    with pytest.raises(UserWarning, match="heard"):
        warnings.warn("heard", UserWarning, stacklevel=1)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("target", ["RGB", "L"])
def test_every_mode_becomes_the_one_asked_for(mode: str, target: Any) -> None:
    converted = to_mode(Image.new(mode, (5, 4)), target, (9, 9, 9))
    assert (converted.mode, converted.size, has_transparency(converted)) == (target, (5, 4), False)
    assert to_mode(converted, target, (9, 9, 9)) is converted


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_can_be_stored_and_made_an_array(mode: str) -> None:
    image = Image.new(mode, (5, 4))
    assert decode(to_png(image)).size == (5, 4)
    assert to_array(image).shape == ((4, 5) if mode == "L" else (4, 5, 3))


@pytest.mark.parametrize(
    ("values", "levels"),
    [
        (np.array([[0, 257, 32768, 65535]], np.uint16), [0, 1, 128, 255]),
        (np.array([[0, 257, 32768, 65535]], ">u2"), [0, 1, 128, 255]),
        (np.array([[0, 257, 32768, 65535]], np.int32), [0, 1, 128, 255]),
        (np.array([[-100, 0, 99_900]], np.int32), [0, 0, 255]),
        (np.array([[0.0, 0.5, 1.0]], np.float32), [0, 128, 255]),
        (np.array([[0.0, 1.4, 255.0]], np.float32), [0, 1, 255]),
        (np.array([[-1.0, 0.0, 1.0, np.nan, np.inf]], np.float32), [0, 128, 255, 0, 0]),
    ],
)
def test_deep_levels_are_scaled_to_8_bits(values: np.ndarray, levels: list[int]) -> None:
    assert np.asarray(to_mode(Image.fromarray(values), "L", (0, 0, 0))).tolist() == [levels]


def test_transparent_places_show_the_background() -> None:
    image = Image.new("RGBA", (3, 1))
    image.putdata([(255, 0, 0, 255), (255, 0, 0, 0), (255, 0, 0, 51)])
    shown = np.asarray(to_mode(image, "RGB", (0, 0, 255)))
    assert shown.tolist() == [[[255, 0, 0], [0, 0, 255], [51, 0, 204]]]


def test_a_palette_entry_can_be_transparent() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.putdata([0, 1])
    shown = to_mode(decode(encoded(image, "PNG", transparency=1)), "RGB", (7, 8, 9))
    assert np.asarray(shown).tolist() == [[[255, 0, 0], [7, 8, 9]]]


def test_a_png_has_the_pixels_and_no_metadata_and_repeats() -> None:
    image = noise()
    image.info["dpi"] = (72, 72)
    image.info["icc_profile"] = b"profile"
    data = to_png(image)
    again = decode(data)
    assert again.info == {}
    assert np.array_equal(to_array(again), to_array(image))
    assert to_png(again) == data


def test_an_array_can_be_written_to() -> None:
    array = to_array(decode(to_png(noise())))
    array[0, 0] = 7
    assert (array.dtype, array.shape, array[0, 0].tolist()) == (np.uint8, (40, 60, 3), [7, 7, 7])
