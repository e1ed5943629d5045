"""The most confident mistakes as pictures: a sheet shows at sight what a table of ids does not."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from stages.modalities.drawing import Cell, sheet

if TYPE_CHECKING:
    from PIL.Image import Image

COLUMNS = 5
LINES = 8
LABEL_CHARACTERS = 16
"""Of a longer label the beginning is shown, so that there is room for the confidence."""


def mistakes_sheet(rows: Sequence[tuple["Image", str, str, float]]) -> bytes:
    """A PNG of pictures, each above `gold → prediction 0.98`, in the order given; the first 40 of them.

    Args:
        rows: picture, gold label, predicted label and the prediction's probability (0-1).
    """
    cells = [
        Cell(picture, f"{_short(gold)} → {_short(wrong)} {confidence:.2f}")
        for picture, gold, wrong, confidence in rows[: COLUMNS * LINES]
    ]
    return sheet([cells[start : start + COLUMNS] for start in range(0, len(cells), COLUMNS)])


def _short(label: str) -> str:
    return label if len(label) <= LABEL_CHARACTERS else label[: LABEL_CHARACTERS - 1].rstrip() + "…"
