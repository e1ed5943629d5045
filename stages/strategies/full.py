"""Full fine-tuning: every weight is trained."""

import torch


def full(model: torch.nn.Module) -> None:
    """Train the model as it was loaded: every weight but those that its architecture fixes, as sinusoidal positions."""
    model.train()
