"""Dropout on a CPU from 16 random bits a value; torch draws a whole random number for each, which takes longer."""

from collections.abc import Callable
from typing import Any

import torch

LEVELS = 2**16
VALUES_A_DRAW = 4


def quick_dropout(model: torch.nn.Module) -> Callable[[], None]:
    """Have the dropout layers of a model draw their masks quickly where they are on a CPU; the result undoes it.

    The bits come from torch's generator, so that its state is all that a checkpoint has to keep. A probability is
    rounded to a multiple of 1 / 65536, and what is kept is scaled by the rounded one: the mean stays exact.
    """
    layers = [part for part in model.modules() if type(part) is torch.nn.Dropout]
    for layer in layers:
        layer.forward = _quick(layer)  # type: ignore[method-assign, assignment]

    def undo() -> None:
        for layer in layers:
            layer.__dict__.pop("forward", None)

    return undo


def _quick(layer: torch.nn.Dropout) -> Callable[[torch.Tensor], torch.Tensor]:
    def forward(given: torch.Tensor) -> torch.Tensor:
        dropped = round(layer.p * LEVELS)
        plain = layer.inplace or not given.is_floating_point() or not 0 < dropped < LEVELS
        if not layer.training or plain or given.device.type != "cpu" or torch.compiler.is_compiling():
            return torch.nn.functional.dropout(given, layer.p, layer.training, layer.inplace)
        return given * mask(given, dropped)

    return forward


def mask(like: torch.Tensor, dropped: int) -> torch.Tensor:
    """0 for about `dropped` of 65536 values, else what keeps the mean; of the shape and type of `like`."""
    count = like.numel()
    draws = torch.empty(-(-count // VALUES_A_DRAW), dtype=torch.int64).random_(-(2**63), None)
    kept: Any = draws.view(torch.int16)[:count] >= dropped - LEVELS // 2
    found: torch.Tensor = kept.to(like.dtype).mul_(LEVELS / (LEVELS - dropped))
    return found.view(like.shape)
