"""Samples to jobs, and outcomes to derived samples."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stages.augmenters.limits import DUPLICATE
from stages.core import samples
from stages.core.samples import content_digest

AnyOutcome = tuple[str | bytes | None, tuple[str, ...], str | None]
"""What was derived, the steps that changed it, or the reason why there is nothing."""

STORED = {"image": "png", "audio": "flac"}
"""How derived images and sounds are stored."""

VALUED = "value"
"""The one class of samples whose answer is a value."""

CHUNK_ROWS = 64
"""Originals handed to a process at a time."""


@dataclass
class Tally:
    """What became of the planned copies: derived + given up = planned."""

    derived: Counter[str] = field(default_factory=Counter)
    """Derived samples by label."""
    given_up: Counter[str] = field(default_factory=Counter)
    """Copies that were tried in vain, by reason code."""
    steps: Counter[str] = field(default_factory=Counter)
    """Derived samples that a step changed, by step."""


Chunk = tuple[pa.Table, list[int]]
"""Samples, and the number of copies of each."""


def chunks(batches: Iterable[pa.Table], copies: npt.NDArray[np.int32]) -> Iterator[Chunk]:
    """The samples that get copies, `CHUNK_ROWS` at most at a time; `copies`: of the rows of all batches."""
    start = 0
    for batch in batches:
        here = copies[start : start + len(batch)]
        chosen = np.flatnonzero(here)
        start += len(batch)
        for first in range(0, len(chosen), CHUNK_ROWS):
            places = chosen[first : first + CHUNK_ROWS]
            yield batch.take(pa.array(places)), here[places].tolist()


def jobs(chunk: Chunk, column: str) -> list[tuple[str, Any, int]]:
    """What a process needs to know of a chunk: ids, the texts or bytes in `column`, numbers of copies."""
    rows, copies = chunk
    return list(zip(rows["id"].to_pylist(), contents(rows, column), copies, strict=True))


def contents(rows: pa.Table, column: str) -> list[Any]:
    """The texts of samples, or the bytes of their images or sounds."""
    if column == "text":
        return list(rows["text"].fill_null("").to_pylist())
    return list(rows[column].combine_chunks().field("bytes").to_pylist())


def digests(batches: Iterable[pa.Table], column: str) -> set[int]:
    """The contents of all originals, about 60 bytes each."""
    found: set[int] = set()
    for batch in batches:
        pairs = batch["text_pair"].to_pylist()
        found |= {_digest(one, pair) for one, pair in zip(contents(batch, column), pairs, strict=True)}
    return found


def derived_rows(
    rows: pa.Table,
    outcomes: Sequence[Sequence[AnyOutcome]],
    originals: set[int],
    tally: Tally,
    *,
    column: str,
    valued: bool = False,
) -> pa.Table:
    """The derived samples of `rows`: their parents' columns but for id, parent, `column`, split and issues.

    What stands among the originals too is given up: split may put that original into test. Where the answer is a
    value, all are counted as of one class.
    """
    parents: list[int] = []
    derived: list[Any] = []
    ids: list[str] = []
    pairs, labels, names = (rows[name].to_pylist() for name in ("text_pair", "label", "id"))
    labels = [VALUED] * len(rows) if valued else labels
    for place, copies in enumerate(outcomes):
        for number, outcome in enumerate(copies, start=1):
            content, steps, reason = outcome
            if content is not None and _digest(content, pairs[place]) in originals:
                reason = DUPLICATE
            if content is None or reason is not None:
                tally.given_up[str(reason)] += 1
                continue
            tally.derived[labels[place]] += 1
            tally.steps.update(steps)
            parents.append(place)
            derived.append(content)
            ids.append(f"{names[place]}+{number}")
    if column != "text":
        derived = [{"bytes": data, "path": f"{i}.{STORED[column]}"} for data, i in zip(derived, ids, strict=True)]
    taken = rows.take(pa.array(parents, pa.int64()))
    return samples.replace(taken, id=ids, parent=taken["id"], split=None, issues=None, **{column: derived})


def _digest(content: str | bytes | None, text_pair: str | None) -> int:
    return int(content_digest([content, text_pair]), 16)
