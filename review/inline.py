"""Images and sounds of samples as data addresses, for a page. They are not decoded here: a browser does that."""

import base64
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from review.contents import batches
from stages.core.errors import UserError
from stages.core.media import items

if TYPE_CHECKING:
    from review.sides import Side

MOST_BYTES = {"image": 100_000, "audio": 300_000}
"""Of one file; larger ones are left out, their paths stand in the page."""
MOST_BYTES_IN_ALL = 6_000_000
KINDS: Mapping[bytes, str] = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
    b"fLaC": "audio/flac",
    b"OggS": "audio/ogg",
    b"ID3": "audio/mpeg",
}
"""First bytes -> type, of what browsers show; no SVG, which can hold scripts."""


def inlined(side: "Side", ids: Sequence[str], modality: str) -> dict[str, str]:
    """The address of each of the samples that is small enough, by id; none of texts, or where the data is not here."""
    found: dict[str, str] = {}
    if modality == "text" or not ids:
        return found
    wanted, left = set(ids), MOST_BYTES_IN_ALL
    try:
        for batch in batches(side, "data/cleaned", modality):
            for one, (content, _) in zip(batch["id"].to_pylist(), items(batch, modality), strict=True):
                if (
                    one in wanted
                    and content
                    and len(content) <= min(MOST_BYTES[modality], left)
                    and (kind := kind_of(content))
                ):
                    left -= len(content)
                    found[one] = f"data:{kind};base64,{base64.b64encode(content).decode()}"
    except UserError:
        return {}
    return found


def kind_of(content: bytes) -> str | None:
    """The media type by the first bytes; None: nothing that a browser shows."""
    if content[:4] == b"RIFF":
        return {b"WAVE": "audio/wav", b"WEBP": "image/webp"}.get(content[8:12])
    return next((kind for first, kind in KINDS.items() if content.startswith(first)), None)
