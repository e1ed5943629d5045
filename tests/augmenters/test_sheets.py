"""Contact sheets: the same input gives the same bytes, whatever its size, and what is shown can be found in them."""

import io
import sys

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from stages.augmenters.sheets import mel_power, picture_sheet, sound_sheet
from stages.modalities.drawing import MAX_BYTES, fitted, wrapped
from stages.modalities.sound import Sound


def plain(colour: str | int, size: tuple[int, int] = (16, 16), mode: str = "RGB") -> Image.Image:
    return Image.new(mode, size, colour)


def pixels(sheet: bytes) -> npt.NDArray[np.uint8]:
    image = Image.open(io.BytesIO(sheet))
    assert image.format == "PNG"
    return np.asarray(image.convert("RGB"))


def share(sheet: bytes, colour: tuple[int, int, int]) -> int:
    """The number of pixels in `colour`."""
    return int((pixels(sheet) == colour).all(axis=2).sum())


def test_each_picture_fills_a_cell_and_the_original_stands_at_the_left() -> None:
    sheet = picture_sheet([("cat", plain("red"), [plain("blue"), plain("green")]), ("dog", plain("red"), [])])
    assert share(sheet, (255, 0, 0)) == 2 * 128 * 128
    assert share(sheet, (0, 0, 255)) == share(sheet, (0, 128, 0)) == 128 * 128
    columns = [
        np.flatnonzero((pixels(sheet) == colour).all(axis=2).any(axis=0)) for colour in [(255, 0, 0), (0, 0, 255)]
    ]
    assert columns[0].max() < columns[1].min()
    assert pixels(sheet)[0, 0].tolist() == [255, 255, 255]


def test_the_same_pictures_give_the_same_bytes_and_labels_show() -> None:
    rows = [("cat", plain("red"), [plain("blue")])]
    assert picture_sheet(rows) == picture_sheet(rows)
    assert picture_sheet(rows) != picture_sheet([("dog", *rows[0][1:])])


def test_many_large_noisy_pictures_stay_a_small_file_on_white() -> None:
    rng = np.random.default_rng(0)
    noisy = [Image.fromarray(rng.integers(0, 256, (150, 200, 3), dtype=np.uint8)) for _ in range(6)]
    sheet = picture_sheet([("noise", noisy[0], noisy[1:])] * 14)
    assert len(sheet) <= MAX_BYTES
    assert pixels(sheet)[0, 0].tolist() == [255, 255, 255]


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "CMYK", "I;16"])
@pytest.mark.parametrize("size", [(1, 1), (300, 7), (7, 300)], ids=str)
def test_pictures_of_any_mode_and_shape_are_shown(mode: str, size: tuple[int, int]) -> None:
    assert pixels(picture_sheet([("", plain(0, size, mode), [plain(0, size, mode)])])).ndim == 3


def test_small_pictures_grow_by_whole_factors_without_smoothing() -> None:
    chequered = Image.fromarray(np.array([[0, 255], [255, 0], [0, 255]], np.uint8))
    grown = np.asarray(fitted(chequered, 128))
    assert grown.shape == (126, 84, 3)
    assert set(np.unique(grown)) == {0, 255}
    assert fitted(plain("red", (300, 30)), 128).size == (128, 13)


def test_transparent_places_are_white() -> None:
    assert np.asarray(fitted(Image.new("RGBA", (4, 4), (255, 0, 0, 0)), 4)).min() == 255


def test_an_empty_sheet_is_still_a_picture() -> None:
    assert pixels(picture_sheet([])).ndim == pixels(sound_sheet([])).ndim == 3


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", []),
        ("one", ["one"]),
        ("one two three", ["one two", "three"]),
        ("one two three four five", ["one two", "three fo…"]),
        ("a\x00b\nc", ["a b c"]),
        ("unreasonable", ["unreason…"]),
    ],
)
def test_captions_are_wrapped_at_spaces_and_cut_where_they_must(text: str, lines: list[str]) -> None:
    assert wrapped(text, 9, measure=len, lines=2) == lines


def tone(hertz: float, seconds: float = 0.25, *, rate: int = 8000, channels: int = 1) -> Sound:
    wave = 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)
    return Sound(np.repeat(wave[:, None], channels, axis=1).astype(np.float32), rate)


def test_the_same_sounds_give_the_same_bytes_without_pyplot() -> None:
    loaded = "matplotlib.pyplot" in sys.modules
    rows = [("$one$ 猫", tone(440), [tone(880), tone(440, 0.1)]), ("two", tone(300), [])]
    sheet = sound_sheet(rows)
    assert sound_sheet(rows) == sheet
    assert len(sheet) <= MAX_BYTES
    assert pixels(sheet)[0, 0].tolist() == [255, 255, 255]
    assert sound_sheet([("$one$ 猫", tone(440), [tone(870), tone(440, 0.1)]), rows[1]]) != sheet
    assert ("matplotlib.pyplot" in sys.modules) == loaded


@pytest.mark.parametrize("rate", [8000, 44100])
@pytest.mark.parametrize("samples", [0, 1, 300])
def test_silence_and_the_shortest_sounds_are_shown(rate: int, samples: int) -> None:
    silent = Sound(np.zeros((samples, 2), np.float32), rate)
    assert pixels(sound_sheet([("", silent, [tone(440, 0.05, rate=rate)])])).ndim == 3


def test_a_higher_tone_stands_in_a_higher_band() -> None:
    bands = [int(mel_power(tone(hertz)).sum(axis=1).argmax()) for hertz in (200, 800, 3000)]
    assert bands == sorted(set(bands))
    assert mel_power(tone(200)).shape[0] == 64
