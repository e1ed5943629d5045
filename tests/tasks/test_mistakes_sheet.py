"""Mistakes as pictures: all of them there, in order, with what was said of them."""

import io

import numpy as np
from PIL import Image

from stages.tasks.sheets import mistakes_sheet

SIDE = 128
COLOURS = [(250, 0, 0), (0, 250, 0), (0, 0, 250), (250, 250, 0), (0, 250, 250), (250, 0, 250)]


def sheet(rows: list[tuple[Image.Image, str, str, float]]) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(mistakes_sheet(rows))).convert("RGB"))


def plain(colour: tuple[int, int, int]) -> Image.Image:
    return Image.new("RGB", (8, 8), colour)


def test_pictures_stand_in_rows_of_five_in_their_order() -> None:
    found = sheet([(plain(colour), "cat", "dog", 0.9) for colour in COLOURS])
    corners = [np.argwhere((found == colour).all(axis=2)).min(axis=0) for colour in COLOURS]
    assert len({int(top) for top, _ in corners[:5]}) == 1
    assert [int(left) for _, left in corners[:5]] == sorted({int(left) for _, left in corners[:5]})
    assert corners[5][0] > corners[0][0] + SIDE and corners[5][1] == corners[0][1]
    assert [(found == colour).all(axis=2).sum() for colour in COLOURS] == [SIDE * SIDE] * 6


def test_gold_prediction_and_confidence_each_show_however_long_the_labels_are() -> None:
    rows = [(plain(COLOURS[0]), "long-haired " * 4, "short-haired " * 4, 0.98)]
    variants = [
        rows,
        [(*rows[0][:3], 0.97)],
        [(rows[0][0], "x", *rows[0][2:])],
        [(*rows[0][:2], "y", 0.98)],
    ]
    assert len({mistakes_sheet(variant) for variant in variants}) == 4
    assert mistakes_sheet(rows) == mistakes_sheet(list(rows))


def test_no_mistake_gives_an_empty_sheet_and_more_than_forty_are_cut() -> None:
    assert sheet([]).min() == 255
    rows = [(plain(COLOURS[0]), "a", "b", 0.5)] * 41
    assert mistakes_sheet(rows) == mistakes_sheet(rows[:40])
