"""Images and sounds of a few samples as data addresses, from the tables of the stages, within a number of bytes."""

import base64
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from review.inline import MOST_BYTES_IN_ALL, kind_of
from stages.core import tables
from stages.core.media import items

MOST_BYTES_EACH = 500_000
"""Of one file; the names of larger ones stand in the page."""


class Inliner:
    """Makes addresses until `MOST_BYTES_IN_ALL` are used up: a page of any data can be opened and sent."""

    def __init__(self, root: Path, modality: str, *, most_bytes: int = MOST_BYTES_IN_ALL) -> None:
        self._root, self._modality, self._left = root, modality, most_bytes

    def addresses(self, place: tuple[str, str], ids: Iterable[str]) -> dict[str, str]:
        """By id, of the samples in the table at `place` (folder, name) that are small enough; none of texts."""
        wanted = pa.array(sorted(set(ids)), pa.string())
        if self._modality == "text" or not len(wanted):
            return {}
        folder, name = self._root / place[0], place[1]
        size = tables.comfortable_rows(folder, name)
        found: dict[str, str] = {}
        for batch in tables.batches(folder, name, ["id", self._modality], batch_rows=size):
            chosen = batch.filter(pc.is_in(batch["id"], wanted))
            for one, (content, _) in zip(chosen["id"].to_pylist(), items(chosen, self._modality), strict=True):
                if address := self._address(content):
                    found[one] = address
        return found

    def _address(self, content: bytes | None) -> str | None:
        if not content or len(content) > min(MOST_BYTES_EACH, self._left):
            return None
        kind = kind_of(content)
        if kind is None:
            return None
        self._left -= len(content)
        return f"data:{kind};base64,{base64.b64encode(content).decode()}"
