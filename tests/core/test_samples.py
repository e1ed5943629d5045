"""The sample: ids, and tables in the schema."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core import samples
from stages.core.samples import SCHEMA, Ids, content_digest, is_repeat, replace, table
from tests.workplace import quick

CONTENTS = st.lists(st.tuples(st.none() | st.text(max_size=3), st.none() | st.binary(max_size=3)), max_size=20)


def test_the_digest_is_fixed_for_ever() -> None:
    assert content_digest(["hello", None, None, None]) == "5761b4893a34f2f3"


@pytest.mark.parametrize(
    ("one", "other"),
    [([None], [""]), (["a", None], [None, "a"]), (["ab", ""], ["a", "b"]), (["+1:a"], ["a"]), (["\ud800"], ["\ud801"])],
)
def test_different_inputs_have_different_digests(one: list[str | None], other: list[str | None]) -> None:
    assert content_digest(one) != content_digest(other)


def test_exact_repeats_get_an_ordinal() -> None:
    first, again, other, third = Ids()([["a"], ["a"], ["b"], ["a"]])
    assert (again, third) == (f"{first}-1", f"{first}-2")
    assert [is_repeat(i) for i in (first, again, other, third)] == [False, True, False, True]


@quick
@given(CONTENTS)
def test_ids_are_unique_and_do_not_depend_on_the_batches(rows: list[tuple[str | None, bytes | None]]) -> None:
    whole, one_by_one = Ids()(rows), Ids()
    assert len(set(whole)) == len(rows)
    assert [one_by_one([row])[0] for row in rows] == whole


@quick
@given(CONTENTS, CONTENTS)
def test_ids_stay_when_rows_with_other_content_come_before(
    rows: list[tuple[str | None, bytes | None]], before: list[tuple[str | None, bytes | None]]
) -> None:
    others = [row for row in before if row not in rows]
    assert Ids()(others + rows)[len(others) :] == Ids()(rows)


def test_a_table_has_every_column_of_the_schema() -> None:
    found = table({"id": ["a", "b"], "group": ["a", "b"], "source": ["s", "s"], "text": ["x", None]})
    assert found.schema == SCHEMA
    assert found["issues"].to_pylist() == [[], []]
    assert found["label"].null_count == 2


def test_a_column_that_samples_do_not_have_is_refused() -> None:
    with pytest.raises(KeyError, match="not columns of a sample: \\['colour'\\]"):
        table({"id": ["a"], "colour": ["red"]})


def test_replacing_a_column_keeps_the_schema_and_the_others() -> None:
    before = table({"id": ["a"], "group": ["a"], "source": ["s"], "text": ["x"]})
    after = replace(before, text=["y"], issues=pa.array([["text.html"]]))
    assert after.schema == SCHEMA
    assert after.to_pylist()[0] == before.to_pylist()[0] | {"text": "y", "issues": ["text.html"]}


def test_counts_of_labels_hold_no_texts_that_were_taken_for_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    assert samples.short_names({"b": 2, "a": 1}) == {"a": 1, "b": 2}
    text = "a whole message of somebody, which is no name of a class at all"
    assert samples.short_names({"a": 3, text: 2}) == {"(other labels)": 2, "a": 3}
    monkeypatch.setattr(samples, "MOST_NAMES", 2)
    assert samples.short_names({"a": 3, "b": 1, "c": 2, "d": 1}) == {"(other labels)": 2, "a": 3, "c": 2}
