"""The source `bundled`: real digits out of an installed library."""

import io

import numpy as np
import pytest

from stages.core.errors import UserError
from stages.core.registry import build
from stages.sources import SOURCES
from stages.sources.bundled import bundled

BOTH = {"image": "image", "label": "label"}


def test_the_digits_are_all_there_and_their_pixels_are_those_of_the_library(as_samples):
    from PIL import Image
    from sklearn.datasets import load_digits

    table = as_samples(bundled(name="digits")("unused", ["image", "label"]), BOTH)
    digits = load_digits()
    assert len(table) == 1_797
    assert table["label"].to_pylist() == [str(number) for number in digits.target]
    cells = table["image"].to_pylist()
    assert (cells[0]["path"], cells[-1]["path"]) == ("digits/0000.png", "digits/1796.png")
    images = [Image.open(io.BytesIO(cell["bytes"])) for cell in cells]
    assert {(image.mode, image.size, image.format) for image in images} == {("L", (8, 8), "PNG")}
    pixels = np.stack([np.asarray(image) for image in images])
    assert np.array_equal(pixels, np.floor(digits.images * 255 / 16 + 0.5))
    assert (pixels.min(), pixels.max()) == (0, 255)


def test_the_same_digits_come_again_with_a_digest_and_no_version(as_samples):
    readings = [bundled(name="digits")("unused", []) for _ in range(2)]
    one, other = (as_samples(reading, BOTH, limit_rows=20) for reading in readings)
    assert one.equals(other)
    assert readings[0].provenance() == {
        "dataset": "digits",
        "bytes": 1_797 * 65,
        "sha256": "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826",
        "parts": [{"name": "digits", "rows": 20, "blank_lines": 0}],
    }


def test_an_unknown_name_or_column_is_told():
    with pytest.raises(UserError, match=r"^params.yaml: fetch.options.name: 'digit': should be 'digits'$"):
        build(SOURCES, "bundled", {"name": "digit"}, "fetch.options")
    with pytest.raises(UserError, match=r"^digits: no column 'images', did you mean 'image'\?$"):
        bundled(name="digits")("unused", ["images"])
