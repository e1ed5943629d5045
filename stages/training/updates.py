"""One update of the weights, from one batch or from several that are accumulated."""

import math
from collections.abc import Iterable, Sequence

import numpy as np
import torch

from stages.core.errors import UserError
from stages.core.seeds import generator
from stages.training.arrays import Rows
from stages.training.batches import Encoded, move
from stages.training.device import autocast
from stages.training.mixup import mixed
from stages.training.objective import Objective
from stages.training.optimise import add_l1, trainable
from stages.training.processes import ALONE, Team
from stages.training.progress import Learner

Batch = dict[str, torch.Tensor]
SMALLEST_SCALE = 1.0
"""Of half precision: gradients that do not fit even unscaled are not finite at all."""


def update(
    learner: Learner,
    batches: Iterable[Batch],
    shares: Sequence[float],
    *,
    precision: str,
    max_grad_norm: float | None,
    l1: float = 0.0,
    mixup: float | None = None,
    draw: np.random.Generator | None = None,
) -> dict[str, float]:
    """One update: loss, norm of the gradient before clipping, learning rate, and the `score_sum` of its samples.

    Args:
        batches: of which the gradients are added up; of several processes, what each has to work on.
        shares: what each counts in the mean; they add up to 1, over the processes.
        mixup: alpha, with `draw` to choose the pairs from; several processes all get whole batches then. There is no
            `score_sum`: mixed samples have no right answer.

    Raises:
        UserError: a loss or a gradient that is not finite.
    """
    rate = float(learner.optimizer.param_groups[0]["lr"])
    value, score_sum, reduction = 0.0, 0.0, learner.reduction
    for number, (batch, share) in enumerate(zip(batches, shares, strict=True), start=1):
        if reduction:
            reduction.begin(last=number == len(shares), counts=share > 0)
        loss, scored = loss_of(learner, batch, precision=precision, mixup=mixup, draw=draw)
        loss = loss if len(shares) == 1 and not reduction else loss * share
        # what is not finite in one process is so in the sum: then all of them stop
        value += loss.item() if reduction else finite(loss.item(), "loss", rate)
        if share > 0:  # a process with an empty share runs the batch's first sample for company
            score_sum += scored.item()
        scaled = learner.scaler.scale(loss) if learner.scaler else loss
        scaled.backward()  # type: ignore[no-untyped-call]
    if reduction:
        value, score_sum = reduction.finish([value, score_sum])
        finite(value, "loss", rate)
    norm = descend(learner, rate, max_grad_norm=max_grad_norm, l1=l1)
    row = {"loss": value, "grad_norm": norm, "lr": rate}
    return row if mixup is not None else row | {"score_sum": score_sum}


def loss_of(
    learner: Learner, batch: Batch, *, precision: str, mixup: float | None, draw: np.random.Generator | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """The mean loss of a batch, in single precision, and the `score_sum` of its samples."""
    share, tilt = 1.0, 1.0
    if mixup is not None and draw is not None:
        batch, partners, share = mixed(batch, mixup, draw)
        batch = learner.team.part(batch | {"partners": partners})
        if not learner.team.alone:  # in the whole batch partners weigh what the samples do, in a share they may not
            tilt = learner.objective.mass(batch["partners"].numpy()) / learner.objective.mass(batch["labels"].numpy())
    inputs = move(batch, learner.device)
    labels, others = inputs.pop("labels"), inputs.pop("partners", None)
    with autocast(learner.device, precision):
        logits = learner.model(**inputs).logits
    loss = learner.objective.loss(logits.float(), labels)
    score_sum = learner.objective.score_sum(logits.float(), labels)
    if others is not None:
        loss = share * loss + (1 - share) * tilt * learner.objective.loss(logits.float(), others)
    return loss, score_sum


def descend(learner: Learner, rate: float, *, max_grad_norm: float | None, l1: float) -> float:
    """Step along the gradients that were added up; their norm."""
    scaler, optimizer = learner.scaler, learner.optimizer
    if scaler:
        scaler.unscale_(optimizer)
    if l1:
        add_l1(trainable(learner.model), l1)
    norm = float(torch.nn.utils.clip_grad_norm_(learner.model.parameters(), max_grad_norm or math.inf))
    if scaler is None or scaler.get_scale() <= SMALLEST_SCALE:
        finite(norm, "gradient's norm", rate)
    if scaler:
        scaler.step(optimizer)  # leaves the step out where a gradient is not finite, and lowers the scale
        scaler.update()
    else:
        optimizer.step()
    if math.isfinite(norm):
        learner.scheduler.step()
        if learner.average:
            learner.average.update(learner.model)
    optimizer.zero_grad(set_to_none=True)
    return norm


def finite(value: float, name: str, rate: float) -> float:
    """The value.

    Raises:
        UserError: it is not finite.
    """
    if not math.isfinite(value):
        raise UserError(f"the training {name} is {value}", f"lower lr (now {rate:g}), or set finetune.max_grad_norm")
    return value


def masses(objective: Objective, train: Encoded, group: Sequence[Rows], team: Team = ALONE) -> list[float]:
    """What each of some batches, or this process's share of each, counts in the mean over all of them; over the
    processes they add up to 1."""
    each = [objective.mass(train.labels[rows]) for rows in group]
    own = each if team.alone else [objective.mass(train.labels[team.share(rows)]) for rows in group]
    return [mass / sum(each) for mass in own]


def mixing(seed: int, epoch: int, number: int) -> np.random.Generator:
    """The draw of an update's pairs: of (seed, epoch, update) alone."""
    return generator(seed, "finetune", "mixup", epoch, number)
