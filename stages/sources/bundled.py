"""The source `bundled`: real data inside an installed library, so that it needs no network."""

import hashlib
import io
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import pyarrow as pa

from stages.core.blocks import Column
from stages.sources import media
from stages.sources.reading import Part, Raw, Reading, Source, require

COLUMNS = ("image", "label")
BATCH_ROWS = 512
GREYS = 16
"""The digits' brightest value; 0 is the background."""


def bundled(*, name: Literal["digits"]) -> Source:
    """`digits`: scikit-learn's 1,797 handwritten digits, 8x8 pixels in 17 greys (BSD licence, from UCI's test set).

    The columns: `image` (a PNG in greys 0-255, and a path such as digits/0000.png) and `label` (0 to 9).
    `fetch.path` is not read. Provenance holds the SHA-256 of the pixels and labels, a byte each.
    """

    def open_bundled(_path: str, columns: Sequence[Column], /) -> Reading:
        require(COLUMNS, columns, name)
        images, labels = _digits()
        sha256 = hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest()
        about = {"dataset": name, "bytes": images.nbytes + labels.nbytes, "sha256": sha256}
        return Reading([Part(name, None, _batches(name, images, labels), {"name": name})], "parts", about)

    return open_bundled


def _digits() -> tuple[Any, Any]:
    """Pixels (N, 8, 8) uint8 in 0-16, labels (N,) uint8."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    return digits.images.astype("uint8"), digits.target.astype("uint8")


def _batches(name: str, images: Any, labels: Any) -> Iterator[Raw]:
    for start in range(0, len(labels), BATCH_ROWS):
        rows = range(start, min(start + BATCH_ROWS, len(labels)))
        pictures = media.structs([_png(images[row]) for row in rows], [f"{name}/{row:04d}.png" for row in rows])
        classes = pa.array([str(labels[row]) for row in rows], pa.string())
        yield Raw(COLUMNS, [pictures, classes], len(rows))


def _png(pixels: Any) -> bytes:
    """A PNG, not compressed: so its bytes, and with them the ids, do not hang on the version of zlib."""
    from PIL import Image

    greys = (pixels.astype("uint16") * 255 + GREYS // 2) // GREYS
    file = io.BytesIO()
    Image.fromarray(greys.astype("uint8")).save(file, "PNG", compress_level=0)
    return file.getvalue()
