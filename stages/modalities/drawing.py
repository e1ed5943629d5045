"""Sheets of pictures with captions: for contact sheets of augmentation and for mistakes, as PNG."""

import io
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from PIL import Image, ImageDraw, ImageFont

MAX_BYTES = 400_000
"""Of a sheet: it goes into plots, which reviews carry along."""
CELLS = (128, 112, 96, 80, 64)
"""Sides of a cell in pixels; smaller ones are tried until the sheet is within `MAX_BYTES`."""

GAP, MARGIN, LINE = 8, 16, 17
INK, QUIET, PANEL, FRAME = "#1c2530", "#5f6b7a", "#eaeff5", "#d3dae3"
WHITE = (255, 255, 255)
CAPTION_LINES = 3


class Cell(NamedTuple):
    """A picture and what stands below it."""

    picture: "Image.Image"
    caption: str = ""


def sheet(rows: Sequence[Sequence[Cell]], *, header: Sequence[str] = (), first_apart: bool = False) -> bytes:
    """A grid of pictures as PNG of at most about `MAX_BYTES`: the same cells give the same bytes.

    Pictures fill cells of one size: small ones are enlarged by whole factors without smoothing, so that their
    pixels show, large ones are shrunk; what is transparent is white.

    Args:
        header: what stands above the columns, from the left.
        first_apart: the first column stands on a panel of its own.
    """
    data = b""
    for side in CELLS:
        if len(data := png_within(_grid(rows, side, header, first_apart))) <= MAX_BYTES:
            break
    return data


def png_within(canvas: "Image.Image") -> bytes:
    """The picture as PNG; where that takes more than `MAX_BYTES`, in few colours."""
    data = png(canvas)
    return data if len(data) <= MAX_BYTES else png(few_colours(canvas))


def png(canvas: "Image.Image") -> bytes:
    """The picture as PNG."""
    target = io.BytesIO()
    canvas.save(target, "PNG", optimize=True)
    return target.getvalue()


def few_colours(canvas: "Image.Image") -> "Image.Image":
    """The picture in 256 colours, a quarter of the bytes; undithered, as dots would look like noise.

    The colour of the upper left corner, the background, stays what it is.
    """
    from PIL import Image

    sample = canvas.resize((-(-canvas.width // 4), -(-canvas.height // 4)), Image.Resampling.NEAREST)
    palette = sample.quantize(256, method=Image.Quantize.MEDIANCUT, kmeans=1)  # of all pixels it takes ten seconds
    coarse = canvas.quantize(palette=palette, dither=Image.Dither.NONE)
    colours = coarse.getpalette() or []
    background = 3 * int(np.asarray(coarse)[0, 0])
    colours[background : background + 3] = np.asarray(canvas)[0, 0].tolist()
    coarse.putpalette(colours)
    return coarse


def fitted(picture: "Image.Image", side: int) -> "Image.Image":
    """The picture in RGB on white, as large as a square of `side` pixels takes it."""
    from PIL import Image

    from stages.modalities.modes import to_mode

    plain = to_mode(picture, "RGB", WHITE)
    wide, high = plain.size
    if max(wide, high) <= side:
        factor = side // max(wide, high)
        return plain.resize((wide * factor, high * factor), Image.Resampling.NEAREST)
    scale = side / max(wide, high)
    size = (max(1, round(wide * scale)), max(1, round(high * scale)))
    return plain.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


@cache
def font(size: int, *, bold: bool = False) -> "ImageFont.FreeTypeFont":
    """DejaVu Sans, which comes with matplotlib: Latin, Greek, Cyrillic, arrows; other scripts show as boxes."""
    import matplotlib
    from PIL import ImageFont

    file = Path(matplotlib.get_data_path()) / "fonts/ttf" / f"DejaVuSans{'-Bold' if bold else ''}.ttf"
    return ImageFont.truetype(str(file), size, layout_engine=ImageFont.Layout.BASIC)


def wrapped(text: str, width: int, *, measure: Callable[[str], float], lines: int = CAPTION_LINES) -> list[str]:
    """The text in at most `lines` lines of `width` pixels, divided at spaces; what does not fit ends in `…`."""
    words = "".join(one if one.isprintable() else " " for one in text).split()
    done: list[str] = []
    while words and len(done) < lines:
        count = next((n for n in range(len(words), 0, -1) if measure(" ".join(words[:n])) <= width), 1)
        last = len(done) == lines - 1
        line = " ".join(words if last else words[:count])
        done.append(_cut(line, width, measure))
        words = words[count:]
    return done


def _cut(line: str, width: int, measure: Callable[[str], float]) -> str:
    if measure(line) <= width:
        return line
    kept = next((n for n in range(len(line) - 1, 0, -1) if measure(line[:n].rstrip() + "…") <= width), 0)
    return line[:kept].rstrip() + "…"


def _grid(rows: Sequence[Sequence[Cell]], side: int, header: Sequence[str], first_apart: bool) -> "Image.Image":
    from PIL import Image, ImageDraw

    lines = [_Line.of(row, side) for row in rows]
    columns = max((len(row) for row in rows), default=1)
    apart = 2 * GAP if first_apart else 0
    head = LINE + GAP if header else 0
    wide = 2 * MARGIN + columns * (side + GAP) - GAP + apart
    high = 2 * MARGIN + head + sum(line.height for line in lines) - (GAP if lines else 0)
    canvas = Image.new("RGB", (wide, high), WHITE)
    draw = ImageDraw.Draw(canvas)
    if first_apart:
        draw.rounded_rectangle((GAP, GAP, MARGIN + side + GAP, high - GAP), GAP, fill=PANEL)
    lefts = [MARGIN + column * (side + GAP) + (apart if column else 0) for column in range(columns)]
    for left, name in zip(lefts, header, strict=False):
        draw.text((left, MARGIN - 2), name, QUIET, font(12, bold=True))
    top = MARGIN + head
    for line in lines:
        _put(canvas, draw, line, lefts, top, side)
        top += line.height
    return canvas


class _Line(NamedTuple):
    pictures: "list[Image.Image]"
    captions: list[list[str]]
    tallest: int
    height: int

    @classmethod
    def of(cls, row: Sequence[Cell], side: int) -> "_Line":
        pictures = [fitted(cell.picture, side) for cell in row]
        captions = [wrapped(cell.caption, side, measure=font(12).getlength) for cell in row]
        tallest = max((picture.height for picture in pictures), default=0)
        return cls(pictures, captions, tallest, tallest + LINE * max(map(len, captions), default=0) + 2 * GAP)


def _put(
    canvas: "Image.Image", draw: "ImageDraw.ImageDraw", line: _Line, lefts: Sequence[int], top: int, side: int
) -> None:
    for left, picture, caption in zip(lefts, line.pictures, line.captions, strict=False):
        x, y = left + (side - picture.width) // 2, top + (line.tallest - picture.height) // 2
        canvas.paste(picture, (x, y))
        draw.rectangle((x - 1, y - 1, x + picture.width, y + picture.height), outline=FRAME)
        for number, text in enumerate(caption):
            draw.text((left, top + line.tallest + 4 + number * LINE), text, INK, font(12))
