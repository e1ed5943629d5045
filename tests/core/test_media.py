"""Images and sounds of tables in bounded processes: in order, none lost, and none left out without a result."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pytest

from stages.core import media, samples
from stages.core.media import Item, items, mapped
from tests import workplace

Found = tuple[list[str], list[Any]]


def table(contents: list[bytes | None], start: int = 0) -> pa.Table:
    """Samples with images whose paths are numbers; None for a sample without one."""
    rows = [
        {"id": f"s{n}", "image": None if data is None else {"bytes": data, "path": str(n)}}
        for n, data in enumerate(contents, start)
    ]
    return workplace.table(rows)


def make_reader(*, prefix: str) -> Callable[[Item], str]:
    """For the processes: what an item is, with something that takes too long, and something that ends the process."""

    def read(item: Item) -> str:
        data, path = item
        if data == b"slow":
            time.sleep(60)
        if data == b"crash":
            import os

            os._exit(3)
        return f"{prefix}{path}:{data!r}"

    return read


def run(batches: list[pa.Table], workers: int = 1, seconds: float = 20.0) -> list[Found]:
    found = mapped(
        iter(batches),
        "image",
        make_reader,
        {"prefix": "#"},
        lost=lambda item, why: f"{why} {item[1]}",
        workers=workers,
        timeout_s=seconds,
        memory_mib=512,
    )
    return [(batch["id"].to_pylist(), results) for batch, results in found]


def test_items_are_bytes_and_paths_and_nothing_where_a_sample_has_none() -> None:
    batch = table([b"a", None, b"", b"c"])
    assert items(batch, "image") == [(b"a", "0"), (None, None), (b"", "2"), (b"c", "3")]
    assert items(batch.slice(1, 2), "image") == [(None, None), (b"", "2")]
    assert items(pa.concat_tables([batch.slice(3), batch.slice(0, 1)]), "image") == [(b"c", "3"), (b"a", "0")]
    assert items(samples.SCHEMA.empty_table(), "audio") == []
    assert items(batch, "audio") == [(None, None)] * 4


@pytest.mark.parametrize("workers", [1, 2])
def test_each_batch_comes_with_its_own_results_in_order(workers: int) -> None:
    sizes = [1, 9, 0, 3, 20, 0]
    starts = [sum(sizes[:n]) for n in range(len(sizes))]
    batches = [table([b"x"] * size, start) for size, start in zip(sizes, starts, strict=True)]
    found = run(batches, workers)
    assert [len(ids) for ids, _ in found] == sizes
    for (ids, results), start in zip(found, starts, strict=True):
        assert ids == [f"s{start + n}" for n in range(len(ids))]
        assert results == [f"#{start + n}:b'x'" for n in range(len(ids))]


def test_a_sample_without_an_image_has_a_result_too() -> None:
    assert run([table([None, b"a", None])]) == [(["s0", "s1", "s2"], ["#None:None", "#1:b'a'", "#None:None"])]


@pytest.mark.parametrize("sizes", [[], [0], [0, 0]])
def test_without_any_row_nothing_is_lost(sizes: list[int]) -> None:
    assert run([table([]) for _ in sizes]) == [([], [])] * len(sizes)


def test_an_item_that_fails_is_told_in_its_place() -> None:
    contents: list[bytes | None] = [b"a", b"crash", b"b", b"slow", b"c"]
    ((_, results),) = run([table(contents)], seconds=1.0)
    assert results == ["#0:b'a'", "crash 1", "#2:b'b'", "timeout 3", "#4:b'c'"]


def test_batches_are_read_as_results_are_taken() -> None:
    taken: list[int] = []

    def batches() -> Iterator[pa.Table]:
        for number in range(200):
            taken.append(number)
            yield table([b"x"], number)

    found = mapped(
        batches(),
        "image",
        make_reader,
        {"prefix": ""},
        lost=lambda *_: "",
        workers=1,
        timeout_s=20,
        memory_mib=512,
    )
    next(found)
    assert len(taken) < 50
    found.close()  # type: ignore[attr-defined]


def test_zero_workers_are_one_for_each_core(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def bounded_map(make: Any, arguments: Any, given: Any, *, workers: int, **_: Any) -> Iterator[str]:
        asked.append(workers)
        return (make(**arguments)(item) for item in given)

    monkeypatch.setattr(media, "bounded_map", bounded_map)
    monkeypatch.setattr(media.parallel, "cores", lambda: 7)
    assert run([table([b"a"])], workers=0) == [(["s0"], ["#0:b'a'"])]
    assert asked == [7]
