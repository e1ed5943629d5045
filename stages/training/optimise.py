"""Optimisers."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch

Groups = list[dict[str, Any]]


def adamw(
    model: torch.nn.Module, *, lr: float, weight_decay: float, betas: Sequence[float], epsilon: float
) -> torch.optim.Optimizer:
    """AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101) over the trainable weights."""
    fused = all(weight.device.type in ("cpu", "cuda") for weight in trainable(model))
    return torch.optim.AdamW(groups(model, weight_decay), lr=lr, betas=(betas[0], betas[1]), eps=epsilon, fused=fused)


def sgd(model: torch.nn.Module, *, lr: float, weight_decay: float, momentum: float) -> torch.optim.Optimizer:
    """Stochastic gradient descent with momentum (Sutskever et al. 2013); weight decay is an L2 penalty here."""
    return torch.optim.SGD(groups(model, weight_decay), lr=lr, momentum=momentum)


def adafactor(model: torch.nn.Module, *, lr: float, weight_decay: float) -> torch.optim.Optimizer:
    """Adafactor (Shazeer and Stern 2018, arXiv:1804.04235): second moments by row and column alone.

    `lr` and its schedule are those given, without the paper's relative steps, as in transformers' Trainer.
    """
    from transformers.optimization import Adafactor

    made: torch.optim.Optimizer = Adafactor(
        groups(model, weight_decay), lr=lr, relative_step=False, scale_parameter=False
    )
    return made


OPTIMIZERS: Mapping[str, tuple[Callable[..., torch.optim.Optimizer], tuple[str, ...]]] = {
    "adamw": (adamw, ("betas", "epsilon")),
    "sgd": (sgd, ("momentum",)),
    "adafactor": (adafactor, ()),
}
"""Name -> its function, and what it takes besides `lr` and `weight_decay`."""


def make_optimizer(
    name: str, model: torch.nn.Module, *, lr: float, weight_decay: float, **options: Any
) -> torch.optim.Optimizer:
    """The optimiser called `name`; of `options` (`betas`, `epsilon`, `momentum`) it gets those that it has."""
    function, wanted = OPTIMIZERS[name]
    return function(model, lr=lr, weight_decay=weight_decay, **{option: options[option] for option in wanted})


def groups(model: torch.nn.Module, weight_decay: float) -> Groups:
    """The trainable weights in two groups of parameters.

    Biases and normalisation weights (all with one dimension) do not decay, as in BERT (Devlin et al. 2019).
    """
    weights = trainable(model)
    return [
        {"params": [weight for weight in weights if weight.ndim > 1], "weight_decay": weight_decay},
        {"params": [weight for weight in weights if weight.ndim <= 1], "weight_decay": 0.0},
    ]


def trainable(model: torch.nn.Module) -> list[torch.nn.Parameter]:
    """The weights that are trained."""
    return [weight for weight in model.parameters() if weight.requires_grad]


def add_l1(weights: Iterable[torch.nn.Parameter], strength: float) -> None:
    """Add the subgradient of `strength` times the sum of |weight| (lasso, Tibshirani 1996) to the gradients.

    Biases and normalisation weights are spared, as by weight decay.
    """
    for weight in weights:
        if weight.grad is not None and weight.ndim > 1:
            weight.grad.add_(weight.detach().sign(), alpha=strength)
