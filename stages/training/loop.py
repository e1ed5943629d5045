"""The training loop: epochs of batches, validation after each, the best weights kept."""

import math
import random
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import torch

from stages.core import report
from stages.core.seeds import generator, seed_of
from stages.training.arrays import Rows
from stages.training.batches import Encoded, count_batches, shuffled, shuffled_by_tokens
from stages.training.checkpoints import Checkpoints
from stages.training.objective import rank
from stages.training.predict import logits_of
from stages.training.progress import History, Learner, Progress
from stages.training.state import capture, load_moving, moving, restore
from stages.training.updates import masses, mixing, update


@dataclass(frozen=True)
class Settings:
    """How to train; the names are those of params.yaml."""

    epochs: int
    batch_size: int
    batch_tokens: int | None
    accumulation_steps: int
    eval_batch_size: int
    seed: int
    min_updates: int
    group_by_length: bool
    max_grad_norm: float | None
    l1: float
    mixup: float | None
    precision: str
    best_by: str
    patience_epochs: int
    min_delta: float


def fit(
    learner: Learner,
    train: Encoded,
    validation: Encoded,
    *,
    settings: Settings,
    checkpoints: Checkpoints | None = None,
    log: Callable[[dict[str, float]], None] = lambda _: None,
) -> History:
    """Train the model in place and leave it with the weights of its best epoch.

    The scheduler steps once an update. `log` gets each epoch's row. With `checkpoints` it goes on from the last,
    and ends as a run that was never interrupted; they stay until the caller removes them. Of several processes, the
    first alone needs them.

    Raises:
        UserError: the loss or a gradient is not finite.
    """
    progress = Progress()
    told = learner.objective.task.shown[1:]
    learner.model.train()
    resume(learner, progress, checkpoints, log)
    with report.progress_bar("loss", "scores") as bar:
        task = bar.add_task("finetune", total=count_updates(train, settings), loss="", scores="")
        bar.update(task, completed=len(progress.history.steps))
        while progress.epoch <= settings.epochs and not progress.history.stopped_early:
            for row in epoch(learner, train, settings, progress):
                bar.update(task, advance=1, loss=f"loss {row['loss']:.3f}")
                save(learner, progress, checkpoints)
            scores = evaluate_epoch(learner, validation, settings, progress)
            log(progress.history.epochs[-1])
            if learner.watch:
                learner.watch.epoch(progress.history.epochs)
            bar.update(task, scores=" ".join(f"{name} {scores[name]:.3f}" for name in told if name in scores))
            progress.next_epoch()
            save(learner, progress, checkpoints, epoch_ends=True)
    load_moving(learner.model, progress.kept)
    return progress.history


def epoch(learner: Learner, train: Encoded, settings: Settings, progress: Progress) -> Iterator[dict[str, float]]:
    """The updates that are left of an epoch; a row each."""
    if not progress.updates:
        start_random(seed_of(settings.seed, "finetune", "dropout", progress.epoch))
    train.epoch = progress.epoch
    batches = list(order(train, settings, progress.epoch))
    size, team = settings.accumulation_steps, learner.team
    for start in range(progress.updates * size, len(batches), size):
        group = batches[start : start + size]
        if not team.alone:  # anew each time, so that a checkpoint need not hold the generators of every process
            start_random(seed_of(settings.seed, "finetune", "dropout", progress.epoch, start, team.rank))
        row = update(
            learner,
            (train.batch(rows if settings.mixup is not None else team.work(rows)) for rows in group),
            masses(learner.objective, train, group, team),
            precision=settings.precision,
            max_grad_norm=settings.max_grad_norm,
            l1=settings.l1,
            mixup=settings.mixup,
            draw=mixing(settings.seed, progress.epoch, start) if settings.mixup is not None else None,
        )
        if "score_sum" in row:
            progress.score_sum = (progress.score_sum or 0.0) + row.pop("score_sum")
        row = {"step": len(progress.history.steps) + 1, **row}
        progress.history.steps.append(row)
        progress.losses.append((row["loss"], sum(len(rows) for rows in group)))
        progress.updates += 1
        if learner.watch:
            learner.watch.update(row)
        yield row


