"""Families of models that can be cut: where their blocks are, what comes before them, what their heads take."""

from dataclasses import dataclass
from typing import Any

import torch

from stages.core.errors import UserError


@dataclass(frozen=True)
class Family:
    """What is known of a model type of transformers.

    Args:
        input: the argument through which hidden states come in when the bottom is cut off.
        pooled: the tokens at the front that the native head takes; 0: the mean over all of them.
        extended: whether a block can be appended after which the first token holds the mean (`mean.py`).
    """

    input: str
    pooled: int
    extended: bool = False


TEXT = Family("inputs_embeds", pooled=1, extended=True)
FAMILIES = {
    "bert": TEXT,
    "roberta": TEXT,
    "xlm-roberta": TEXT,
    "camembert": TEXT,
    "distilbert": TEXT,
    "vit": Family("pixel_values", pooled=1),
    "audio-spectrogram-transformer": Family("input_values", pooled=2),
    "wav2vec2": Family("input_values", pooled=0),
}
PLACES = ("encoder.layer", "encoder.layers", "transformer.layer", "transformer.h", "layers", "layer", "h", "blocks")
"""Where bodies of transformers keep their blocks, by path."""


def whole_family(config: Any) -> Family | None:
    """The family of a model, None where it cannot be cut."""
    if getattr(config, "is_decoder", False) or getattr(config, "use_weighted_layer_sum", False):
        return None
    return FAMILIES.get(config.model_type)


def blocks_of(base: Any) -> tuple[torch.nn.Module, str, torch.nn.ModuleList]:
    """The module that holds the blocks of a body, the name that it knows them by, and the blocks.

    Raises:
        UserError: there are none, as in convolutional nets.
    """
    for place in PLACES:
        path, _, name = place.rpartition(".")
        owner = base
        for part in filter(None, path.split(".")):
            owner = getattr(owner, part, None)
        found = getattr(owner, name, None)
        if isinstance(found, torch.nn.ModuleList) and len(found):
            return owner, name, found
    raise UserError(
        f"params.yaml: model: {base.config.model_type} models are no stack of equal blocks", "strategy: full or head"
    )


def check_blocks(base: Any, wanted: int, name: str) -> None:
    """Raises UserError where the model has fewer blocks."""
    count = len(blocks_of(base)[2])
    if wanted > count:
        raise UserError(
            f"params.yaml: encode.last_layers: {wanted}: '{name}' has {count} blocks",
            f"encode.last_layers: 1 to {count}, or strategy: full",
        )
