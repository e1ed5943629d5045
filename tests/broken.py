"""Images of our own making for tests, whole ones and broken ones."""

import io
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image


def encoded(image: Image.Image, name: str, **options: Any) -> bytes:
    """The image in the format that Pillow calls `name`."""
    out = io.BytesIO()
    image.save(out, name, **options)
    return out.getvalue()


def image_of(pixels: Any) -> Image.Image:
    """An image from levels (H, W), (H, W, 3) or (H, W, 4), 0-255."""
    return Image.fromarray(np.asarray(pixels, dtype=np.uint8))


def noise(height: int = 40, width: int = 60, channels: int = 3) -> Image.Image:
    """The same random pixels each time."""
    return image_of(np.random.default_rng(1).integers(0, 256, (height, width, channels)))


def png_claiming(width: int, height: int) -> bytes:
    """A PNG whose header claims a size that its few bytes do not hold."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def animation(frames: int = 3) -> bytes:
    """A GIF whose frames have 10, 60, 110, … for grey levels."""
    first, *others = (Image.new("L", (40, 30), 10 + 50 * number) for number in range(frames))
    return encoded(first, "GIF", save_all=True, append_images=others)
