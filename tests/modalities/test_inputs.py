"""Which samples go into which split's inputs."""

import pyarrow as pa
import pytest

from stages.core.errors import UserError
from stages.modalities import inputs
from tests import workplace

SAMPLES: list[workplace.Row] = [
    {"id": "a", "label": "good"},
    {"id": "b", "label": "bad"},
    {"id": "c", "label": "bad"},
    {"id": "a+1", "parent": "a", "label": "good"},
    {"id": "b+1", "parent": "b", "label": "bad"},
    {"id": "d", "label": "good"},
]


def encoded(rows: list[workplace.Row], input_ids: list[list[int]]) -> pa.Table:
    part = workplace.table(rows).select(["id", "parent", "label"])
    lengths = pa.array([len(ids) for ids in input_ids], pa.int32())
    return part.append_column("length", lengths).append_column("input_ids", pa.array(input_ids, pa.list_(pa.int32())))


def test_a_derived_sample_goes_with_its_parent_and_only_into_training() -> None:
    places: inputs.Places = {"a": ("train", 3), "b": ("test", None), "c": (None, None)}
    samples = workplace.table(SAMPLES)
    found = {
        name: (samples["id"].take(pa.array(rows)).to_pylist(), folds)
        for name, rows, folds in inputs.by_split(samples, places)
    }
    assert found == {"train": (["a", "a+1"], [3, 3]), "test": (["b"], [None])}


def test_a_row_holds_number_fold_length_and_inputs() -> None:
    part = encoded(SAMPLES[:2], [[2, 9, 3], [2, 3]])
    found = inputs.table(part, [0, None], {"bad": 0, "good": 1}, ["input_ids"])
    assert found.schema == inputs.schema(["input_ids"])
    assert found.to_pylist() == [
        {"id": "a", "parent": None, "label": 1, "fold": 0, "length": 3, "input_ids": [2, 9, 3]},
        {"id": "b", "parent": None, "label": 0, "fold": None, "length": 2, "input_ids": [2, 3]},
    ]


@pytest.mark.parametrize("label", ["odd", None])
def test_a_label_that_is_no_class_is_told_with_its_sample(label: str | None) -> None:
    part = encoded([SAMPLES[0], {"id": "x", "label": label}], [[1], [1]])
    with pytest.raises(UserError) as caught:
        inputs.table(part, [None, None], {"bad": 0, "good": 1}, ["input_ids"])
    assert str(caught.value) == f"params.yaml: labels: sample x has the label {label!r}, which is none of: bad, good"


def test_without_numbers_of_labels_a_row_holds_its_value() -> None:
    rows: list[workplace.Row] = [{"id": "a", "value": 0.1}, {"id": "b", "value": None}]
    part = encoded(rows, [[2, 9, 3], [2, 3]]).append_column("value", pa.array([0.1, None], pa.float64()))
    found = inputs.table(part.slice(0, 1), [None], None, ["input_ids"])
    assert found.schema == inputs.schema(["input_ids"], values=True)
    assert found.to_pylist() == [
        {"id": "a", "parent": None, "value": 0.1, "fold": None, "length": 3, "input_ids": [2, 9, 3]}
    ]
    with pytest.raises(UserError, match="sample b has no value"):
        inputs.table(part, [None, None], None, ["input_ids"])


def test_values_are_summed_up_by_their_population_deviation() -> None:
    assert inputs.value_statistics([1.0, 2.0, 3.0, 6.0]) == {"count": 4, "mean": 3.0, "deviation": 3.5**0.5}


@pytest.mark.parametrize("values", [[], [2.0], [2.0, 2.0]])
def test_values_that_are_all_one_are_refused(values: list[float]) -> None:
    with pytest.raises(UserError, match="the training samples all have one value"):
        inputs.value_statistics(values)


def test_lengths_are_summed_up_before_truncation() -> None:
    expected = {"rows": 4, "mean": 4.75, "median": 4.0, "p95": 8.4, "max": 9, "truncated": 1}
    assert inputs.length_statistics([2, 3, 5, 9], 8) == expected
    assert inputs.length_statistics([2, 3, 5, 8], 8)["truncated"] == 0
    assert inputs.length_statistics([], 8) == {"rows": 0, "truncated": 0}


def test_token_types_are_stored_small() -> None:
    assert inputs.schema(["input_ids", "token_type_ids"]).field("token_type_ids").type == pa.list_(pa.int8())
