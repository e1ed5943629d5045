"""Parquet shards and JSON: whole or not at all, the same bytes for the same rows."""

import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core import tables
from stages.core.errors import UserError
from tests.workplace import quick

SCHEMA = pa.schema([("n", pa.int64()), ("text", pa.string())])


def numbered(start: int, stop: int) -> pa.Table:
    return pa.table([list(range(start, stop)), [f"row {n}" for n in range(start, stop)]], schema=SCHEMA)


def test_a_folder_appears_whole(tmp_path: Path) -> None:
    with tables.new_folder(tmp_path / "out") as folder:
        (folder / "a").write_text("new")
        assert not (tmp_path / "out").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_folder_replaces_the_old_one(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/old").touch()
    with tables.new_folder(tmp_path / "out") as folder:
        (folder / "new").touch()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["new"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_folder_that_fails_leaves_the_old_one_and_nothing_else(tmp_path: Path, error: type[BaseException]) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/old").touch()
    with pytest.raises(error), tables.new_folder(tmp_path / "out") as folder:
        (folder / "new").touch()
        raise error
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")] == ["out", "out/old"]


def test_what_a_killed_run_left_does_not_disturb(tmp_path: Path) -> None:
    (tmp_path / "out.partial").mkdir()
    (tmp_path / "out.partial/half").touch()
    with tables.new_folder(tmp_path / "out") as folder:
        (folder / "new").touch()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["new"]


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    with tables.new_file(tmp_path / "deep/a.txt") as file:
        file.write_text("one")
    with pytest.raises(RuntimeError), tables.new_file(tmp_path / "deep/a.txt") as file:
        file.write_text("two")
        raise RuntimeError
    assert [(path.name, path.read_text()) for path in (tmp_path / "deep").iterdir()] == [("a.txt", "one")]


@quick
@given(
    sizes=st.lists(st.integers(0, 12), max_size=6),
    batch_rows=st.integers(1, 20),
    shard_bytes=st.integers(1, 400),
    group_rows=st.integers(1, 9),
)
def test_what_is_written_is_read_in_order_whatever_the_shards(
    sizes: list[int], batch_rows: int, shard_bytes: int, group_rows: int
) -> None:
    ends = [sum(sizes[: i + 1]) for i in range(len(sizes))]
    with tempfile.TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "ROW_GROUP_ROWS", group_rows)
        folder = Path(place)
        with tables.Writer(folder, "x", SCHEMA, shard_bytes=shard_bytes) as writer:
            for size, end in zip(sizes, ends, strict=True):
                writer.write(numbered(end - size, end))
        total = sum(sizes)
        assert writer.rows == total == tables.rows(folder, "x")
        assert tables.read(folder, "x").equals(numbered(0, total))
        found = list(tables.batches(folder, "x", batch_rows=batch_rows))
        assert [len(batch) for batch in found[:-1]] == [batch_rows] * (len(found) - 1)
        assert [n for batch in found for n in batch["n"].to_pylist()] == list(range(total))


def test_the_size_of_the_tables_that_come_in_does_not_show_in_the_bytes(tmp_path: Path) -> None:
    for name, step in (("a", 10), ("b", 3)):
        (tmp_path / name).mkdir()
        with tables.Writer(tmp_path / name, "x", SCHEMA) as writer:
            for start in range(0, 30, step):
                writer.write(numbered(start, start + step))
    one, other = ((tmp_path / name / "x-00000.parquet").read_bytes() for name in "ab")
    assert one == other


def test_without_rows_one_empty_shard_is_written(tmp_path: Path) -> None:
    tables.write(tmp_path, "x", numbered(0, 0))
    assert [path.name for path in tables.shards(tmp_path, "x")] == ["x-00000.parquet"]
    assert tables.read(tmp_path, "x").schema == SCHEMA
    assert list(tables.batches(tmp_path, "x")) == []


def test_columns_can_be_chosen(tmp_path: Path) -> None:
    tables.write(tmp_path, "x", numbered(0, 2))
    assert tables.read(tmp_path, "x", ["text"]).column_names == ["text"]
    assert [batch.column_names for batch in tables.batches(tmp_path, "x", ["n"])] == [["n"]]


def test_shards_that_are_not_there_are_told_with_the_command(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no x-00000\.parquet here") as caught:
        tables.read(tmp_path, "x")
    assert caught.value.hint == "run `dvc repro`, or `dvc pull` if the data was pushed"


def test_json_is_readable_and_ends_with_a_newline(tmp_path: Path) -> None:
    tables.write_json(tmp_path / "deep/a.json", {"name": "café", "n": 1})
    assert (tmp_path / "deep/a.json").read_text(encoding="utf-8") == '{\n  "name": "café",\n  "n": 1\n}\n'
    assert tables.read_json(tmp_path / "deep/a.json") == {"name": "café", "n": 1}


def test_json_without_finite_numbers_is_refused_and_leaves_the_old_file(tmp_path: Path) -> None:
    tables.write_json(tmp_path / "a.json", {"n": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        tables.write_json(tmp_path / "a.json", {"n": float("nan")})
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    assert tables.read_json(tmp_path / "a.json") == {"n": 1}


def test_json_that_is_not_there_is_told_with_the_command(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"a\.json: not here"):
        tables.read_json(tmp_path / "a.json")


def test_reading_batches_does_not_keep_what_was_read(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    with tables.Writer(tmp_path, "rows", pa.schema([("content", pa.binary())])) as writer:
        for _ in range(64):
            writer.write(pa.table({"content": pa.array([draw.bytes(2**20)], pa.binary())}))
    before = pa.total_allocated_bytes()
    held = [pa.total_allocated_bytes() - before for _ in tables.batches(tmp_path, "rows", batch_rows=1)]
    assert len(held) == 64
    assert max(held) < 2 * tables.BATCH_BYTES + 4 * 2**20
