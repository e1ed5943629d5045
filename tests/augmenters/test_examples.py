"""Examples for a person to look at: a few of each class, with their copies, on a sheet where they are no texts."""

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from stages.augmenters.examples import COPIES, LINES, Examples
from tests import workplace
from tests.broken import encoded
from tests.sounds import coded, tone

COLOURS = {"a": (250, 0, 0), "b": (0, 0, 250), "c": (0, 250, 0)}
"""Derived images are grey."""


def samples(modality: str, count: int, labels: str = "ab", start: int = 0) -> pa.Table:
    """Originals o0, o1, … of alternating labels."""
    rows = []
    for n in range(start, start + count):
        label = labels[n % len(labels)]
        rows.append({"id": f"o{n}", "label": label, modality: content(modality, f"text {n}", COLOURS[label])})
    return workplace.table(rows)


def content(modality: str, text: str, colour: tuple[int, int, int]) -> object:
    if modality == "text":
        return text
    data = encoded(Image.new("RGB", (8, 8), colour), "PNG") if modality == "image" else coded(tone(300.0, seconds=0.1))
    return {"bytes": data, "path": "x"}


def copies(modality: str, parents: list[str], each: int) -> pa.Table:
    rows = [
        {"id": f"{i}+{n}", "parent": i, modality: content(modality, f"copy {n} of {i}", (90, 90, 90))}
        for i in parents
        for n in range(1, each + 1)
    ]
    return workplace.table(rows)


def test_texts_are_shown_with_their_first_copy() -> None:
    examples = Examples("text", 2)
    examples.add(samples("text", 3), copies("text", ["o1", "o2"], 2))
    assert examples.texts() == [["b", "text 1", "copy 1 of o1"], ["a", "text 2", "copy 1 of o2"]]


def test_long_texts_are_shortened() -> None:
    examples = Examples("text", 1)
    rows = workplace.table([{"id": "o0", "label": "a", "text": "x" * 500}])
    examples.add(rows, workplace.table([{"id": "o0+1", "parent": "o0", "text": "y" * 500}]))
    assert examples.texts() == [["a", "x" * 160, "y" * 160]]


@pytest.mark.parametrize(("classes", "labels", "each"), [(2, "ab", 5), (3, "abc", 3), (25, "ab", 1), (1, "a", 10)])
def test_lines_are_shared_out_over_the_classes(classes: int, labels: str, each: int) -> None:
    examples = Examples("text", classes)
    for start in (0, 20):
        part = samples("text", 20, labels, start)
        examples.add(part, copies("text", part["id"].to_pylist(), 1))
    shown = [label for label, _, _ in examples.found]
    assert {label: shown.count(label) for label in labels} == dict.fromkeys(labels, each)
    assert len(shown) <= LINES


def test_a_few_copies_of_each_are_kept() -> None:
    examples = Examples("text", 1)
    examples.add(samples("text", 1), copies("text", ["o0"], 9))
    ((_, original, derived),) = examples.found
    assert original == "text 0"
    assert derived == [f"copy {n} of o0" for n in range(1, COPIES + 1)]


def test_originals_without_copies_are_left_out() -> None:
    examples = Examples("text", 2)
    examples.add(samples("text", 4), copies("text", [], 1))
    examples.add(samples("text", 4), copies("text", ["o3"], 1))
    assert [original for _, original, _ in examples.found] == ["text 3"]


def test_images_are_drawn_on_a_sheet_and_not_told_as_texts(tmp_path: Path) -> None:
    examples = Examples("image", 2)
    examples.add(samples("image", 2), copies("image", ["o0", "o1"], 2))
    assert examples.texts() == []
    examples.draw(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["derived.png"]
    page = np.asarray(Image.open(io.BytesIO((tmp_path / "derived.png").read_bytes())).convert("RGB"))
    areas = [int((page == colour).all(axis=2).sum()) for colour in (COLOURS["a"], COLOURS["b"], (90, 90, 90))]
    assert areas[0] == areas[1] == areas[2] / 4 > 0


def test_sounds_are_drawn_on_a_sheet_of_the_same_bytes_each_time(tmp_path: Path) -> None:
    examples = Examples("audio", 2)
    examples.add(samples("audio", 2), copies("audio", ["o0", "o1"], 1))
    assert examples.texts() == []
    pages = []
    for _ in range(2):
        examples.draw(tmp_path)
        pages.append((tmp_path / "derived.png").read_bytes())
    assert pages[0] == pages[1]
    assert Image.open(io.BytesIO(pages[0])).format == "PNG"


@pytest.mark.parametrize("modality", ["text", "image", "audio"])
def test_without_examples_the_sheet_says_so(modality: str, tmp_path: Path) -> None:
    Examples(modality, 0).draw(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["derived.svg"]
    assert ">none</text>" in (tmp_path / "derived.svg").read_text()


def test_derived_texts_stand_beside_their_originals(tmp_path: Path) -> None:
    examples = Examples("text", 1)
    examples.add(samples("text", 1), copies("text", ["o0"], 2))
    examples.draw(tmp_path)
    sheet = (tmp_path / "derived.svg").read_text()
    assert sheet.count(">text 0</text>") == 2 and ">copy 1 of o0</text>" in sheet and ">copy 2 of o0</text>" in sheet
