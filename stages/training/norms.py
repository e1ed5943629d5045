"""Batch normalisation over the batch that several processes have shared out, in place of each one's share.

Legend: B samples in this process's share, C channels.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn

from stages.core.errors import UserError
from stages.training.processes import Team

KNOWN = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def share_norms(model: nn.Module, team: Team, counts: Callable[[], bool]) -> int:
    """Have the model's batch normalisation take mean and variance of the whole batch; how many layers have it.

    torch's SyncBatchNorm does so on GPUs alone, and takes no sample out. Layers and names of weights stay.

    Args:
        model: changed in place.
        team: the processes.
        counts: tells of the batch at hand whether this process's samples count in it.

    Raises:
        UserError: a kind of batch normalisation that is not known.
    """
    found = [layer for layer in model.modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm)]
    for layer in found:
        if type(layer) not in KNOWN:
            raise UserError(
                f"params.yaml: finetune.processes: {type(layer).__name__} layers normalise each process's share alone",
                "finetune.processes: 1",
            )
        layer.forward = partial(normalised, layer, team, counts)  # type: ignore[method-assign]
    return len(found)


def normalised(layer: Any, team: Team, counts: Callable[[], bool], given: torch.Tensor) -> torch.Tensor:
    """What the layer makes of (B, C, ...): in training by the whole batch's statistics, which it also keeps."""
    if not layer.training:
        return type(layer).forward(layer, given)  # type: ignore[no-any-return]
    values, weight = given.float(), float(counts())
    others = [axis for axis in range(given.ndim) if axis != 1]
    shape = (1, -1, *[1] * (given.ndim - 2))
    number = torch.full((1,), weight * (given.numel() // given.shape[1]), device=given.device)
    sums = _sum(torch.cat([values.sum(others) * weight, number]), team)
    number = sums[-1].detach()
    mean = sums[:-1] / number
    centred = values - mean.view(shape)
    variance = _sum(centred.square().sum(others) * weight, team) / number
    _keep(layer, mean.detach(), variance.detach() * number / (number - 1).clamp_min(1))
    found = centred * (variance.view(shape) + layer.eps).rsqrt()
    if layer.affine:
        found = found * layer.weight.view(shape) + layer.bias.view(shape)
    result: torch.Tensor = found.to(given.dtype)
    return result


@torch.no_grad()
def _keep(layer: Any, mean: torch.Tensor, variance: torch.Tensor) -> None:
    """Move the running statistics on, as torch's BatchNorm does: by `momentum`, or as a plain mean without it."""
    if not layer.track_running_stats:
        return
    layer.num_batches_tracked.add_(1)
    step = layer.momentum if layer.momentum is not None else 1 / float(layer.num_batches_tracked)
    layer.running_mean.lerp_(mean, step)
    layer.running_var.lerp_(variance, step)


def _sum(given: torch.Tensor, team: Team) -> torch.Tensor:
    found: torch.Tensor = _Sum.apply(given, team)  # type: ignore[no-untyped-call]
    return found


class _Sum(torch.autograd.Function):
    """The sum over the processes, of values and, backward, of gradients."""

    @staticmethod
    def forward(context: Any, given: torch.Tensor, team: Team) -> torch.Tensor:
        context.team = team
        found = given.clone()
        team.reduce(found)
        return found

    @staticmethod
    def backward(context: Any, slope: torch.Tensor) -> tuple[torch.Tensor, None]:
        found = slope.contiguous().clone()
        context.team.reduce(found)
        return found, None
