"""Samples to jobs, and outcomes to derived samples."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stages.augmenters.derive import Job, Outcome
from stages.augmenters.limits import DUPLICATE
from stages.core import samples
from stages.core.samples import content_digest

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


def jobs(chunk: Chunk) -> list[Job]:
    """What a process needs to know of a chunk."""
    rows, copies = chunk
    return list(zip(rows["id"].to_pylist(), rows["text"].fill_null("").to_pylist(), copies, strict=True))


def digests(batches: Iterable[pa.Table]) -> set[int]:
    """The contents of all originals, about 60 bytes each."""
    return {int(_digest(row["text"], row["text_pair"]), 16) for batch in batches for row in batch.to_pylist()}


def derived_rows(rows: pa.Table, outcomes: Sequence[Sequence[Outcome]], originals: set[int], tally: Tally) -> pa.Table:
    """The derived samples of `rows`: their parents' columns but for id, parent, text, split and issues.

    A text that stands among the originals too is given up: split may put that original into test.
    """
    parents: list[int] = []
    texts: list[str] = []
    ids: list[str] = []
    pairs, labels, names = (rows[name].to_pylist() for name in ("text_pair", "label", "id"))
    for place, copies in enumerate(outcomes):
        for number, outcome in enumerate(copies, start=1):
            reason = outcome.reason
            if outcome.text is not None and int(_digest(outcome.text, pairs[place]), 16) in originals:
                reason = DUPLICATE
            if outcome.text is None or reason is not None:
                tally.given_up[str(reason)] += 1
                continue
            tally.derived[labels[place]] += 1
            tally.steps.update(outcome.steps)
            parents.append(place)
            texts.append(outcome.text)
            ids.append(f"{names[place]}+{number}")
    taken = rows.take(pa.array(parents, pa.int64()))
    return samples.replace(taken, id=ids, parent=taken["id"], text=texts, split=None, issues=None)


def _digest(text: str | None, text_pair: str | None) -> str:
    return content_digest([text, text_pair])
