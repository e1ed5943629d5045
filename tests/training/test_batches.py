"""Batches: what is in them, that each row comes once, and how little padding they need."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
import torch

from stages.training.arrays import Rows
from stages.training.batches import Encoded, by_length, count_batches, move, shuffled, shuffled_by_tokens

Table = Callable[..., pa.Table]
INPUTS = [[2, 5, 3], [2, 3], [2, 6, 7, 8, 3]]


def padded_tokens(lengths: np.ndarray, batches: list[Rows]) -> int:
    """Places that hold padding."""
    return sum(int(lengths[rows].max() * len(rows) - lengths[rows].sum()) for rows in batches)


def test_a_batch_is_padded_to_its_longest_row(encoded_table: Table) -> None:
    batch = Encoded(encoded_table(INPUTS, [0, 2, 1]), pad_token_id=9).batch(np.array([2, 0]))
    assert {name: value.tolist() for name, value in batch.items()} == {
        "input_ids": [[2, 6, 7, 8, 3], [2, 5, 3, 9, 9]],
        "attention_mask": [[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]],
        "labels": [1, 0],
    }
    assert {value.dtype for value in batch.values()} == {torch.int64}


def test_rows_of_one_length_need_no_padding(encoded_table: Table) -> None:
    batch = Encoded(encoded_table(INPUTS, [0, 2, 1]), pad_token_id=9).batch(np.array([1, 1]))
    assert batch["input_ids"].tolist() == [[2, 3], [2, 3]]


def test_token_types_are_padded_with_zeros(encoded_table: Table) -> None:
    types = pa.array([[0, 0, 1], [0, 1], [0, 0, 1, 1, 1]], pa.list_(pa.int8()))
    table = encoded_table(INPUTS, [0, 2, 1]).append_column("token_type_ids", types)
    batch = Encoded(table, pad_token_id=9).batch(np.array([1, 2]))
    assert batch["token_type_ids"].tolist() == [[0, 1, 0, 0, 0], [0, 0, 1, 1, 1]]


def test_chunks_and_slices_of_a_table_do_not_show(encoded_table: Table) -> None:
    table = encoded_table(INPUTS, [0, 2, 1])
    pieces = pa.concat_tables([table.slice(0, 1), table.slice(1)]).slice(1)
    encoded = Encoded(pieces, pad_token_id=0)
    assert (len(encoded), encoded.labels.tolist(), encoded.lengths.tolist()) == (2, [2, 1], [2, 5])
    assert encoded.batch(np.array([0, 1]))["input_ids"].tolist() == [[2, 3, 0, 0, 0], INPUTS[2]]


@pytest.mark.parametrize("group", [False, True])
@pytest.mark.parametrize(("rows", "size"), [(1, 4), (4, 4), (103, 4), (1000, 3), (7, 100)])
def test_each_row_comes_exactly_once_an_epoch(rows: int, size: int, group: bool) -> None:
    lengths = np.random.default_rng(1).integers(3, 60, rows)
    batches = shuffled(lengths, size, np.random.default_rng(2), group=group)
    assert sorted(np.concatenate(batches).tolist()) == list(range(rows))
    assert [len(batch) for batch in batches].count(size) >= len(batches) - 1
    assert len(batches) == count_batches(rows, size)


def test_a_single_row_at_the_end_joins_the_batch_before_it() -> None:
    sizes = [len(batch) for batch in shuffled(np.full(10, 5), 3, np.random.default_rng(2), group=False)]
    assert sizes == [3, 3, 4]
    assert [count_batches(rows, 3) for rows in (1, 3, 4, 5, 10)] == [1, 1, 1, 2, 3]


@pytest.mark.parametrize("group", [False, True])
def test_the_draw_alone_decides_the_order(group: bool) -> None:
    lengths = np.arange(100) % 17 + 3

    def order(seed: int) -> list[int]:
        return np.concatenate(shuffled(lengths, 8, np.random.default_rng(seed), group=group)).tolist()

    assert order(1) == order(1) != order(2)


def test_grouping_by_length_saves_most_of_the_padding() -> None:
    lengths = np.random.default_rng(1).integers(3, 100, 2000)
    plain, grouped = (
        padded_tokens(lengths, shuffled(lengths, 16, np.random.default_rng(2), group=group)) for group in (False, True)
    )
    assert grouped < 0.1 * plain


def test_grouped_batches_do_not_come_in_the_order_of_their_length() -> None:
    lengths = np.arange(160) + 3
    longest = [int(lengths[rows].max()) for rows in shuffled(lengths, 8, np.random.default_rng(2), group=True)]
    assert longest not in (sorted(longest), sorted(longest, reverse=True))


def test_prediction_takes_the_longest_first_and_each_row_once() -> None:
    lengths = np.array([4, 9, 4, 7, 1])
    assert [rows.tolist() for rows in by_length(lengths, 2)] == [[1, 3], [0, 2], [4]]


def test_what_is_left_out_does_not_move(encoded_table: Table) -> None:
    batch = Encoded(encoded_table(INPUTS, [0, 2, 1]), pad_token_id=0).batch(np.array([0]))
    moved = move(batch, torch.device("meta"), ["labels"])
    assert {name: value.device.type for name, value in moved.items()} == {"attention_mask": "meta", "input_ids": "meta"}


@pytest.mark.parametrize("group", [False, True])
@pytest.mark.parametrize("tokens", [1, 64, 300, 10**6])
def test_a_token_budget_holds_with_padding_and_each_row_comes_once(tokens: int, group: bool) -> None:
    lengths = np.random.default_rng(1).integers(3, 60, 500)
    batches = shuffled_by_tokens(lengths, tokens, np.random.default_rng(2), group=group)
    assert sorted(np.concatenate(batches).tolist()) == list(range(500))
    places = [int(lengths[rows].max()) * len(rows) for rows in batches]
    assert all(place <= tokens or len(rows) == 1 for place, rows in zip(places, batches, strict=True))
    if tokens == 300:
        assert sum(places) / len(places) > (260 if group else 220), "the budget is used"


def test_the_draw_alone_decides_the_order_under_a_budget() -> None:
    lengths = np.arange(100) % 17 + 3

    def order(seed: int) -> list[list[int]]:
        return [rows.tolist() for rows in shuffled_by_tokens(lengths, 64, np.random.default_rng(seed), group=True)]

    assert order(1) == order(1) != order(2)
