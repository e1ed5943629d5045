"""Pictures: untrusted bytes decoded by Pillow with care, and the forms in which stages hand images on."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from stages.modalities.modes import to_mode

Problem = Literal["unreadable", "truncated", "bomb"]

GREY_SIDE = 512
WHITE = (255, 255, 255)
COMPRESSION = 3
"""Of PNG: photographs are written three times as fast as with 6, and 7 % larger."""
PNG_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")
NOT_OPENED = {"EPS"}
"""Formats left out: Pillow hands these to Ghostscript, a program that executes them."""
SIGNS_OF_TRUNCATION = ("truncated", "not enough image data", "eof", "unexpected end")
SIGNS_OF_A_BOMB = ("decompressed data too large", "decompression bomb")


class Picture:
    """One image of unknown origin, decoded when first looked at.

    `format`, `mode` and `size` are those of the header: None, "" and (0, 0) where it is not accepted.
    Nothing here raises for what the bytes may hold, except `image` and `grey` where there is a `problem`; a
    MemoryError passes, for the process that bounds the memory to report.

    Args:
        path: where the bytes came from; only its suffix is looked at.
        max_pixels: more, by the header or while decoding, are a bomb.
    """

    def __init__(self, data: bytes, path: str | None, *, max_pixels: int) -> None:
        self.path = path
        self.format: str | None = None
        self.mode = ""
        self.size = (0, 0)
        self._data = data
        self._max_pixels = max_pixels
        self._image: Image.Image | None = None
        self._header_problem = self._open()

    def _open(self) -> Problem | None:
        """Read the header."""
        try:
            with _cautious(self._max_pixels):
                image = Image.open(io.BytesIO(self._data), formats=formats())
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 (plugins raise anything at bytes made to break them)
            return _problem(error)
        self.format, self.mode, self.size = image.format, image.mode, image.size
        self._image = image
        return None

    @cached_property
    def problem(self) -> Problem | None:
        """What keeps the first frame from being used, or None."""
        if self._image is None:
            return self._header_problem
        try:
            with _cautious(self._max_pixels):
                self._image.load()
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001
            return _problem(error)
        return "bomb" if self._image.width * self._image.height > self._max_pixels else None

    @property
    def image(self) -> Image.Image:
        """The first frame, fully decoded.

        Raises:
            ValueError: there is a problem.
        """
        if self.problem or self._image is None:
            raise ValueError(f"no image to be had: {self.problem}")
        return self._image

    @cached_property
    def grey(self) -> npt.NDArray[np.uint8]:
        """Grey levels (H, W), shrunk so that no side is longer than 512; transparent places are white."""
        small = to_mode(self.image, "L", WHITE)
        if max(small.size) > GREY_SIDE:
            small = small.copy()
            small.thumbnail((GREY_SIDE, GREY_SIDE), Image.Resampling.BOX)
        return np.asarray(small)

    @cached_property
    def frames(self) -> int:
        """The number of frames or pages; 1 where they cannot be counted.

        The further images of an MPO (a phone's photograph) are previews and the like: they are not counted.
        """
        if self.problem or self.format == "MPO":
            return 1
        if not hasattr(type(self.image), "n_frames"):  # a property would be counted, which moves the file
            return int(vars(self.image).get("n_frames", 1))
        try:
            with _cautious(self._max_pixels), Image.open(io.BytesIO(self._data), formats=formats()) as again:
                return int(getattr(again, "n_frames", 1))
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001
            return 1


@cache
def formats() -> tuple[str, ...]:
    """What is opened, in the order in which it is tried; the first call imports Pillow's readers."""
    Image.preinit()  # the common ones first
    Image.init()
    return tuple(name for name in Image.ID if name not in NOT_OPENED)


@contextmanager
def _cautious(max_pixels: int) -> Iterator[None]:
    """Pillow's own guard, also of images within others, at `max_pixels`; its other warnings are not shown."""
    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = max_pixels
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


def _problem(error: Exception) -> Problem:
    message = str(error).lower()
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return "bomb"
    if any(sign in message for sign in SIGNS_OF_A_BOMB):
        return "bomb"
    if "out of memory" in message:
        raise MemoryError(message) from error
    if isinstance(error, UnidentifiedImageError):
        return "unreadable"
    truncated = isinstance(error, EOFError) or any(sign in message for sign in SIGNS_OF_TRUNCATION)
    return "truncated" if truncated else "unreadable"


def to_png(image: Image.Image) -> bytes:
    """The image as PNG: the same pixels give the same bytes, without metadata.

    Modes that PNG does not have become RGB, or L or 16 bit where they have no colour.
    """
    if image.mode.startswith("I;16"):
        image = Image.fromarray(np.asarray(image).astype(np.uint16))
    elif image.mode in ("I", "F"):
        image = to_mode(image, "L", WHITE)
    elif image.mode not in PNG_MODES:
        image = to_mode(image, "RGB", WHITE)
    plain = image.copy()
    plain.info = {name: value for name, value in image.info.items() if name == "transparency"}
    out = io.BytesIO()
    plain.save(out, "PNG", compress_level=COMPRESSION)
    return out.getvalue()


def decode(data: bytes) -> Image.Image:
    """The image of bytes that `validate` and `clean` have let through, fully decoded."""
    image = Image.open(io.BytesIO(data), formats=formats())
    image.load()
    return image


def to_array(image: Image.Image) -> npt.NDArray[np.uint8]:
    """Grey levels (H, W) of an image of mode L, else RGB (H, W, 3)."""
    return np.array(image if image.mode == "L" else to_mode(image, "RGB", WHITE))
