"""The last block, computed only for the tokens at the front, which are all that the head takes of it.

They look at every position as before, so that what the model answers and what its weights learn stay the same. Of the
12 D² weights of a block, each of the L positions goes through the 2 D² of keys and values alone: of a model of six
blocks a seventh is spared, of training its last block five sixths.

Legend: B samples of a batch, L positions, F of them at the front, D the width of the model, H heads.
"""

from collections.abc import Callable
from typing import Any

import torch

from stages.core.errors import UserError
from stages.strategies.families import blocks_of, whole_family

PROJECTIONS = (("query", "key", "value"), ("q_lin", "k_lin", "v_lin"), ("q_proj", "k_proj", "v_proj"))
"""Names of an attention's layers: of BERT and RoBERTa, of DistilBERT, of ViT and AST."""
OUTPUTS = ("out_lin", "o_proj")
"""Names of the layer that ends the attention, where it is part of it."""
KERNELS = ("sdpa",)
"""Ways to compute attention that take fewer queries than keys."""


def front_only(model: Any) -> Callable[[], None]:
    """Have the last block of a classifier compute its front alone; the result undoes it.

    Models of other families, or without blocks, stay as they are.
    """
    base = model.base_model
    family = whole_family(base.config)
    if family is None or not family.pooled or base.config._attn_implementation not in KERNELS:
        return _nothing
    try:
        block = blocks_of(base)[2][-1]
    except UserError:  # cut off: the head alone is left
        return _nothing
    attention = getattr(block.attention, "self", block.attention)
    names = next((names for names in PROJECTIONS if hasattr(attention, names[0])), None)
    if names is None:
        return _nothing
    _replace(block, attention, names, family.pooled)

    def undo() -> None:
        for part in (block, attention):
            part.__dict__.pop("forward", None)

    return undo


def _nothing() -> None:
    """There is nothing to undo."""


def _replace(block: Any, attention: Any, names: tuple[str, str, str], front: int) -> None:
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    query, key, value = (getattr(attention, name) for name in names)
    ends = next((getattr(attention, name) for name in OUTPUTS if hasattr(attention, name)), None)
    norm = getattr(block, "layernorm_before", None)  # ViT normalises what the attention takes
    width = next(size for name in ("head_dim", "attention_head_size") if (size := getattr(attention, name, 0)))
    whole_block, states = block.forward, {}

    def forward(hidden: torch.Tensor, attention_mask: torch.Tensor | None = None, *args: Any, **kwargs: Any) -> Any:
        states["all"] = hidden if norm is None else norm(hidden)
        return whole_block(hidden[:, :front], attention_mask, *args, **kwargs)

    def attend(hidden: torch.Tensor, attention_mask: torch.Tensor | None = None, **_: Any) -> Any:
        found, weights = ALL_ATTENTION_FUNCTIONS["sdpa"](
            attention,
            heads(query(hidden)),
            heads(key(states["all"])),
            heads(value(states["all"])),
            None if attention_mask is None else attention_mask[:, :, :front],
            dropout=_dropout(attention) if attention.training else 0.0,
            scaling=attention.scaling,
        )
        found = found.flatten(2)
        return found if ends is None else ends(found), weights

    def heads(projected: torch.Tensor) -> torch.Tensor:
        """(B, L, D) as (B, H, L, D / H)."""
        return projected.view(*projected.shape[:2], -1, width).transpose(1, 2)

    block.forward, attention.forward = forward, attend


def _dropout(attention: Any) -> float:
    return float(attention.dropout.p if hasattr(attention, "dropout") else attention.attention_dropout)
