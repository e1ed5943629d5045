"""A table as a picture that `dvc plots` shows: for what has no picture of its own."""

import unicodedata
from collections.abc import Sequence
from xml.sax.saxutils import escape

CHARACTER, LINE, MARGIN = 7.3, 18, 12
"""Pixels: the width of a letter, the height of a line, and the space around."""


def page(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """An SVG of the rows below their header; invisible characters are spaces."""
    lines = [list(map(_visible, row)) for row in ([header, *rows] if rows else [["none"]])]
    widths = [max(map(_width, column)) + 2 for column in zip(*lines, strict=True)]
    starts = [MARGIN + CHARACTER * sum(widths[:number]) for number in range(len(widths))]
    texts = [_text(MARGIN, 1, _visible(title), bold=True)]
    for number, line in enumerate(lines, start=2):
        texts += [
            _text(start, number, cell, bold=bool(rows) and number == 2)
            for start, cell in zip(starts, line, strict=True)
        ]
    width = 2 * MARGIN + CHARACTER * max(sum(widths), _width(title))
    height = 2 * MARGIN + LINE * (len(lines) + 1)
    size = f'width="{width:.0f}" height="{height}"'
    style = 'font-family="ui-monospace, monospace" font-size="12" xml:space="preserve"'
    back = '<rect width="100%" height="100%" fill="white"/>'
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>', back, *texts, "</svg>"]) + "\n"


def _text(x: float, line: int, content: str, *, bold: bool) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x:.0f}" y="{MARGIN + LINE * line - 5}"{weight}>{escape(content)}</text>'


def _visible(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)


def _width(text: str) -> int:
    """In letters: Chinese, Japanese and Korean characters take two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
