"""Finetune: encoded -> models/model: weights, processor and model card."""

import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch

from stages.core import models, report, tables
from stages.core.errors import UserError
from stages.core.finetune_block import Finetune
from stages.core.params import load
from stages.core.registry import member
from stages.modalities import MODEL_CLASSES, PIPELINES
from stages.strategies.apply import prepare
from stages.strategies.build import model_for
from stages.strategies.cut import cut_off
from stages.strategies.decay import layered
from stages.tasks import TASKS
from stages.tasks.task import Task
from stages.training import device as devices
from stages.training.averaging import Average
from stages.training.batches import Augment, Encoded
from stages.training.card import card
from stages.training.checkpoints import Checkpoints, opened
from stages.training.curves import write_curves
from stages.training.fingerprint import checkpoints_folder, fingerprint
from stages.training.loop import Settings, count_parameters, count_updates, fit
from stages.training.memory import told_when_out_of_memory
from stages.training.modes import compiled, keep_few_activations
from stages.training.objective import CALIBRATION_BINS, Objective, objective
from stages.training.optimise import make_optimizer
from stages.training.progress import Learner
from stages.training.results import live_log, save, summary
from stages.training.schedules import Plateau, factor, make_scheduler
from stages.training.trial import try_out
from stages.training.watch import Watch


def main() -> None:
    params = load()
    block = params.finetune
    meta, provenance = tables.read_json("data/encoded/meta.json"), tables.read_json("data/fetched/provenance.json")
    changed = online(block, params.seed)
    if changed is not None and meta.get("cut", {}).get("cached"):
        raise UserError(
            f"params.yaml: finetune.online: strategy {params.strategy} trains on features that encode computed once",
            "encode.max_cache_gib: 0, or no step of finetune.online enabled",
        )
    train, validation = encoded("train", meta, changed), encoded("validation", meta)
    device = devices.pick(block.device)
    devices.prepare(params.seed, block.threads)
    source = models.resolve(params.model)
    model_class = MODEL_CLASSES[params.modality][params.task]
    task: Task = member(TASKS, params.task, "task")(meta, bins=CALIBRATION_BINS)
    model = build(source, model_class, meta, task, block, params.strategy)
    goal = objective(
        task,
        model,
        train.labels,
        loss=block.loss,
        label_smoothing=block.label_smoothing,
        focal_gamma=block.focal_gamma,
        class_weights=block.class_weights,
        huber_delta=block.huber_delta,
    )
    make_whole = prepare(model, params.strategy, cut=meta.get("cut"), lora=block.lora.model_dump())
    model.to(device)
    counts = count_parameters(model)
    counts["total"] += cut_off(model)
    report.note(f"{params.strategy}: {counts['trainable']:,} of {counts['total']:,} weights are trained, on {device}")
    recipe = {
        "model": source.public_name,
        "strategy": params.strategy,
        "lr": params.lr,
        "epochs": params.epochs,
        "batch_size": params.batch_size,
        "seed": params.seed,
        "finetune": {name: value for name, value in block.model_dump().items() if name in block.model_fields_set},
    }
    given = settings(block, epochs=params.epochs, batch_size=params.batch_size, seed=params.seed)
    steps = count_updates(train, given)
    learner = assemble(model, goal, block, device, lr=params.lr, steps=steps, baselines=goal.baselines(train.labels))
    start = time.perf_counter()
    with (
        kept_checkpoints(model, block, recipe, device) as checkpoints,
        told_when_out_of_memory(params.batch_size, block.accumulation_steps, block.batch_tokens),
    ):
        try_out(model, train, device)
        log = live_log(block.dvclive, task.shown)
        with compiled(model, wanted=block.compile):
            history = fit(learner, train, validation, settings=given, checkpoints=checkpoints, log=log)
        seconds = time.perf_counter() - start
        metrics = summary(history, counts, len(train), len(validation))
        page = card(
            task=params.task,
            pipeline=PIPELINES[params.modality][params.task],
            base_model=source.public_name,
            labels=meta["labels"],
            provenance=provenance,
            recipe=recipe,
            metrics=metrics["validation"],
        )
        whole = make_whole()
        goal.finish(whole)
        save(whole, page)
        tables.write_json("metrics/finetune.json", metrics)
        write_curves(Path("metrics/plots/finetune"), history, task.shown)
        if checkpoints:
            checkpoints.clear()
    samples_seen = len(history.epochs) * len(train)
    report.note(
        f"trained {samples_seen:,} samples in {seconds:.1f} s ({samples_seen / seconds:.0f} samples/s, with validation)"
    )


