"""Images and sounds of two sides: equal ones by their bytes, alike ones by the hashes that `clean` compares."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from review.leakage import KINDS, Leak, Near, Parts
from stages.cleaners.cleaned import Cleaned
from stages.cleaners.pictures import make_picture_cleaner
from stages.cleaners.sounds import make_sound_cleaner
from stages.core import parallel
from stages.core.bounded import bounded_map
from stages.core.media import Item, items
from stages.core.samples import content_digest

if TYPE_CHECKING:
    from review.sides import Side

BATCH_ROWS = 256
LONGEST_S = 86_400.0
"""Of a sound that is decoded for its hash: what is cleaned has been through the limits of its own params."""
MOST_HASHED = 20_000
"""Images or sounds that are decoded for a hash; exact repeats are found among all."""
COMPARED_AT_ONCE = 2**23


class Content(NamedTuple):
    """What is kept of the bytes of an image or sound."""

    digest: str
    size: int


Contents = Mapping[str, Content]
Hashes = npt.NDArray[np.uint64]


def batches(side: "Side", folder: str, modality: str) -> Iterator[pa.Table]:
    """The id and the image or sound of all samples in a folder, a few at a time."""
    for name in side.names(folder):
        if name.startswith("samples-") and name.endswith(".parquet"):
            with side.open(f"{folder}/{name}") as source, pq.ParquetFile(source) as file:
                for batch in file.iter_batches(BATCH_ROWS, columns=["id", modality]):
                    yield pa.Table.from_batches([batch])


def read_contents(side: "Side", modality: str) -> Contents:
    """Of each sample, original or derived, the digest and the size of its bytes, by id."""
    found = {}
    for folder in ("data/cleaned", "data/augmented"):
        for batch in batches(side, folder, modality):
            column = batch[modality].combine_chunks()
            for one, content in zip(batch["id"].to_pylist(), column.field("bytes").to_pylist(), strict=True):
                found[one] = Content(content_digest([content]), len(content or b""))
    return found


def hashes(
    side: "Side", modality: str, given: Contents, *, wanted: set[str], limits: Mapping[str, Any]
) -> dict[str, int | None]:
    """The 64-bit hashes of cleaned originals, by the digests (in `given`) that are wanted; None: like nothing else.

    They are decoded in bounded processes, as `clean` does, within the limits of the block `decode`.
    """
    order: list[str] = []
    missing = set(wanted)

    def each() -> Iterator[Item]:
        for batch in batches(side, "data/cleaned", modality):
            for one, item in zip(batch["id"].to_pylist(), items(batch, modality), strict=True):
                if (digest := given[one].digest) in missing:
                    missing.remove(digest)
                    order.append(digest)
                    yield item

    make, arguments = _maker(modality)
    results = bounded_map(
        make,
        arguments,
        each(),
        workers=int(limits["workers"]) or parallel.cores(),
        seconds=float(limits["timeout_s"]),
        memory_mib=int(limits["memory_mib"]),
        lost=lambda _item, _why: None,
    )
    with closing(results):
        found = [None if cleaned is None else cleaned.signature for cleaned in results]
    return dict(zip(order, found, strict=True))


def _maker(modality: str) -> tuple[Callable[..., Callable[[Item], Cleaned | None]], dict[str, Any]]:
    """What takes hashes: the cleaner without steps."""
    if modality == "image":
        return make_picture_cleaner, {"steps": {}, "max_pixels": 2**40, "hash_bits": True}
    return make_sound_cleaner, {"steps": {}, "max_seconds": LONGEST_S, "fingerprint": True}


def to_hash(base: Parts, head: Parts) -> tuple[set[str], bool]:
    """The digests of which hashes are needed, test samples first, and whether these are all."""
    originals = [one for one, parent in zip(head.train_inputs, head.parents, strict=True) if parent is None]
    ordered = dict.fromkeys([*head.test_inputs, *base.test_inputs, *originals])
    return set(list(ordered)[:MOST_HASHED]), len(ordered) <= MOST_HASHED


def near_media(hashes: Mapping[str, int | None], *, max_distance_bits: int) -> Near:
    """A search for test images or sounds of which a training one differs in so few bits; inputs are digests."""

    def near(head: Parts, tested: Sequence[str], inputs: Sequence[str]) -> dict[str, Leak]:
        rows = [row for row, one in enumerate(head.train_inputs) if head.parents[row] is None and hashes.get(one)]
        tests = [row for row, one in enumerate(inputs) if hashes.get(one)]
        if not rows or not tests:
            return {}
        trained = np.array([hashes[head.train_inputs[row]] for row in rows], dtype=np.uint64)
        wanted = np.array([hashes[inputs[row]] for row in tests], dtype=np.uint64)
        found = {}
        for place, (row, bits) in enumerate(zip(*closest(wanted, trained), strict=True)):
            if bits <= max_distance_bits:
                one = tested[tests[place]]
                found[one] = Leak(one, rows[row], KINDS[-1], 1 - bits / 64)
        return found

    return near


def closest(wanted: Hashes, among: Hashes) -> tuple[list[int], list[int]]:
    """Of each hash (N,), the place of the closest among others (K,), and in how many bits they differ."""
    places, bits = [], []
    at_once = max(1, COMPARED_AT_ONCE // len(among))
    for start in range(0, len(wanted), at_once):
        apart = np.bitwise_count(wanted[start : start + at_once, None] ^ among[None])
        best = apart.argmin(axis=1)
        places += best.tolist()
        bits += apart[np.arange(len(best)), best].astype(int).tolist()
    return places, bits
