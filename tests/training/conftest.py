"""Encoded samples and a tiny classifier for the tests of training."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import torch
from transformers import BertForSequenceClassification

SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("parent", pa.string()),
        ("label", pa.int32()),
        ("fold", pa.int32()),
        ("length", pa.int32()),
        ("input_ids", pa.list_(pa.int32())),
    ]
)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Models this small are slower with more."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def encoded_table() -> Callable[[Sequence[Sequence[int]], Sequence[int]], pa.Table]:
    """A table in the layout of data/encoded from token ids and labels."""

    def make(inputs: Sequence[Sequence[int]], labels: Sequence[int]) -> pa.Table:
        columns = {
            "id": [f"s{number}" for number in range(len(inputs))],
            "parent": [None] * len(inputs),
            "label": labels,
            "fold": [None] * len(inputs),
            "length": [len(row) for row in inputs],
            "input_ids": inputs,
        }
        return pa.table(columns, schema=SCHEMA)

    return make


@pytest.fixture
def classifier(tiny_model: Path) -> Callable[..., Any]:
    """The tiny model with a head for some classes, the same each time, without dropout; options go to its config."""

    def make(classes: int = 3, **options: Any) -> Any:
        torch.manual_seed(0)
        given = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0} | options
        return BertForSequenceClassification.from_pretrained(tiny_model, num_labels=classes, **given)

    return make