def encoded(name: str, meta: dict[str, Any], augment: Augment | None = None) -> Encoded:
    """One split's model inputs.

    Raises:
        UserError: it is empty.
    """
    found = Encoded(
        tables.read(f"data/encoded/{name}", "inputs"),
        pad_token_id=meta.get("pad_token_id", 0),
        arrays=meta.get("cut", {}).get("arrays") or meta.get("arrays"),
        augment=augment,
    )
    if not len(found):
        raise UserError(f"no {name} samples", f"raise split.ratios.{name}, or fetch more samples")
    return found


def online(block: Finetune, seed: int) -> Augment | None:
    """The augmentation of images while they are trained on, where any of its steps is enabled."""
    if block.online is None:
        return None
    steps = {name: block.online.steps[name] for name in block.online.order}
    enabled = {name: step.options for name, step in steps.items() if step.enabled}
    if not enabled:
        return None
    from stages.augmenters.online import make_online

    augment: Augment = make_online(steps=enabled, seed=seed)
    return augment


def build(
    source: models.Source, model_class: str, meta: dict[str, Any], task: Task, block: Finetune, strategy: str
) -> Any:
    """The model before training; see `model_for`."""
    return model_for(
        source,
        model_class,
        task.names,
        strategy=strategy,
        architecture=block.architecture or {},
        problem_type=task.problem_type,
        dropout=block.dropout.model_dump(),
        pad_token_id=meta.get("pad_token_id"),
        max_length_tokens=meta.get("max_length_tokens"),
    )


def assemble(
    model: Any,
    goal: Objective,
    block: Finetune,
    device: torch.device,
    *,
    lr: float,
    steps: int,
    baselines: tuple[float, float],
) -> Learner:
    """The model with its optimiser, schedule and what else was asked for.

    Raises:
        UserError: the device has no such precision, the model no gradient checkpointing.
    """
    devices.autocast(device, block.precision)
    if block.gradient_checkpointing:
        keep_few_activations(model)
    optimizer = make_optimizer(
        block.optimizer,
        model,
        lr=lr,
        weight_decay=block.weight_decay,
        betas=block.adam_betas,
        epsilon=block.adam_epsilon,
        momentum=block.sgd_momentum,
    )
    layered(optimizer, model, block.layer_decay)
    at = factor(
        block.schedule,
        steps=steps,
        warmup_share=block.warmup_share,
        end=block.exponential_end,
        power=block.polynomial_power,
    )
    reduces = block.schedule == "reduce_on_plateau"
    waits = block.plateau
    plateau = Plateau(waits.factor, waits.patience_epochs, waits.min_delta) if reduces else None
    return Learner(
        model=model,
        optimizer=optimizer,
        scheduler=make_scheduler(optimizer, at, plateau),
        objective=goal,
        device=device,
        average=Average(model, block.ema_decay) if block.ema_decay else None,
        plateau=plateau,
        scaler=torch.amp.GradScaler(device.type) if block.precision == "fp16" else None,
        watch=Watch(
            report.note,
            exploding_factor=block.watch.exploding_factor,
            overfitting_epochs=block.watch.overfitting_epochs,
            baselines=baselines,
            validation_loss=goal.task.shown[0],
        ),
    )


def kept_checkpoints(
    model: Any, block: Finetune, recipe: dict[str, Any], device: torch.device
) -> AbstractContextManager[Checkpoints | None]:
    """The checkpoints of this very training: of its data, params, code and first weights."""
    folder = Path("data/encoded")
    data = [
        folder / "meta.json",
        *(path for name in ("train", "validation") for path in tables.shards(folder / name, "inputs")),
    ]
    finetune = {name: value for name, value in recipe["finetune"].items() if name not in ("checkpoint", "dvclive")}
    mark = fingerprint(model, data=data, params=recipe | {"finetune": finetune}, device=device)
    return opened(
        checkpoints_folder(Path.cwd()), mark, every_s=block.checkpoint.every_s, keep_days=block.checkpoint.keep_days
    )


def settings(block: Finetune, *, epochs: int, batch_size: int, seed: int) -> Settings:
    """The loop's settings from params.yaml."""
    return Settings(
        epochs=epochs,
        batch_size=batch_size,
        batch_tokens=block.batch_tokens,
        accumulation_steps=block.accumulation_steps,
        seed=seed,
        eval_batch_size=block.eval_batch_size,
        group_by_length=block.group_by_length,
        max_grad_norm=block.max_grad_norm,
        l1=block.l1,
        mixup=block.mixup,
        precision=block.precision,
        best_by=block.best_by,
        patience_epochs=block.early_stopping.patience_epochs,
        min_delta=block.early_stopping.min_delta,
    )


if __name__ == "__main__":
    report.run("finetune", main)
