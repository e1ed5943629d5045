"""Checks of images: but for `missing`, factories that return `Picture -> bool`, True where the code holds.

What is measured on grey levels is measured on at most 512 pixels a side, so that the limits mean the same for large
and small images. What cannot be decoded is not measured: it has the code that says so.
"""

from collections.abc import Callable
from pathlib import PurePath
from typing import Annotated

import numpy as np
import pyarrow.compute as pc
from pydantic import Field

from stages.checks.text import Check as TableCheck
from stages.checks.text import mask
from stages.core.blocks import Positive, Share
from stages.modalities.picture import Picture

Check = Callable[[Picture], bool]
Level = Annotated[int, Field(ge=0, le=255)]

SAME = {"MPO": "JPEG", "DIB": "BMP", "CUR": "ICO"}
"""Formats that share the suffixes of another."""


def missing() -> TableCheck:
    """No image at all."""
    return lambda samples, _: mask(pc.is_null(pc.struct_field(samples["image"], "bytes")))


def unreadable() -> Check:
    """No image in any format that Pillow reads, or damaged."""
    return lambda picture: picture.problem == "unreadable"


def truncated() -> Check:
    """The file ends before its image does."""
    return lambda picture: picture.problem == "truncated"


def bomb() -> Check:
    """More pixels than `decode.max_megapixels`, or text that unpacks to megabytes."""
    return lambda picture: picture.problem == "bomb"


def timeout() -> Check:
    """Decoding and checking took longer than `decode.timeout_s`: the bounded process gives this code."""
    return _from_outside()


def memory() -> Check:
    """Decoding and checking took more than `decode.memory_mib`: the bounded process gives this code."""
    return _from_outside()


def crash() -> Check:
    """Decoding ended its process: the bounded process gives this code."""
    return _from_outside()


def _from_outside() -> Check:
    return lambda _: False


def wrong_suffix() -> Check:
    """The path has the suffix of another format; a suffix that belongs to no format says nothing."""
    from PIL import Image

    formats = Image.registered_extensions()

    def check(picture: Picture) -> bool:
        named = formats.get(PurePath(picture.path or "").suffix.lower())
        return named is not None and picture.format is not None and _family(named) != _family(picture.format)

    return check


def _family(name: str) -> str:
    return SAME.get(name, name)


def too_small(*, min_side_px: Positive) -> Check:
    """The shorter side has fewer pixels than that."""
    return lambda picture: not picture.problem and min(picture.image.size) < min_side_px


def extreme_aspect(*, max_ratio: Annotated[float, Field(ge=1)]) -> Check:
    """The longer side is more than that many times the shorter."""
    return lambda picture: not picture.problem and max(picture.image.size) > max_ratio * min(picture.image.size)


def odd_mode() -> Check:
    """Neither plain RGB nor plain grey of 8 bits: palette, one or 16 bits, CMYK, alpha, a transparent colour, …"""
    return lambda picture: (
        not picture.problem and (picture.mode not in ("RGB", "L") or "transparency" in picture.image.info)
    )


def animated() -> Check:
    """More than one frame or page; only the first is used."""
    return lambda picture: picture.frames > 1


def near_constant(*, min_std: Annotated[float, Field(ge=0)]) -> Check:
    """The standard deviation of the grey levels (0-255) is below that."""
    return lambda picture: not picture.problem and float(picture.grey.std()) < min_std


def underexposed(*, level: Level, max_share: Share) -> Check:
    """More than that share of the pixels is at `level` or darker."""
    return lambda picture: not picture.problem and float(np.mean(picture.grey <= level)) > max_share


def overexposed(*, level: Level, max_share: Share) -> Check:
    """More than that share of the pixels is at `level` or brighter."""
    return lambda picture: not picture.problem and float(np.mean(picture.grey >= level)) > max_share


def blurred(*, min_variance: Annotated[float, Field(ge=0)]) -> Check:
    """The variance of the Laplacian (squared grey levels) is below that.

    Pech-Pacheco et al. (2000), "Diatom autofocusing in brightfield microscopy: a comparative study". Images of
    one even colour have no edges either: see `near_constant`.
    """
    import cv2

    cv2.setNumThreads(1)  # as many processes as cores do this
    return lambda picture: not picture.problem and float(cv2.Laplacian(picture.grey, cv2.CV_64F).var()) < min_variance
