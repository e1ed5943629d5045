"""Images cleaned one at a time: what a bounded process does for `clean`. Pillow is imported when it is needed."""

from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from stages.cleaners import IMAGE
from stages.cleaners.cleaned import Cleaned
from stages.core import registry
from stages.core.blocks import Options

if TYPE_CHECKING:
    from PIL import Image

Item = tuple[bytes | None, str | None]
"""The bytes of an image, and its path."""


def make_picture_cleaner(
    *, steps: Mapping[str, Options], max_pixels: int, hash_bits: bool
) -> Callable[[Item], Cleaned | None]:
    """A function that decodes an image, applies the steps in order, and stores it: None where there are no bytes.

    An image that no step changes keeps its bytes; a changed one becomes a PNG of its first frame.

    Args:
        steps: options by the step's name.
        max_pixels: more are a bomb.
        hash_bits: whether to give the perceptual hash of the result as `signature`.

    Raises:
        UserError: an unknown step, or an option that is not allowed.
    """
    from stages.modalities.picture import Picture, formats, to_png

    built = {name: registry.build(IMAGE, name, given, f"clean.image.steps.{name}") for name, given in steps.items()}
    signature = make_signature() if hash_bits else lambda _: None
    formats()  # now, before time and memory are measured

    def clean(item: Item) -> Cleaned | None:
        data, path = item[0], item[1] or ""
        if data is None:
            return None
        picture = Picture(data, path, max_pixels=max_pixels)
        if picture.problem:
            return Cleaned(data, path, (), f"image.{picture.problem}", None)
        image = picture.image
        changed = []
        for name, step in built.items():
            before, image = image, step(image)
            if image is not before:
                changed.append(name)
        if not changed:
            return Cleaned(data, path, (), None, signature(image))
        return Cleaned(to_png(image), as_png(path), tuple(changed), None, signature(image))

    return clean


def as_png(path: str) -> str:
    """The path with the suffix .png instead of its own."""
    return str(PurePosixPath(path).with_suffix(".png")) if PurePosixPath(path).name else path


def make_signature() -> "Callable[[Image.Image], int]":
    """A function to the 64-bit perceptual hash of an image: signs of its lowest frequencies (ImageHash's `phash`).

    Images that look alike differ in few bits; those without structure, of one even colour, all agree.
    """
    import imagehash
    import scipy.fftpack  # noqa: F401 (imagehash imports it at the first hash: here it comes before the memory's limit)

    from stages.modalities.modes import to_mode
    from stages.modalities.picture import WHITE

    def signature(image: "Image.Image") -> int:
        bits = imagehash.phash(to_mode(image, "L", WHITE)).hash
        return int.from_bytes(np.packbits(bits).tobytes(), "big")

    return signature
