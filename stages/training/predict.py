"""Prediction: logits for an encoded table."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch

from stages.core import report
from stages.training.batches import Encoded, by_length, move
from stages.training.device import autocast
from stages.training.processes import ALONE, Team


def predict(
    model: torch.nn.Module,
    table: pa.Table,
    *,
    pad_token_id: int = 0,
    arrays: Mapping[str, Mapping[str, Any]] | None = None,
    batch_size: int,
    device: torch.device,
    precision: str,
    description: str,
) -> npt.NDArray[np.float32]:
    """Logits (N, K) in the order of the table, in evaluation mode, with a progress bar called `description`."""
    encoded = Encoded(table, pad_token_id=pad_token_id, arrays=arrays)
    with report.progress_bar() as bar:
        task = bar.add_task(description, total=len(encoded))
        return logits_of(
            model,
            encoded,
            batch_size=batch_size,
            device=device,
            precision=precision,
            advance=lambda rows: bar.advance(task, rows),
        )


def logits_of(
    model: torch.nn.Module,
    encoded: Encoded,
    *,
    batch_size: int,
    device: torch.device,
    precision: str,
    advance: Callable[[int], None] = lambda _: None,
    team: Team = ALONE,
) -> npt.NDArray[np.float32]:
    """Logits (N, K) in order; the model is left in the mode, training or evaluation, that it was in.

    The processes of `team` each run some of the batches, and all get all logits.
    """
    was_training = model.training
    model.eval()
    logits: npt.NDArray[np.float32] | None = None
    with torch.inference_mode(), autocast(device, precision):
        for number, rows in enumerate(by_length(encoded.lengths, batch_size)):
            if number % team.size != team.rank:
                continue
            found = model(**move(encoded.batch(rows), device, ["labels"])).logits.float().cpu().numpy()
            if logits is None:
                logits = np.zeros((len(encoded), found.shape[1]), dtype=np.float32)
            logits[rows] = found
            advance(len(rows))
    model.train(was_training)
    classes = team.highest(logits.shape[1] if logits is not None else 0)
    return team.add_up(logits if logits is not None else np.zeros((len(encoded), classes), dtype=np.float32))
