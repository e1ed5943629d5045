"""Which weights are trained, and frozen parts that stay in evaluation mode."""

from collections.abc import Callable
from typing import Any

import torch

from stages.core.errors import UserError
from stages.strategies.families import blocks_of


def train_head(model: Any) -> None:
    """Freeze all but the classification head; a pooler between body and classifier belongs to the head.

    Raises:
        UserError: the model has no head of its own.
    """
    _freeze(model, "head")
    pooler = getattr(model.base_model, "pooler", None)
    if isinstance(pooler, torch.nn.Module):
        pooler.requires_grad_(True)
    hold(model.base_model)


def train_last(model: Any, last_layers: int) -> None:
    """Freeze all but the last blocks of the body, what comes after them, and the head."""
    _freeze(model, "last_layers")
    base = model.base_model
    owner, name, blocks = blocks_of(base)
    for block in blocks[len(blocks) - last_layers :]:
        block.requires_grad_(True)
    for one in (owner, base):
        later = False
        for child, part in one.named_children():
            # what is defined after the blocks is applied after them, but for shared tables of positions
            if later and not isinstance(part, torch.nn.Embedding):
                part.requires_grad_(True)
            later = later or (one is owner and child == name) or part is owner
    if getattr(base.config, "do_stable_layer_norm", False):
        base.encoder.layer_norm.requires_grad_(True)
    hold(base)


def hold(module: torch.nn.Module) -> None:
    """Keep parts without a trainable weight in evaluation mode, whatever mode the model is put into."""
    for part in module.children():
        weights = list(part.parameters())
        if any(weight.requires_grad for weight in weights):
            hold(part)
        elif weights:
            part.eval()
            part.train = _stay(part)  # type: ignore[method-assign, assignment]


def _stay(part: torch.nn.Module) -> Callable[[bool], torch.nn.Module]:
    def stay(_mode: bool = True) -> torch.nn.Module:
        return part

    return stay


def release(module: torch.nn.Module) -> None:
    """Undo `hold`."""
    for part in module.modules():
        part.__dict__.pop("train", None)


def _freeze(model: Any, strategy: str) -> None:
    base = model.base_model
    model.requires_grad_(False)
    inside = {id(weight) for weight in base.parameters()}
    head = [weight for weight in model.parameters() if id(weight) not in inside]
    if base is model or not head:
        raise UserError(
            f"params.yaml: strategy: {strategy}: {type(model).__name__} has no body apart from its head",
            "strategy: full",
        )
    for weight in head:
        weight.requires_grad_(True)
