"""Layer-wise learning rates: smaller the further a layer is from the head (Howard and Ruder 2018, arXiv:1801.06146)."""

from typing import Any

import torch

from stages.strategies.families import blocks_of


def depths(model: Any) -> dict[int, int]:
    """Steps down from the head, by id of the weight: 0 for the head, 1 for the last block, most for the embeddings."""
    base = model.base_model
    _, _, blocks = blocks_of(base)
    found = {id(weight): 0 for weight in model.parameters()}
    first = next(blocks.parameters(), None)
    for weight in base.parameters():
        if weight is first:
            break
        found[id(weight)] = len(blocks) + 1
    for number, block in enumerate(blocks):
        found |= {id(weight): len(blocks) - number for weight in block.parameters()}
    if getattr(base.config, "do_stable_layer_norm", False):  # defined before the blocks, applied after them
        found |= {id(weight): 0 for weight in base.encoder.layer_norm.parameters()}
    return found


def layered(optimizer: torch.optim.Optimizer, model: Any, decay: float) -> None:
    """Split the optimiser's groups so that each block's learning rate is `decay` times that of the one above.

    To be called before a schedule is made of them; the head's group comes first.
    """
    if decay == 1.0:
        return
    depth = depths(model)
    groups: list[tuple[int, dict[str, Any]]] = []
    for group in optimizer.param_groups:
        for step in sorted({depth[id(weight)] for weight in group["params"]}):
            weights = [weight for weight in group["params"] if depth[id(weight)] == step]
            groups.append((step, {**group, "params": weights, "lr": group["lr"] * decay**step}))
    optimizer.param_groups[:] = [group for _, group in sorted(groups, key=lambda one: one[0])]
