"""A model made ready: built, put under its strategy, with objective, optimiser, schedule and what else is wanted."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from stages.core import report
from stages.tasks.task import Task
from stages.training import device as devices
from stages.training.averaging import Average
from stages.training.batches import Encoded
from stages.training.loop import count_updates
from stages.training.modes import keep_few_activations
from stages.training.objective import Objective, objective
from stages.training.optimise import make_optimizer
from stages.training.options import Options
from stages.training.processes import ALONE, Team
from stages.training.progress import Learner
from stages.training.reduction import Reduction
from stages.training.schedules import Plateau, factor, make_scheduler
from stages.training.watch import Watch


@dataclass(frozen=True)
class Plan:
    """What is trained, and how.

    Args:
        name: that of the strategy.
        build: gives the model before training; its new weights are drawn from torch's generator.
        strategy: applied to the model, in place; what it returns gives the ordinary, whole model afterwards.
        layered: has the optimiser's rates fall from layer to layer, by a factor.
        count: the model's weights, `total` and `trainable`.
        team: the processes that train it together.
    """

    name: str
    task: Task
    options: Options
    device: torch.device
    build: Callable[[], Any]
    strategy: Callable[[Any], Callable[[], Any]]
    layered: Callable[[torch.optim.Optimizer, Any, float], None]
    count: Callable[[Any], dict[str, int]]
    team: Team = ALONE


@dataclass(frozen=True)
class Ready:
    """A model about to be trained; `whole` gives it as it is saved."""

    learner: Learner
    whole: Callable[[], Any]


def make_ready(plan: Plan, train: Encoded, seed: int) -> Ready:
    """Build the model with weights drawn from the seed, and all that trains it.

    Raises:
        UserError: what was asked for does not go with the model or the device.
    """
    options = plan.options
    devices.prepare(seed, options.threads)
    model = plan.build()
    goal = objective(
        plan.task,
        model,
        train.labels,
        loss=options.loss,
        label_smoothing=options.label_smoothing,
        focal_gamma=options.focal_gamma,
        class_weights=options.class_weights,
        huber_delta=options.huber_delta,
    )
    make_whole = plan.strategy(model)
    model.to(plan.device)
    learner = assemble(plan, model, goal, steps=count_updates(train, options.settings(seed)), labels=train.labels)

    def whole() -> Any:
        found = make_whole()
        goal.finish(found)
        return found

    return Ready(learner, whole)


def assemble(plan: Plan, model: Any, goal: Objective, *, steps: int, labels: Any) -> Learner:
    """The model with its optimiser, schedule for so many steps, and what else was asked for.

    Raises:
        UserError: the device has no such precision, the model no gradient checkpointing.
    """
    options, device = plan.options, plan.device
    devices.autocast(device, options.precision)
    if options.gradient_checkpointing:
        keep_few_activations(model)
    optimizer = make_optimizer(
        options.optimizer,
        model,
        lr=options.lr,
        weight_decay=options.weight_decay,
        betas=options.adam_betas,
        epsilon=options.adam_epsilon,
        momentum=options.sgd_momentum,
    )
    plan.layered(optimizer, model, options.layer_decay)
    at = factor(
        options.schedule,
        steps=steps,
        warmup_share=options.warmup_share,
        end=options.exponential_end,
        power=options.polynomial_power,
    )
    waits = options.plateau
    reduces = options.schedule == "reduce_on_plateau"
    plateau = Plateau(waits["factor"], waits["patience_epochs"], waits["min_delta"]) if reduces else None
    return Learner(
        model=model,
        optimizer=optimizer,
        scheduler=make_scheduler(optimizer, at, plateau),
        objective=goal,
        device=device,
        average=Average(model, options.ema_decay) if options.ema_decay else None,
        plateau=plateau,
        scaler=torch.amp.GradScaler(device.type) if options.precision == "fp16" else None,
        watch=Watch(
            report.note,
            **options.watch,
            baselines=goal.baselines(labels),
            validation_loss=goal.task.shown[0],
        ),
        team=plan.team,
        reduction=None if plan.team.alone else Reduction(model, plan.team),
    )
