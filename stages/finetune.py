"""Finetune: encoded -> models/model: weights, processor and model card."""

import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from stages.core import models, report, tables
from stages.core.blocks import Finetune
from stages.core.errors import UserError
from stages.core.params import load
from stages.core.registry import member
from stages.modalities import MODEL_CLASSES, PIPELINES
from stages.strategies import STRATEGIES
from stages.strategies.build import from_scratch, pretrained
from stages.tasks import TASKS
from stages.tasks.task import Task
from stages.training import device as devices
from stages.training.batches import Augment, Encoded, count_batches, move
from stages.training.card import card
from stages.training.curves import write_curves
from stages.training.loop import History, Settings, count_parameters, fit
from stages.training.objective import CALIBRATION_BINS, Objective, objective
from stages.training.optimise import adamw, factor


def main() -> None:
    params = load()
    block = params.finetune
    meta, provenance = tables.read_json("data/encoded/meta.json"), tables.read_json("data/fetched/provenance.json")
    train, validation = encoded("train", meta, online(block, params.seed)), encoded("validation", meta)
    device = devices.pick(block.device)
    devices.prepare(params.seed, block.threads)
    source = models.resolve(params.model)
    model_class = MODEL_CLASSES[params.modality][params.task]
    task: Task = member(TASKS, params.task, "task")(meta, bins=CALIBRATION_BINS)
    model = build(source, model_class, meta, task, block, params.strategy)
    member(STRATEGIES, params.strategy, "strategy")(model)
    model.to(device)
    try_out(model, train, device)
    goal = objective(task, model, loss=block.loss, huber_delta=block.huber_delta)
    counts = count_parameters(model)
    report.note(f"{params.strategy}: {counts['trainable']:,} of {counts['total']:,} weights are trained, on {device}")
    optimizer = adamw(
        model,
        lr=params.lr,
        weight_decay=block.weight_decay,
        betas=block.adam_betas,
        epsilon=block.adam_epsilon,
    )
    steps = params.epochs * count_batches(len(train), params.batch_size)
    scheduler = torch.optim.lr_scheduler.LambdaLR(
        optimizer, factor(block.schedule, steps=steps, warmup_share=block.warmup_share)
    )
    start = time.perf_counter()
    history = fit(
        model,
        train,
        validation,
        optimizer=optimizer,
        scheduler=scheduler,
        device=device,
        settings=settings(block, goal, epochs=params.epochs, batch_size=params.batch_size, seed=params.seed),
        log=live_log(block.dvclive, task.shown),
    )
    seconds = time.perf_counter() - start
    metrics = summary(history, counts, len(train), len(validation))
    recipe = {
        "model": source.public_name,
        "strategy": params.strategy,
        "lr": params.lr,
        "epochs": params.epochs,
        "batch_size": params.batch_size,
        "seed": params.seed,
        "finetune": {name: value for name, value in block.model_dump().items() if name in block.model_fields_set},
    }
    page = card(
        task=params.task,
        pipeline=PIPELINES[params.modality][params.task],
        base_model=source.public_name,
        labels=meta["labels"],
        provenance=provenance,
        recipe=recipe,
        metrics=metrics["validation"],
    )
    goal.finish(model)
    save(model, page)
    tables.write_json("metrics/finetune.json", metrics)
    write_curves(Path("metrics/plots/finetune"), history, task.shown)
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
        arrays=meta.get("arrays"),
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
    """The model before training.

    Raises:
        UserError: pretrained weights with the strategy scratch, or the other way round; what else does not fit.
    """
    if source.scratch != (strategy == "scratch"):
        raise UserError(
            f"params.yaml: strategy: {strategy} does not go with model: {source.name}",
            "strategy: scratch and model: scratch:TYPE belong together",
        )
    if source.scratch:
        architecture = block.architecture or {}
        return from_scratch(source, model_class, task.names, architecture=architecture, problem_type=task.problem_type)
    return pretrained(
        source,
        model_class,
        task.names,
        problem_type=task.problem_type,
        dropout=block.dropout.model_dump(),
        pad_token_id=meta.get("pad_token_id"),
        max_length_tokens=meta.get("max_length_tokens"),
    )


def try_out(model: Any, train: Encoded, device: torch.device) -> None:
    """One forward pass of two samples, before anything takes long.

    Raises:
        UserError: the inputs do not fit the model.
    """
    model.eval()
    try:
        with torch.inference_mode():
            model(**move(train.batch(np.arange(min(2, len(train)))), device, ["labels"]))
    except (IndexError, RuntimeError, TypeError, ValueError) as error:
        raise UserError(
            f"the model inputs do not fit {type(model).__name__}: {' '.join(str(error).split())[:300]}",
            "compare finetune.architecture (or the model's config.json) with encode and with data/encoded/meta.json",
        ) from None


def settings(block: Finetune, goal: Objective, *, epochs: int, batch_size: int, seed: int) -> Settings:
    """The loop's settings from params.yaml."""
    return Settings(
        epochs=epochs,
        batch_size=batch_size,
        seed=seed,
        eval_batch_size=block.eval_batch_size,
        group_by_length=block.group_by_length,
        max_grad_norm=block.max_grad_norm,
        label_smoothing=block.label_smoothing,
        precision=block.precision,
        best_by=block.best_by,
        patience_epochs=block.early_stopping.patience_epochs,
        min_delta=block.early_stopping.min_delta,
        objective=goal,
    )


def summary(history: History, counts: dict[str, int], train: int, validation: int) -> dict[str, Any]:
    """metrics/finetune.json: what was trained on what, and the best epoch's validation metrics."""
    best = history.epochs[history.best_epoch - 1]
    return {
        "samples": {"train": train, "validation": validation},
        "parameters": counts,
        "steps": len(history.steps),
        "epochs": len(history.epochs),
        "best_epoch": history.best_epoch,
        "stopped_early": history.stopped_early,
        "train_loss": round(best["train_loss"], 6),
        "validation": {name: round(v, 6) for name, v in best.items() if name not in ("epoch", "train_loss")},
    }


def live_log(enabled: bool, shown: Sequence[str]) -> Callable[[dict[str, float]], None]:
    """Logging of each epoch's row through DVCLive into dvclive/, where it was asked for; and as a line."""
    live: Any = None
    if enabled:
        from dvclive import Live

        live = Live("dvclive", save_dvc_exp=False, dvcyaml=None, monitor_system=False)

    def log(row: dict[str, float]) -> None:
        told = [name for name in ("train_loss", *shown) if name in row]
        report.note(f"epoch {row['epoch']:.0f}: " + ", ".join(f"{name} {row[name]:.4f}" for name in told))
        if live is not None:
            for name, value in row.items():
                live.log_metric(name, value)
            live.next_step()

    return log


def save(model: Any, page: str) -> None:
    """models/model: weights as safetensors, config with the class names, processor and card.

    `transformers.pipeline` loads the folder.
    """
    models.quiet()
    with tables.new_folder("models/model") as folder:
        model.save_pretrained(folder)
        for weights in folder.glob("*.safetensors"):
            weights.chmod(0o644)  # safetensors writes 0600: others of a team's machine could not read the cache
        for file in Path("data/encoded/processor").iterdir():
            shutil.copyfile(file, folder / file.name)
        (folder / "README.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    report.run("finetune", main)
