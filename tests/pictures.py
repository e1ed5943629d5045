"""Pictures for tests: stripes of three kinds, so small and so plain that they are told apart at once."""

from typing import Any

import numpy as np
import numpy.typing as npt

from tests.broken import encoded, image_of

SIDE = 16
KINDS = ("across", "down", "slanted")


def stripes(kind: str, seed: int, channels: int = 3) -> npt.NDArray[np.uint8]:
    """Bright and dark stripes of four pixels with a little noise, (16, 16, `channels`), or (16, 16) of one channel."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE]
    place = {"across": y, "down": x, "slanted": x + y}[kind]
    bright = ((place + rng.integers(8)) % 8 < 4) * 150.0
    pixels = bright[..., None] + rng.integers(0, 60, (SIDE, SIDE, channels))
    return pixels.astype(np.uint8).squeeze()


def png(kind: str, seed: int, **options: Any) -> bytes:
    """`stripes` as a PNG file."""
    return encoded(image_of(stripes(kind, seed, **options)), "PNG")
