"""Mixup: training on weighted means of pairs of samples (Zhang et al. 2018, arXiv:1710.09412)."""

import numpy as np
import torch

from stages.core.errors import UserError

Batch = dict[str, torch.Tensor]


def mixed(batch: Batch, alpha: float, draw: np.random.Generator) -> tuple[Batch, torch.Tensor, float]:
    """The batch with each sample mixed with a partner of the same batch, the partners' labels (B,), and the share.

    x = share * x_i + (1 - share) * x_j, with one share from Beta(alpha, alpha) a batch, as in the authors' code; the
    loss is mixed in the same way. A place is attended to if either sample has something there.

    Raises:
        UserError: inputs that are no arrays of numbers.
    """
    if not any(value.is_floating_point() for value in batch.values()):
        raise UserError("params.yaml: finetune.mixup: texts cannot be mixed, images and sounds can", "mixup: null")
    share = float(draw.beta(alpha, alpha))
    partners = torch.from_numpy(draw.permutation(len(batch["labels"])))
    found = dict(batch)
    for name, value in batch.items():
        if value.is_floating_point():
            found[name] = share * value + (1 - share) * value[partners]
        elif name == "attention_mask":
            found[name] = torch.maximum(value, value[partners])
    return found, batch["labels"][partners], share
