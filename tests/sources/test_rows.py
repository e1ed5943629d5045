"""From raw rows to samples."""

import math

import pyarrow as pa
import pytest

from stages.core.errors import UserError
from stages.core.samples import SCHEMA, Ids
from stages.sources import rows
from stages.sources.reading import Part, Raw, Reading


def samples(columns, mapped, extra=(), splits=None, split=None, labels=None, root=None):
    arrays = [column if isinstance(column, pa.Array) else pa.array(column) for column in columns.values()]
    raw = Raw(list(columns), arrays, len(arrays[0]))
    return rows.to_samples(
        raw,
        "here",
        first_row=1,
        split=split,
        columns=mapped,
        extra=extra if extra == "all" else list(extra),
        splits=splits or {},
        labels=labels or {},
        ids=Ids(),
        root=root,
    )


def test_samples_have_the_schema_and_their_own_group():
    table = samples({"t": ["a", "b", "a"]}, {"text": "t"})
    assert table.schema == SCHEMA
    assert table["group"] == table["id"]
    assert table["id"][2].as_py() == f"{table['id'][0]}-1"
    assert table["source"].to_pylist() == ["here"] * 3
    assert table["row"].to_pylist() == [1, 2, 3]


def test_a_text_stays_empty_or_null_and_a_label_does_not_stay_empty():
    table = samples({"t": ["", None, "x"], "y": ["", None, "good"]}, {"text": "t", "label": "y"})
    assert table["text"].to_pylist() == ["", None, "x"]
    assert table["label"].to_pylist() == [None, None, "good"]
    assert table["label_source"].to_pylist() == [None, None, "gold"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array([3, None]), ["3", None]),
        (pa.array([3.0, math.nan, 0.1]), ["3", None, "0.1"]),
        (pa.array([0.1], pa.float32()), ["0.1"]),
        (pa.array([True, False]), ["true", "false"]),
        (pa.array(["a", "b", "a"]).dictionary_encode(), ["a", "b", "a"]),
        (pa.array(["a"], pa.large_string()), ["a"]),
        (pa.array([b"a"]), ["a"]),
        (pa.array([[1, 2]]), ["[1, 2]"]),
        (pa.nulls(1), [None]),
    ],
)
def test_values_of_any_type_become_text(values, expected):
    assert samples({"t": values}, {"text": "t"})["text"].to_pylist() == expected


def test_a_value_that_is_no_finite_number_is_null_with_a_reason():
    table = samples(
        {"t": list("abcdefg"), "v": ["1.5", "", "x", "nan", "1_0", "1e999", " 2 "]},
        {"text": "t", "value": "v"},
    )
    assert table["value"].to_pylist() == [1.5, None, None, None, None, None, 2.0]
    assert table["issues"].to_pylist() == [[], [], *[["value.invalid"]] * 4, []]


def test_a_value_is_gold_as_a_label_is():
    table = samples({"t": list("abc"), "v": ["1", "x", None]}, {"text": "t", "value": "v"})
    assert table["label_source"].to_pylist() == ["gold", None, None]
    both = samples(
        {"t": list("abc"), "v": ["1", None, None], "y": [None, "good", ""]}, {"text": "t", "value": "v", "label": "y"}
    )
    assert both["label_source"].to_pylist() == ["gold", "gold", None]


def test_several_columns_are_joined_by_a_space_where_they_are_not_empty():
    columns = {"title": ["A", "", None, None], "body": ["b", "b", "b", None]}
    assert samples(columns, {"text": ["title", "body"]})["text"].to_pylist() == ["A b", "b", "b", None]


def test_a_group_column_is_the_group_and_an_empty_cell_leaves_the_id():
    table = samples({"t": ["a", "b"], "g": ["ann", ""]}, {"text": "t", "group": "g"})
    assert table["group"].to_pylist() == ["ann", table["id"][1].as_py()]


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ("all", [[("d", "2025"), ("n", "1")], [("n", "2")]]),
        (["n"], [[("n", "1")], [("n", "2")]]),
        (["t"], [[("t", "a")], [("t", "b")]]),
        ([2], [[("n", "1")], [("n", "2")]]),
        ([], [[], []]),
    ],
)
def test_extra_keeps_other_columns_without_nulls(extra, expected):
    columns = {"t": ["a", "b"], "d": ["2025", None], "n": [1, 2], "media": pa.array([b"\xff", b"\xfe"])}
    assert samples(columns, {"text": "t"}, extra)["extra"].to_pylist() == expected


def test_bytes_are_no_text():
    with pytest.raises(UserError, match=r"^here: fetch.columns.text: the column holds binary, not text"):
        samples({"t": pa.array([b"\xff"])}, {"text": "t"})
    with pytest.raises(UserError, match=r"^here: fetch.columns.text: the column holds struct<bytes: binary>, not text"):
        samples({"t": pa.array([{"bytes": b"\xff"}])}, {"text": "t"})


def test_a_split_column_is_mapped_and_goes_before_the_split_of_the_part():
    columns = {"t": list("abc"), "s": ["dev", "", "test"]}
    table = samples(columns, {"text": "t", "split": "s"}, splits={"dev": "validation"}, split="train")
    assert table["split"].to_pylist() == ["validation", "train", "test"]


def test_a_split_name_that_is_not_mapped_is_an_error():
    with pytest.raises(UserError) as caught:
        samples({"t": ["a"], "s": ["dev"]}, {"text": "t", "split": "s"})
    assert str(caught.value) == "params.yaml: fetch.splits: the source's split 'dev' is not mapped"
    assert caught.value.hint == "set fetch.splits: {dev: train | validation | test}"


def test_split_names_of_parts_are_checked_before_anything_is_read():
    def never():
        raise AssertionError
        yield

    reading = Reading([Part("a", "train", never(), {}), Part("b", "dev", never(), {})], "files", {})
    with pytest.raises(UserError, match="'dev' is not mapped"):
        list(rows.read(reading, columns={"text": "t"}, extra=[], splits={}, labels={}, limit_rows=None))


def test_a_source_without_rows_is_an_error():
    reading = Reading([Part("a", None, iter([]), {})], "files", {})
    with pytest.raises(UserError, match="the source has no rows"):
        list(rows.read(reading, columns={"text": "t"}, extra=[], splits={}, labels={}, limit_rows=None))


@pytest.mark.parametrize(
    ("columns", "what"),
    [
        ({"label": "y"}, "fetch.columns: no input is mapped"),
        ({"text": "t", "label": ["y", "z"]}, "fetch.columns.label: ['y', 'z']: should be one column"),
        ({"text": []}, "fetch.columns.text: []: should be one column"),
    ],
)
def test_columns_that_cannot_be_mapped_are_an_error(columns, what):
    with pytest.raises(UserError) as caught:
        rows.wanted(columns, "all")
    assert str(caught.value) == f"params.yaml: {what}"


def test_the_sources_names_of_classes_become_the_projects_own():
    columns = {"t": ["a", "b", "c", "d"], "l": ["0", "1", None, "01"]}
    table = samples(columns, {"text": "t", "label": "l"}, labels={"0": "negative", "1": "positive"})
    assert table["label"].to_pylist() == ["negative", "positive", None, "01"]
