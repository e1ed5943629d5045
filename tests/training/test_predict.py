"""Prediction: the logits do not depend on the batches they were computed in."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch

from stages.training.predict import predict

Table = Callable[..., pa.Table]
INPUTS = [[2, *range(5, 6 + number * 7 % 23), 3] for number in range(20)]
CPU = torch.device("cpu")


def logits(model: Any, table: pa.Table, batch_size: int = 64, precision: str = "fp32") -> np.ndarray:
    return predict(
        model,
        table,
        pad_token_id=0,
        batch_size=batch_size,
        device=CPU,
        precision=precision,
        description="predict",
    )


def one_by_one(model: Any) -> np.ndarray:
    """The logits without any padding."""
    with torch.inference_mode():
        return np.concatenate([model.eval()(input_ids=torch.tensor([row])).logits.numpy() for row in INPUTS])


@pytest.mark.parametrize("batch_size", [1, 3, 20, 64])
def test_logits_come_in_the_order_of_the_table_whatever_the_batch_size(
    batch_size: int, classifier: Callable[..., Any], encoded_table: Table
) -> None:
    model = classifier()
    found = logits(model, encoded_table(INPUTS, [0] * len(INPUTS)), batch_size)
    assert found.dtype == np.float32 and found.shape == (20, 3)
    np.testing.assert_allclose(found, one_by_one(model), atol=1e-5)
    assert len(np.unique(found, axis=0)) == 20


def test_mixed_precision_is_close_and_comes_back_single(classifier: Callable[..., Any], encoded_table: Table) -> None:
    model = classifier()
    found = logits(model, encoded_table(INPUTS, [0] * len(INPUTS)), precision="bf16")
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, one_by_one(model), atol=0.1)


@pytest.mark.parametrize("training", [True, False])
def test_dropout_is_off_and_the_mode_is_restored(
    training: bool, classifier: Callable[..., Any], encoded_table: Table
) -> None:
    model = classifier(hidden_dropout_prob=0.5).train(training)
    table = encoded_table(INPUTS, [0] * len(INPUTS))
    assert np.array_equal(logits(model, table), logits(model, table))
    assert model.training is training


def test_an_empty_table_gives_no_logits(classifier: Callable[..., Any], encoded_table: Table) -> None:
    assert logits(classifier(), encoded_table([], [])).shape == (0, 0)
