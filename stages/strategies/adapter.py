"""A LoRA adapter in a folder of its own, in the format of peft, and its way back onto the base model.

Besides peft's files the folder holds config.json (architecture, class names) and base.json: the base model by the name
that params.yaml gives it, and a digest of its weights, so that an adapter is never put onto other ones unnoticed.
"""

import hashlib
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
import transformers

from stages.core import models, tables
from stages.core.errors import UserError

BASE = "base.json"
CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
PREFIX = "base_model.model."
"""What peft puts before the names of weights."""


def head_of(model: Any) -> list[str]:
    """The names of the modules that make up the head: all outside the body, and a pooler."""
    base = model.base_model
    found = [name for name, part in model.named_children() if part is not base and [*part.parameters()]]
    if isinstance(getattr(base, "pooler", None), torch.nn.Module):
        found.append(f"{model.base_model_prefix}.pooler")
    return found


def save(model: Any, folder: Path, *, config: Any, name: str, head: Sequence[str]) -> None:
    """Write adapter and head of a model that is adapted in place.

    Args:
        config: peft's, with which it was adapted.
        name: the base model's in params.yaml.
        head: names of its modules.
    """
    from safetensors.torch import save_file

    weights, base = {}, {}
    for key, weight in model.named_parameters():
        if "lora_" in key or _inside(key, head):
            weights[PREFIX + key.replace(".default.", ".")] = weight.detach().cpu().contiguous()
        else:
            base[key.replace(".base_layer.", ".")] = weight
    folder.mkdir(parents=True, exist_ok=True)
    model.config.architectures = [type(model).__name__]
    model.config.save_pretrained(folder)
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})
    identifier, _, revision = name.partition("@")
    config.base_model_name_or_path, config.revision = identifier, revision or None
    config.modules_to_save, config.inference_mode = list(head), True
    config.save_pretrained(folder)
    tables.write_json(folder / BASE, {"model": name, "weights": digest(base.items())})


def load(folder: Path, model_class: str) -> Any:
    """The model of a folder that finetune wrote, by one of transformers' auto classes; an adapter is merged.

    Raises:
        UserError: it does not load, or its base model is not there or has other weights.
    """
    factory = getattr(transformers, model_class)
    if not (folder / CONFIG).is_file():
        return models.load(factory, models.Source(str(folder), str(folder)), "model")
    import peft

    about = tables.read_json(folder / BASE)
    model = _base(factory, about["model"], folder)
    head = head_of(model)
    found = digest((key, weight) for key, weight in model.named_parameters() if not _inside(key, head))
    if found != about["weights"]:
        raise UserError(
            f"{folder}: the adapter was trained on other weights of '{about['model']}' than those that load now",
            "pin the base model (ORG/NAME@REVISION), or finetune.lora.save: merged",
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft asks transformers for an attribute by its old name
        return peft.PeftModel.from_pretrained(model, folder).merge_and_unload()


def _base(factory: Any, name: str, folder: Path) -> Any:
    """The base model with a new head, as config.json of the adapter's folder has it."""
    config, where = transformers.AutoConfig.from_pretrained(folder), f"{folder}/{BASE}"
    level = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity_error()  # that the head is new: the adapter brings it along
    wanted = {"config": config, "use_safetensors": True, "dtype": torch.float32, "ignore_mismatched_sizes": True}
    try:
        return models.load(factory, models.resolve(name, where), where, **wanted)
    except UserError as error:
        raise UserError(str(error).removeprefix("params.yaml: "), error.hint) from None
    finally:
        transformers.logging.set_verbosity(level)


def digest(weights: Iterable[tuple[str, torch.Tensor]]) -> str:
    """SHA-256 of weights and their names, in the order of the names."""
    found = hashlib.sha256()
    for name, weight in sorted(weights, key=lambda one: one[0]):
        found.update(f"{name} {tuple(weight.shape)}\0".encode())
        found.update(weight.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()


def _inside(key: str, modules: Sequence[str]) -> bool:
    return any(key.startswith(f"{name}.") for name in modules)
