"""Mean pooling for models whose native head takes the first token: one more block, in which that is the mean.

A block of BERT, RoBERTa or DistilBERT computes LayerNorm(h + f(LayerNorm(h + W attention(h)))). With queries and keys
of 0 attention is the mean over all tokens that count; with values as they are, W = `SCALE` times the identity and
f = 0, the block gives LayerNorm(h + SCALE * mean(h)): the mean, standardised, with a share of 1 / SCALE of the token
itself. The model stays one of its type, which AutoModelForSequenceClassification and pipelines load.
"""

import copy
from typing import Any

import torch

from stages.core.errors import UserError
from stages.strategies.families import blocks_of, whole_family

SCALE = 4096.0
NORMS = ("attention.output.LayerNorm", "output.LayerNorm", "sa_layer_norm", "output_layer_norm")
VALUES = ("attention.self.value", "attention.v_lin")
OUTPUTS = ("attention.output.dense", "attention.out_lin")
HEADS = ("pooler.dense", "classifier.dense")
"""Layers before a tanh, which takes standardised features best nearly as they are."""
HEAD_SLOPE = 0.5


def check_mean(config: Any) -> None:
    """Raises UserError where mean pooling is not known for the model's type."""
    family = whole_family(config)
    if family is None or not family.extended:
        raise UserError(
            f"params.yaml: encode.pooling: mean: not known for {config.model_type} models", "encode.pooling: native"
        )


@torch.no_grad()
def append_mean(model: Any) -> None:
    """Append the block to a body, or to the body of a classifier, and start its tanh layer at a multiple of identity.

    Raises:
        UserError: the model's blocks are built otherwise.
    """
    base = model.base_model
    check_mean(base.config)
    _, _, blocks = blocks_of(base)
    block = copy.deepcopy(blocks[-1])
    for weight in block.parameters():
        weight.zero_()
    parts = dict(block.named_modules())
    for name in (name for name in NORMS if name in parts):
        parts[name].weight.fill_(1.0)
    _set_identity(parts, VALUES, 1.0)
    _set_identity(parts, OUTPUTS, SCALE)
    blocks.append(block)
    base.config.num_hidden_layers += 1
    if model is not base:
        whole = {name.removeprefix(f"{model.base_model_prefix}."): part for name, part in model.named_modules()}
        _set_identity(whole, HEADS, HEAD_SLOPE)


def mean(states: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    """The mean of (B, L, D) over the tokens that count by (B, L), or over all: (B, 1, D)."""
    weights = torch.ones_like(states[..., :1]) if mask is None else mask[..., None].to(states.dtype)
    return (states * weights).sum(1, keepdim=True) / weights.sum(1, keepdim=True)


def standardised_mean(states: torch.Tensor, mask: torch.Tensor | None, block: torch.nn.Module) -> torch.Tensor:
    """What the block that `append_mean` appends makes of the first token, (B, 1, D), without computing it.

    Args:
        states: (B, L, D) of the last block.
        mask: (B, L), 1 for tokens that count; None: all do.
        block: any of the body's, whose norms tell their epsilons.
    """
    found = states[:, :1] + SCALE * mean(states, mask)
    parts = dict(block.named_modules())
    for name in (name for name in NORMS if name in parts):
        found = torch.nn.functional.layer_norm(found, (states.shape[-1],), eps=parts[name].eps)
    return found


def _set_identity(parts: dict[str, Any], names: tuple[str, ...], slope: float) -> None:
    for name in (name for name in names if name in parts):
        parts[name].weight.copy_(slope * torch.eye(parts[name].out_features))
        parts[name].bias.zero_()