def start_random(seed: int) -> None:
    """Seed torch's generators, and Python's and numpy's, which some models of transformers draw from."""
    torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)


def evaluate_epoch(learner: Learner, validation: Encoded, settings: Settings, progress: Progress) -> dict[str, float]:
    """Validate, note the epoch's row, and keep its weights if they are the best so far.

    Of epochs with equal scores the one that ranks higher by the task's `ties_by` is kept, else the earlier. For early
    stopping an equal score is no improvement.
    """
    history = progress.history
    with learner.average.applied(learner.model) if learner.average else nullcontext():
        scores = validate(learner, validation, settings)
        trained = progress.train_row(learner.objective.batch_score)
        history.epochs.append({"epoch": progress.epoch, **trained, **scores})
        value, tie = rank(scores, settings.best_by, learner.objective.task)
        improves = value < progress.best - settings.min_delta
        if improves:
            progress.improved = progress.epoch
        if improves or (value == progress.best and tie < progress.tie):
            progress.best, progress.tie, history.best_epoch = value, tie, progress.epoch
            progress.kept = {name: weight.clone() for name, weight in moving(learner.model).items()}
        if settings.patience_epochs and progress.epoch - progress.improved >= settings.patience_epochs:
            history.stopped_early = len(history.steps) >= settings.min_updates
    if learner.plateau:
        learner.plateau.epoch(value)
        apply_rates(learner)
    return scores


def apply_rates(learner: Learner) -> None:
    """Set the rates of the next step anew: the plateau's factor may have changed after the scheduler's last step."""
    scheduler = learner.scheduler
    if isinstance(scheduler, torch.optim.lr_scheduler.LambdaLR):
        for group, base, at in zip(
            learner.optimizer.param_groups, scheduler.base_lrs, scheduler.lr_lambdas, strict=True
        ):
            group["lr"] = base * at(scheduler.last_epoch)


def resume(
    learner: Learner,
    progress: Progress,
    checkpoints: Checkpoints | None,
    log: Callable[[dict[str, float]], None],
) -> None:
    """Go on from the last checkpoint, where there is one; the epochs before it are logged again."""
    found = learner.team.hand_on(checkpoints.latest() if checkpoints else None)
    if found is None:
        return
    restore(learner, progress, *found)
    report.figures["went_on"] = True
    report.note(f"going on from a checkpoint: epoch {progress.epoch}, after {len(progress.history.steps)} steps")
    for row in progress.history.epochs:
        log(row)


def save(learner: Learner, progress: Progress, checkpoints: Checkpoints | None, *, epoch_ends: bool = False) -> None:
    """Write a checkpoint if it is time for one."""
    if checkpoints and checkpoints.due(epoch_ends=epoch_ends):
        checkpoints.write(len(progress.history.steps), *capture(learner, progress))


def order(train: Encoded, settings: Settings, epoch: int) -> Iterator[Rows]:
    """The epoch's batches: drawn from (seed, epoch) alone."""
    draw = generator(settings.seed, "finetune", "order", epoch)
    if settings.batch_tokens:
        yield from shuffled_by_tokens(train.lengths, settings.batch_tokens, draw, group=settings.group_by_length)
    else:
        yield from shuffled(train.lengths, settings.batch_size, draw, group=settings.group_by_length)


def count_updates(train: Encoded, settings: Settings) -> int:
    """The updates of a whole training."""
    return sum(count_epoch_updates(train, settings, epoch) for epoch in range(1, settings.epochs + 1))


def count_epoch_updates(train: Encoded, settings: Settings, epoch: int) -> int:
    """The updates of one epoch, counted from 1; with `batch_tokens` they differ from epoch to epoch."""
    if settings.batch_tokens:
        batches = sum(1 for _ in order(train, settings, epoch))
    else:
        batches = count_batches(len(train), settings.batch_size)
    return math.ceil(batches / settings.accumulation_steps)


def validate(learner: Learner, validation: Encoded, settings: Settings) -> dict[str, float]:
    """The objective's scores on validation."""
    logits = logits_of(
        learner.model,
        validation,
        batch_size=settings.eval_batch_size,
        device=learner.device,
        precision=settings.precision,
        team=learner.team,
    )
    return learner.team.once(lambda: learner.objective.scores(validation.labels, logits))
