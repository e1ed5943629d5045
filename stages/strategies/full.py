"""Full fine-tuning: every weight is trained."""

import torch


def full(model: torch.nn.Module) -> None:
    """Make every weight of the model trainable."""
    model.requires_grad_(True)
