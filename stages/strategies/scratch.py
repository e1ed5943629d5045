"""Training from scratch."""

import torch


def scratch(model: torch.nn.Module) -> None:
    """Train the model as it was built: every weight but those that its architecture fixes, as sinusoidal positions."""
    model.train()
