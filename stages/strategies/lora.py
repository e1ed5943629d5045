"""LoRA (Hu et al. 2022, arXiv:2106.09685): low-rank changes of linear layers, and the head, are trained."""

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch

from stages.core.errors import UserError
from stages.strategies import adapter
from stages.strategies.families import blocks_of


def lora(model: Any, *, lora: Mapping[str, Any]) -> Callable[[], Any]:
    """Put adapters into the model; the result merges them and gives the ordinary model.

    Args:
        lora: `rank`, `alpha`, `dropout`, and `target`: names of linear layers, None for all of the blocks. Where
            `save` is `adapter`, nothing is merged: the model's `save_pretrained` writes adapter and head alone, with
            `base`, the name of the base model.

    Raises:
        UserError: no linear layer has such a name.
    """
    import peft

    base, names = model.base_model, adapter.head_of(model)
    inside = {id(weight) for weight in base.parameters()}
    pooler = getattr(base, "pooler", None)
    head = [weight for weight in model.parameters() if id(weight) not in inside or base is model]
    head += list(pooler.parameters()) if isinstance(pooler, torch.nn.Module) else []
    config = peft.LoraConfig(
        r=lora["rank"], lora_alpha=lora["alpha"], lora_dropout=lora["dropout"], target_modules=_targets(model, lora)
    )
    tuner: Any = peft.LoraModel(model, config, "default")  # in place: the model stays one of its class
    for weight in head:
        weight.requires_grad_(True)
    if lora["save"] == "merged":
        return tuner.merge_and_unload  # type: ignore[no-any-return]
    model.save_pretrained = partial(adapter.save, model, config=config, name=lora["base"], head=names)
    return lambda: model


def _targets(model: Any, lora: Mapping[str, Any]) -> str:
    """The full names of the layers to adapt, as a regular expression."""
    _, _, blocks = blocks_of(model.base_model)
    parts = {id(part) for part in blocks.modules()}
    linear = [n for n, part in model.named_modules() if isinstance(part, torch.nn.Linear) and id(part) in parts]
    wanted = lora["target"]
    if wanted is None:
        return "|".join(re.escape(name) for name in linear)
    for one in wanted:
        if not any(name == one or name.endswith(f".{one}") for name in linear):
            ends = sorted({name.rpartition(".")[2] for name in linear})
            raise UserError(
                f"params.yaml: finetune.lora.target: {one}: no linear layer of the blocks has this name",
                f"known: {', '.join(ends)}",
            )
    return "|".join(re.escape(n) for n in linear if any(n == one or n.endswith(f".{one}") for one in wanted))
