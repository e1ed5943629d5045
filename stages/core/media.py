"""Images and sounds of tables, handed one by one to bounded processes."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from typing import Any, TypeVar

import pyarrow as pa

from stages.core import parallel
from stages.core.bounded import bounded_map

R = TypeVar("R")
Item = tuple[bytes | None, str | None]
"""The bytes of an image or sound, and its path."""


def items(batch: pa.Table, column: str) -> list[Item]:
    """The images or sounds of a batch; None where a sample has none."""
    structs = batch[column].combine_chunks()
    content, paths = (structs.field(name).to_pylist() for name in ("bytes", "path"))
    there = structs.is_valid().to_pylist()
    return [(data, path) if valid else (None, None) for data, path, valid in zip(content, paths, there, strict=True)]


def mapped(
    batches: Iterable[pa.Table],
    column: str,
    make: Callable[..., Callable[[Item], R]],
    arguments: Mapping[str, Any],
    *,
    lost: Callable[[Item, str], R],
    workers: int,
    timeout_s: float,
    memory_mib: int,
) -> Iterator[tuple[pa.Table, list[R]]]:
    """Each batch with the results for its images or sounds; `make(**arguments)` is called once a process.

    Args:
        column: "image" or "audio".
        lost: the result for an item that took too long ("timeout"), too much ("memory"), or its process ("crash").
        workers: processes; 0 for one a core.
        timeout_s: seconds for one item.
        memory_mib: memory for one item.
    """
    waiting: deque[pa.Table] = deque()

    def each() -> Iterator[Item]:
        for batch in batches:
            waiting.append(batch)
            yield from items(batch, column)

    results = bounded_map(
        make,
        arguments,
        each(),
        workers=workers or parallel.cores(),
        seconds=timeout_s,
        memory_mib=memory_mib,
        lost=lost,
    )
    done: list[R] = []
    with closing(results):
        for result in results:
            done.append(result)
            while waiting and len(done) >= len(waiting[0]):
                batch = waiting.popleft()
                yield batch, done[: len(batch)]
                done = done[len(batch) :]
    yield from ((batch, []) for batch in waiting)
