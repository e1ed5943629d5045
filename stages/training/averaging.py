"""An exponential moving average of the weights."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


class Average:
    """The moving average of a model's trainable weights (Polyak and Juditsky 1992, with exponential weights).

    The decay starts low, (1 + n) / (10 + n) after n updates, and rises to `decay`, as in TensorFlow's
    ExponentialMovingAverage: the random weights of a new head are soon forgotten.
    """

    def __init__(self, model: torch.nn.Module, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self.weights = {name: w.detach().clone() for name, w in model.named_parameters() if w.requires_grad}

    @torch.no_grad()
    def update(self, model: torch.nn.Module) -> None:
        """average = decay * average + (1 - decay) * weights."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        given = dict(model.named_parameters())
        for name, average in self.weights.items():
            average.lerp_(given[name], 1 - decay)

    @contextmanager
    def applied(self, model: torch.nn.Module) -> Iterator[None]:
        """Within it the model has the averaged weights, after it its own again."""
        self._swap(model)
        try:
            yield
        finally:
            self._swap(model)

    def _swap(self, model: torch.nn.Module) -> None:
        given = dict(model.named_parameters())
        for name in self.weights:
            self.weights[name], given[name].data = given[name].data, self.weights[name]
