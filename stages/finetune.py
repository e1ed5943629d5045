"""Finetune: encoded -> models/model: weights, processor and model card."""

import time
from functools import partial
from pathlib import Path

from stages.core import models, report, tables
from stages.core.params import load
from stages.core.registry import member
from stages.modalities import MODEL_CLASSES, PIPELINES
from stages.strategies.apply import prepare
from stages.strategies.build import model_for
from stages.strategies.cut import count_parameters
from stages.strategies.decay import layered
from stages.tasks import TASKS
from stages.tasks.task import Task
from stages.training import device as devices
from stages.training.assemble import Plan, make_ready
from stages.training.card import card
from stages.training.curves import write_curves
from stages.training.fingerprint import own_checkpoints
from stages.training.objective import CALIBRATION_BINS
from stages.training.one import train_one
from stages.training.options import Options
from stages.training.results import save, summary
from stages.training.splits import encoded, online


def main() -> None:
    params = load()
    block = params.finetune
    meta, provenance = tables.read_json("data/encoded/meta.json"), tables.read_json("data/fetched/provenance.json")
    train = encoded("train", meta, online(block.online_steps(), meta, params.seed))
    validation = encoded("validation", meta)
    device = devices.pick(block.device)
    source = models.resolve(params.model)
    task: Task = member(TASKS, params.task, "task")(meta, bins=CALIBRATION_BINS)
    recipe = {
        "model": source.public_name,
        "strategy": params.strategy,
        "lr": params.lr,
        "epochs": params.epochs,
        "batch_size": params.batch_size,
        "seed": params.seed,
        "finetune": {name: value for name, value in block.model_dump().items() if name in block.model_fields_set},
    }
    plan = Plan(
        task=task,
        options=Options.of(**block.model_dump(), lr=params.lr, epochs=params.epochs, batch_size=params.batch_size),
        device=device,
        build=partial(
            model_for,
            source,
            MODEL_CLASSES[params.modality][params.task],
            task.names,
            strategy=params.strategy,
            architecture=block.architecture or {},
            problem_type=task.problem_type,
            dropout=block.dropout.model_dump(),
            pad_token_id=meta.get("pad_token_id"),
            max_length_tokens=meta.get("max_length_tokens"),
        ),
        strategy=partial(prepare, strategy=params.strategy, cut=meta.get("cut"), lora=block.lora.model_dump()),
        layered=layered,
    )
    ready = make_ready(plan, train, params.seed)
    model, counts = ready.learner.model, count_parameters(ready.learner.model)
    report.note(f"{params.strategy}: {counts['trainable']:,} of {counts['total']:,} weights are trained, on {device}")
    start = time.perf_counter()
    kept = block.checkpoint
    with own_checkpoints(model, recipe, device, every_s=kept.every_s, keep_days=kept.keep_days) as checkpoints:
        history = train_one(ready, train, validation, options=plan.options, seed=params.seed, checkpoints=checkpoints)
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
        save(ready.whole(), page)
        tables.write_json("metrics/finetune.json", metrics)
        write_curves(Path("metrics/plots/finetune"), history, task.shown)
        if checkpoints:
            checkpoints.clear()
    samples_seen = len(history.epochs) * len(train)
    report.note(
        f"trained {samples_seen:,} samples in {seconds:.1f} s ({samples_seen / seconds:.0f} samples/s, with validation)"
    )


if __name__ == "__main__":
    report.run("finetune", main)
