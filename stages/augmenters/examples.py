"""A few originals with what was derived from them, for a person to look at."""

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from stages.augmenters.rows import contents
from stages.modalities.page import page

LINES = 10
COPIES = 4
SHOWN_CHARACTERS = 160


class Examples:
    """Gathers originals that come by, at least one and at most `LINES` in all, spread over the classes."""

    def __init__(self, modality: str, classes: int, *, answer: str = "label") -> None:
        self.modality, self._answer = modality, answer
        self._each = max(LINES // max(classes, 1), 1)
        self._taken: Counter[str] = Counter()
        self.found: list[tuple[str, Any, list[Any]]] = []
        """Label (or value), original and derived contents."""

    def add(self, originals: pa.Table, derived: pa.Table) -> None:
        """Take in some originals and what was derived from them."""
        if len(self.found) >= LINES or not len(derived):
            return
        parents = set(derived["parent"].to_pylist())
        columns = (originals[name].to_pylist() for name in ("id", self._answer))
        for row, (own, answer) in enumerate(zip(*columns, strict=True)):
            label = str(answer)
            if own not in parents or self._taken[label] >= self._each or len(self.found) >= LINES:
                continue
            self._taken[label] += 1
            copies = derived.filter(pc.equal(derived["parent"], own)).slice(0, COPIES)
            original = contents(originals.slice(row, 1), self.modality)[0]
            self.found.append((label, original, contents(copies, self.modality)))

    def texts(self) -> list[list[str]]:
        """Label, original and first derived text, shortened; empty for images and sounds."""
        if self.modality != "text":
            return []
        return [
            [label, one[:SHOWN_CHARACTERS], copies[0][:SHOWN_CHARACTERS]] for label, one, copies in self.found[:COPIES]
        ]

    def draw(self, folder: Path) -> None:
        """Write the contact sheet into `folder`: `derived.png`; of texts, or where there are none, `derived.svg`."""
        if self.modality == "text" or not self.found:
            pairs = [(label, one, copy) for label, one, copies in self.found for copy in copies]
            rows = [[label, *(text[:SHOWN_CHARACTERS] for text in pair)] for label, *pair in pairs]
            table = page("Derived samples", [self._answer, "original", "derived"], rows)
            (folder / "derived.svg").write_text(table, encoding="utf-8")
            return
        from stages.augmenters import sheets

        if self.modality == "image":
            from stages.modalities.picture import decode

            sheet = sheets.picture_sheet(
                [(label, decode(one), list(map(decode, more))) for label, one, more in self.found]
            )
        else:
            from stages.modalities import sound

            heard = sound.decode
            sheet = sheets.sound_sheet([(label, heard(one), list(map(heard, more))) for label, one, more in self.found])
        (folder / "derived.png").write_bytes(sheet)
