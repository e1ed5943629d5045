"""The encoded splits, as finetune reads them."""

from collections.abc import Mapping
from typing import Any

from stages.core import tables
from stages.core.errors import UserError
from stages.training.batches import Augment, Encoded


def encoded(name: str, meta: Mapping[str, Any], augment: Augment | None = None) -> Encoded:
    """One split's model inputs; `meta` is the content of data/encoded/meta.json.

    Raises:
        UserError: it is empty.
    """
    found = Encoded(
        tables.read(f"data/encoded/{name}", "inputs"),
        pad_token_id=meta.get("pad_token_id", 0),
        arrays=meta.get("cut", {}).get("arrays") or meta.get("arrays"),
        augment=augment,
    )
    if not len(found):
        raise UserError(f"no {name} samples", f"raise split.ratios.{name}, or fetch more samples")
    return found


def online(steps: Mapping[str, dict[str, Any]], meta: Mapping[str, Any], seed: int) -> Augment | None:
    """The augmentation of images while they are trained on, by options of steps in their order, where there are any.

    Raises:
        UserError: what is trained on are no images, but features that encode has computed.
    """
    if not steps:
        return None
    if meta.get("cut", {}).get("cached"):
        raise UserError(
            "params.yaml: finetune.online: this strategy trains on features that encode computed once",
            "encode.max_cache_gib: 0, or no step of finetune.online enabled",
        )
    from stages.augmenters.online import make_online

    augment: Augment = make_online(steps=steps, seed=seed)
    return augment
