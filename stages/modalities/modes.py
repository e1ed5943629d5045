"""Modes of images: any of Pillow's to RGB or L."""

from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

Target = Literal["RGB", "L"]
Colour = tuple[int, int, int]

DEEP = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")
PREMULTIPLIED = {"RGBa": "RGBA", "La": "LA"}


def to_mode(image: Image.Image, target: Target, background: Colour) -> Image.Image:
    """The image in RGB or L; the image itself where it is in that mode and has no transparency.

    16-bit levels are scaled to 8 bits, other deep ones as `_levels` says; alpha is composited on `background`;
    palettes are resolved. CMYK, YCbCr, HSV and LAB are converted as sRGB: embedded colour profiles are not used.
    """
    transparent = has_transparency(image)
    if image.mode == target and not transparent:
        return image
    return with_info_of(image, _without_alpha(image, background, transparent), target)


def with_info_of(image: Image.Image, result: Image.Image, mode: str) -> Image.Image:
    """`result` in `mode`, with what `image` says of itself (such as its EXIF), but for a transparent colour."""
    if mode == "L" and result.mode not in ("1", "L"):
        result = result.convert("RGB")  # not every mode knows the way to L
    converted = result.convert(mode)
    converted.info = {name: value for name, value in image.info.items() if name != "transparency"}
    return converted


def _without_alpha(image: Image.Image, background: Colour, transparent: bool) -> Image.Image:
    if image.mode in DEEP:
        return _levels(image)
    if image.mode == "LAB":
        return _from_lab(image)
    if not transparent:
        return image
    if image.mode in PREMULTIPLIED:
        image = image.convert(PREMULTIPLIED[image.mode])
    return Image.alpha_composite(Image.new("RGBA", image.size, (*background, 255)), image.convert("RGBA"))


def has_transparency(image: Image.Image) -> bool:
    """Whether some place may be transparent: an alpha channel, or a colour or palette entry that stands for it."""
    return image.mode not in DEEP and image.has_transparency_data


def _levels(image: Image.Image) -> Image.Image:
    """Mode L from deep grey levels: 16-bit ones by 255 / 65535; floats within 0-1 by 255, within 0-255 as they are.

    Others (integers beyond 16 bits, other floats) are stretched from their least to their greatest; what is no
    finite number is black.
    """
    values = np.asarray(image)
    if values.dtype.kind == "f":
        return Image.fromarray(_from_floats(np.where(np.isfinite(values), values, 0), np.isfinite(values)))
    if values.min() >= 0 and values.max() <= 65535:
        return Image.fromarray(((values.astype(np.uint32) + 128) // 257).astype(np.uint8))
    return Image.fromarray(_stretched(values))


def _from_floats(values: npt.NDArray[np.float32], finite: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    if values.min() < 0 or values.max() > 255:
        return np.where(finite, _stretched(values), 0).astype(np.uint8)
    return np.rint(values * (255 if values.max() <= 1 else 1)).astype(np.uint8)


def _stretched(values: npt.NDArray[np.generic]) -> npt.NDArray[np.uint8]:
    exact = values.astype(np.float64)
    levels: npt.NDArray[np.uint8] = np.rint((exact - exact.min()) / (exact.max() - exact.min()) * 255).astype(np.uint8)
    return levels


def _from_lab(image: Image.Image) -> Image.Image:
    profiles = (ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"))
    transform = ImageCms.buildTransform(*profiles, "LAB", "RGB")
    converted: Image.Image | None = ImageCms.applyTransform(image, transform)
    if converted is None:
        raise ValueError("no conversion from LAB")
    return converted
