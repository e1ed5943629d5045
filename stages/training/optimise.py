"""Optimiser and schedule."""

import math
from collections.abc import Callable, Sequence

import torch


def adamw(
    model: torch.nn.Module, *, lr: float, weight_decay: float, betas: Sequence[float], epsilon: float
) -> torch.optim.Optimizer:
    """AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101) over the trainable weights.

    Biases and normalisation weights (all with one dimension) do not decay, as in BERT (Devlin et al. 2019).
    """
    trainable = [weight for weight in model.parameters() if weight.requires_grad]
    groups = [
        {"params": [weight for weight in trainable if weight.ndim > 1], "weight_decay": weight_decay},
        {"params": [weight for weight in trainable if weight.ndim <= 1], "weight_decay": 0.0},
    ]
    fused = all(weight.device.type in ("cpu", "cuda") for weight in trainable)
    return torch.optim.AdamW(groups, lr=lr, betas=(betas[0], betas[1]), eps=epsilon, fused=fused)


def factor(schedule: str, *, steps: int, warmup_share: float) -> Callable[[int], float]:
    """The factor on the learning rate at step 0 to `steps` - 1: up linearly over the warm-up, then down as named."""
    warmup = math.ceil(steps * warmup_share)
    decay = DECAYS[schedule]

    def at(step: int) -> float:
        if step < warmup:
            return (step + 1) / (warmup + 1)
        return decay((step - warmup) / max(steps - warmup, 1))

    return at


DECAYS: dict[str, Callable[[float], float]] = {
    "linear": lambda done: 1 - done,
    "cosine": lambda done: (1 + math.cos(math.pi * done)) / 2,
    "constant": lambda done: 1.0,  # noqa: ARG005
}
"""Share of the steps after warm-up that is done, 0-1 -> factor; cosine: Loshchilov and Hutter 2017."""
