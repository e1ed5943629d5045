"""The frozen bottom of a pretrained model, loaded for encode."""

from typing import Any

import transformers

from stages.core import models
from stages.strategies.build import body
from stages.strategies.cut import Batch, Bottom
from stages.strategies.families import FAMILIES, check_blocks, whole_family
from stages.strategies.mean import check_mean

GIB = 2**30
BYTES = {"float32": 4, "float16": 2}


class Loaded(Bottom):
    """A bottom that tells beforehand what its hidden states will take."""

    def size_gib(self, lengths: Any, sample: Batch | None, dtype: str) -> float:
        """The size of the hidden states of samples with stored `lengths`, one of which is `sample`."""
        if sample is None:
            return 0.0
        counts = self.positions(lengths)
        positions = len(lengths) * self(sample)[0].shape[1] if counts is None else sum(counts)
        return float(positions) * self.width * BYTES[dtype] / GIB


def load_bottom(
    source: models.Source, last_layers: int, *, pooling: str, max_length_tokens: int | None
) -> tuple[Loaded | None, str]:
    """The model's bottom, or None and the reason why its hidden states are not stored.

    Raises:
        UserError: a model with fewer blocks, without such pooling, or made for shorter inputs.
    """
    config: Any = models.load(transformers.AutoConfig, source, "model")
    family = whole_family(config)
    if pooling == "mean":
        check_mean(config)
    base = body(source, config, max_length_tokens=max_length_tokens) if family or last_layers else None
    if last_layers:
        check_blocks(base, last_layers, source.name)
    if family is None or base is None:
        return None, f"{config.model_type} models (this one) are not cut; known: {', '.join(FAMILIES)}"
    return Loaded(base, family, last_layers, pooling), ""
