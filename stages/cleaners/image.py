"""Cleaners of images: factories that return `image -> image`, the same object where nothing changes."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter
from PIL.Image import Resampling, Transpose
from pydantic import Field

from stages.core.blocks import Positive
from stages.modalities.modes import has_transparency, to_mode, with_info_of

Cleaner = Callable[[Image.Image], Image.Image]
Level = Annotated[int, Field(ge=0, le=255)]
Colour = Annotated[list[Level], Field(min_length=3, max_length=3)]
Side = Annotated[int, Field(ge=1, le=16_384)]

WHITE = (255, 255, 255)
ORIENTATION = 0x0112
UPRIGHT = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
FILTERS = {
    "nearest": Resampling.NEAREST,
    "bilinear": Resampling.BILINEAR,
    "bicubic": Resampling.BICUBIC,
    "lanczos": Resampling.LANCZOS,
}


def orientation() -> Cleaner:
    """Turn and mirror the image as its EXIF data say that it is to be shown; idempotent."""

    def clean(image: Image.Image) -> Image.Image:
        method = UPRIGHT.get(_orientation(image))
        if method is None:
            return image
        upright = image.transpose(method)
        upright.info = {name: image.info[name] for name in ("transparency",) if name in image.info}
        return upright

    return clean


def _orientation(image: Image.Image) -> int:
    """1-8, or 1 where the image does not say, or not in a way that can be read."""
    try:
        found = image.getexif().get(ORIENTATION, 1)
    except Exception:  # noqa: BLE001 (EXIF data are bytes from outside, and their reader raises anything)
        return 1
    return found if isinstance(found, int) else 1


def mode(*, target: Literal["RGB", "L"], background: Colour) -> Cleaner:
    """Convert to plain RGB or grey of 8 bits; transparent places show the colour `background`; idempotent.

    How each mode is converted stands in `stages.modalities.modes.to_mode`.
    """
    red, green, blue = background
    return lambda image: to_mode(image, target, (red, green, blue))


def greyscale() -> Cleaner:
    """Convert to grey levels (ITU-R 601-2 luma); transparent places are white; idempotent."""
    return lambda image: to_mode(image, "L", WHITE)


def resize(
    *,
    height: Side,
    width: Side,
    filter: Literal["nearest", "bilinear", "bicubic", "lanczos"],
    fit: Literal["stretch", "contain", "cover"],
    only_shrink: bool,
) -> Cleaner:
    """Resize to `height` x `width` pixels; idempotent. Palette and 1-bit images are always resized by "nearest".

    Args:
        filter: how pixels are resampled.
        fit: "stretch" gives up the proportions; "contain" keeps them and fits inside; "cover" keeps them, fills
            the whole and cuts off what hangs over, the same on both sides.
        only_shrink: never enlarge: a side that is shorter stays so.
    """

    def clean(image: Image.Image) -> Image.Image:
        scaled = _scaled(image.size, (width, height), fit, only_shrink)
        resized = image if scaled == image.size else image.resize(scaled, FILTERS[filter])
        left, top = max(scaled[0] - width, 0) // 2, max(scaled[1] - height, 0) // 2
        box = (left, top, left + min(scaled[0], width), top + min(scaled[1], height))
        return resized if box == (0, 0, *scaled) else resized.crop(box)

    return clean


def _scaled(size: tuple[int, int], wanted: tuple[int, int], fit: str, only_shrink: bool) -> tuple[int, int]:
    """Width and height after scaling and before cutting."""
    ratios = [want / side for want, side in zip(wanted, size, strict=True)]
    if fit != "stretch":
        ratios = [min(ratios) if fit == "contain" else max(ratios)] * 2
    if only_shrink:
        ratios = [min(ratio, 1.0) for ratio in ratios]
    across, down = (max(1, round(side * ratio)) for side, ratio in zip(size, ratios, strict=True))
    return across, down


def denoise(*, strength: Annotated[float, Field(gt=0, le=100)]) -> Cleaner:
    """Remove grain by non-local means (OpenCV; Buades et al. 2005); `strength` in grey levels, 3 is mild.

    Not idempotent: it smooths again.
    """
    cv2 = _opencv()

    def clean(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        if pixels.ndim == 2:
            return np.asarray(cv2.fastNlMeansDenoising(pixels, None, strength))
        return np.asarray(cv2.fastNlMeansDenoisingColored(pixels, None, strength, strength))

    return _on_pixels(clean)


def contrast(*, clip_limit: Annotated[float, Field(gt=0)], tiles: Positive) -> Cleaner:
    """Even out the contrast place by place (CLAHE, OpenCV; Zuiderveld 1994), of colours only the lightness.

    Not idempotent: it stretches again.

    Args:
        clip_limit: greater gives more contrast, and more noise; 2 is usual.
        tiles: the image is divided into tiles x tiles places.
    """
    cv2 = _opencv()

    def clean(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        even = cv2.createCLAHE(clip_limit, (tiles, tiles))
        if pixels.ndim == 2:
            return np.asarray(even.apply(pixels))
        lab = cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB)
        lab[..., 0] = even.apply(lab[..., 0])
        return np.asarray(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB))

    return _on_pixels(clean)


def sharpen(*, radius_px: Annotated[float, Field(gt=0)], percent: Positive) -> Cleaner:
    """Sharpen by an unsharp mask: `percent` of the difference to the image blurred by `radius_px` is added.

    Not idempotent: it sharpens again.
    """
    unsharp = ImageFilter.UnsharpMask(radius_px, percent, threshold=0)
    return _on_pixels(lambda pixels: np.asarray(Image.fromarray(pixels).filter(unsharp)))


def _on_pixels(clean: Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.uint8]]) -> Cleaner:
    """A cleaner from a function of (H, W) or (H, W, 3); other modes become RGB, or L where they have no colour."""

    def on_image(image: Image.Image) -> Image.Image:
        colourless = image.mode in ("1", "L", "I", "F") or image.mode.startswith("I;16")
        plain = to_mode(image, "L" if colourless and not has_transparency(image) else "RGB", WHITE)
        before = np.asarray(plain)
        after = clean(before)
        if np.array_equal(before, after):
            return image
        return with_info_of(image, Image.fromarray(after), plain.mode)

    return on_image


def _opencv() -> Any:
    import cv2

    cv2.setNumThreads(1)  # as many processes as cores do this
    return cv2
