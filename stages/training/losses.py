"""Losses of classification.

Legend: B samples, K classes; `logits` (B, K) in single precision, `labels` (B,) from 0 to K - 1.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

Tensor = torch.Tensor


@dataclass(frozen=True)
class Loss:
    """A mean loss: `function(logits, labels, class_weights)`; samples weigh as their classes do.

    Args:
        class_weights: (K,), or None where each sample weighs 1.
    """

    function: Callable[[Tensor, Tensor, Tensor | None], Tensor]
    class_weights: Tensor | None = None

    def __call__(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The mean over the batch."""
        weights = self.class_weights
        return self.function(logits, labels, weights if weights is None else weights.to(logits.device))

    def mass(self, labels: npt.NDArray[Any]) -> float:
        """What the samples weigh together: the divisor of the mean."""
        if self.class_weights is None:
            return float(len(labels))
        return float(self.class_weights[torch.from_numpy(labels)].sum())


def cross_entropy(logits: Tensor, labels: Tensor, weights: Tensor | None, *, label_smoothing: float) -> Tensor:
    """Cross entropy in nats; labels smoothed by Szegedy et al. 2016 (arXiv:1512.00567, section 7)."""
    return functional.cross_entropy(logits, labels, weight=weights, label_smoothing=label_smoothing)


def focal(logits: Tensor, labels: Tensor, weights: Tensor | None, *, label_smoothing: float, gamma: float) -> Tensor:
    """(1 - p)^gamma times cross entropy, p being the label's probability (Lin et al. 2017, arXiv:1708.02002)."""
    losses = functional.cross_entropy(logits, labels, weight=weights, label_smoothing=label_smoothing, reduction="none")
    missing = -torch.expm1(functional.log_softmax(logits, dim=1).gather(1, labels[:, None])[:, 0])
    total = weights[labels].sum() if weights is not None else len(labels)
    # where nothing is missing, the slope of a power below 1 is infinite
    return (missing.clamp_min(1e-12) ** gamma * losses).sum() / total


LOSSES: Mapping[str, tuple[Callable[..., Tensor], tuple[str, ...]]] = {
    "cross_entropy": (cross_entropy, ("label_smoothing",)),
    "focal": (focal, ("label_smoothing", "gamma")),
}
"""Name -> its function, and its options."""


def make_loss(name: str, class_weights: Tensor | None = None, **options: float) -> Loss:
    """The loss called `name`; of `options` (`label_smoothing`, `gamma`) it gets those that it has."""
    function, wanted = LOSSES[name]
    chosen = {option: options[option] for option in wanted}
    return Loss(lambda logits, labels, weights: function(logits, labels, weights, **chosen), class_weights)


def balanced(counts: npt.NDArray[np.int64]) -> Tensor:
    """Class weights (K,) of N / (K * count), as in scikit-learn (King and Zeng 2001); 1 where a class has no sample."""
    weights = counts.sum() / (len(counts) * np.maximum(counts, 1))
    return torch.from_numpy(np.where(counts > 0, weights, 1.0)).float()


def baseline(loss: Loss, counts: npt.NDArray[np.int64], label_smoothing: float) -> float:
    """The loss of answering every sample with the classes' shares, whatever it is: their entropy, for cross entropy."""
    masses = torch.from_numpy(counts).double()
    if loss.class_weights is not None:
        masses = masses * loss.class_weights.double()
    shares = masses / masses.sum()
    smoothed = (1 - label_smoothing) * shares + label_smoothing / len(counts)
    logits = smoothed.clamp_min(1e-12).log()[None]
    weights = None if loss.class_weights is None else loss.class_weights.double()
    each = [loss.function(logits, torch.tensor([k]), weights) for k in np.flatnonzero(counts)]
    return float((torch.stack(each) * shares[torch.from_numpy(np.flatnonzero(counts))]).sum())
