"""The training loop: epochs of batches, validation after each, the best weights kept."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from stages.core import report
from stages.core.errors import UserError
from stages.core.seeds import generator, seed_of
from stages.training.arrays import Rows
from stages.training.batches import Encoded, count_batches, move, shuffled
from stages.training.device import autocast
from stages.training.objective import CLASSES, Objective, badness
from stages.training.predict import logits_of


@dataclass(frozen=True)
class Settings:
    """How to train; the names are those of params.yaml."""

    epochs: int
    batch_size: int
    eval_batch_size: int
    seed: int
    group_by_length: bool
    max_grad_norm: float | None
    label_smoothing: float
    precision: str
    best_by: str
    patience_epochs: int
    min_delta: float
    objective: Objective = CLASSES


@dataclass
class History:
    """What happened: a row a step and a row an epoch, and which epoch's weights the model now has."""

    steps: list[dict[str, float]] = field(default_factory=list)
    epochs: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    stopped_early: bool = False


def fit(
    model: torch.nn.Module,
    train: Encoded,
    validation: Encoded,
    *,
    optimizer: torch.optim.Optimizer,
    scheduler: torch.optim.lr_scheduler.LRScheduler,
    device: torch.device,
    settings: Settings,
    log: Callable[[dict[str, float]], None] = lambda _: None,
) -> History:
    """Train the model in place and leave it with the weights of its best epoch.

    The scheduler steps once a batch. `log` gets each epoch's row.

    Raises:
        UserError: the loss is not finite.
    """
    history = History()
    best = math.inf
    kept: dict[str, torch.Tensor] = {}
    told = settings.objective.task.shown[1:]
    model.train()
    with report.progress_bar("loss", "scores") as bar:
        total = settings.epochs * count_batches(len(train), settings.batch_size)
        task = bar.add_task("finetune", total=total, loss="", scores="")
        for epoch in range(1, settings.epochs + 1):
            torch.manual_seed(seed_of(settings.seed, "finetune", "dropout", epoch))
            losses = []
            train.epoch = epoch
            for rows in order(train, settings, epoch):
                row = step(model, train.batch(rows), optimizer, scheduler, device, settings)
                losses.append((row["loss"], len(rows)))
                history.steps.append({"step": len(history.steps) + 1, **row})
                bar.update(task, advance=1, loss=f"loss {row['loss']:.3f}")
            scores = validate(model, validation, device, settings)
            history.epochs.append({"epoch": epoch, "train_loss": mean(losses), **scores})
            log(history.epochs[-1])
            bar.update(task, scores=" ".join(f"{name} {scores[name]:.3f}" for name in told if name in scores))
            value = badness(scores, settings.best_by, settings.objective.task)
            if value < best - settings.min_delta:
                best, history.best_epoch = value, epoch
                kept = {name: weight.detach().clone() for name, weight in model.state_dict().items()}
            elif settings.patience_epochs and epoch - history.best_epoch >= settings.patience_epochs:
                history.stopped_early = True
                break
    model.load_state_dict(kept)
    return history


def order(train: Encoded, settings: Settings, epoch: int) -> Iterator[Rows]:
    """The epoch's batches: drawn from (seed, epoch) alone."""
    draw = generator(settings.seed, "finetune", "order", epoch)
    yield from shuffled(train.lengths, settings.batch_size, draw, group=settings.group_by_length)


def step(
    model: torch.nn.Module,
    batch: dict[str, torch.Tensor],
    optimizer: torch.optim.Optimizer,
    scheduler: torch.optim.lr_scheduler.LRScheduler,
    device: torch.device,
    settings: Settings,
) -> dict[str, float]:
    """One update: loss, norm of the gradient and learning rate."""
    rate = float(optimizer.param_groups[0]["lr"])
    inputs = move(batch, device)
    labels = inputs.pop("labels")
    with autocast(device, settings.precision):
        logits = model(**inputs).logits
    loss = settings.objective.loss(logits.float(), labels, label_smoothing=settings.label_smoothing)
    value = loss.item()
    if not math.isfinite(value):
        raise UserError(f"the training loss is {value}", f"lower lr (now {rate:g}), or set finetune.max_grad_norm")
    loss.backward()  # type: ignore[no-untyped-call]
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), settings.max_grad_norm or math.inf)
    optimizer.step()
    scheduler.step()
    optimizer.zero_grad(set_to_none=True)
    return {"loss": value, "grad_norm": float(norm), "lr": rate}


def validate(model: torch.nn.Module, validation: Encoded, device: torch.device, settings: Settings) -> dict[str, float]:
    """The objective's scores on validation."""
    logits = logits_of(
        model, validation, batch_size=settings.eval_batch_size, device=device, precision=settings.precision
    )
    return settings.objective.scores(validation.labels, logits)


def mean(losses: list[tuple[float, int]]) -> float:
    """The mean loss a sample, from batches' means and sizes."""
    values, sizes = np.array(losses).T
    return float(np.average(values, weights=sizes))


def count_parameters(model: torch.nn.Module) -> dict[str, Any]:
    """All weights and the trainable ones."""
    return {
        "total": sum(weight.numel() for weight in model.parameters()),
        "trainable": sum(weight.numel() for weight in model.parameters() if weight.requires_grad),
    }
