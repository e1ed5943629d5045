"""Finetune: encoded -> models/model: weights, processor and model card."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from stages.core import models, report, tables
from stages.core.blocks import Finetune
from stages.core.errors import UserError
from stages.core.params import load
from stages.core.registry import member
from stages.modalities import text
from stages.strategies import STRATEGIES
from stages.strategies.build import pretrained
from stages.training import device as devices
from stages.training.batches import Encoded
from stages.training.card import card
from stages.training.curves import write_curves
from stages.training.loop import History, Settings, count_parameters, fit
from stages.training.optimise import adamw, factor


def main() -> None:
    params = load()
    block = params.finetune
    meta = tables.read_json("data/encoded/meta.json")
    train, validation = (
        Encoded(tables.read(f"data/encoded/{name}", "inputs"), pad_token_id=meta["pad_token_id"])
        for name in ("train", "validation")
    )
    for name, part in (("train", train), ("validation", validation)):
        if not len(part):
            raise UserError(f"no {name} samples", f"raise split.ratios.{name}, or fetch more samples")
    device = devices.pick(block.device)
    devices.prepare(params.seed, block.threads)
    source = models.resolve(params.model)
    tokenizer = text.processor(source)
    provenance = tables.read_json("data/fetched/provenance.json")
    model = pretrained(
        source,
        text.MODEL_CLASSES[params.task],
        meta["labels"],
        dropout=block.dropout.model_dump(),
        pad_token_id=meta["pad_token_id"],
        max_length_tokens=meta["max_length_tokens"],
    )
    member(STRATEGIES, params.strategy, "strategy")(model)
    model.to(device)
    counts = count_parameters(model)
    report.note(f"{params.strategy}: {counts['trainable']:,} of {counts['total']:,} weights are trained, on {device}")
    optimizer = adamw(
        model,
        lr=params.lr,
        weight_decay=block.weight_decay,
        betas=block.adam_betas,
        epsilon=block.adam_epsilon,
    )
    steps = params.epochs * -(-len(train) // params.batch_size)
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
        settings=settings(block, epochs=params.epochs, batch_size=params.batch_size, seed=params.seed),
        log=live_log(block.dvclive),
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
        "finetune": block.model_dump(),
    }
    with tables.new_folder("models/model") as folder:
        save(folder, model, tokenizer)
        (folder / "README.md").write_text(
            card(
                task=params.task,
                base_model=source.public_name,
                labels=meta["labels"],
                provenance=provenance,
                recipe=recipe,
                metrics=metrics["validation"],
            ),
            encoding="utf-8",
        )
    tables.write_json("metrics/finetune.json", metrics)
    write_curves(Path("metrics/plots/finetune"), history)
    samples_seen = len(history.epochs) * len(train)
    report.note(
        f"trained {samples_seen:,} samples in {seconds:.1f} s ({samples_seen / seconds:.0f} samples/s, with validation)"
    )


def settings(block: Finetune, *, epochs: int, batch_size: int, seed: int) -> Settings:
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


def live_log(enabled: bool) -> Callable[[dict[str, float]], None]:
    """Logging of each epoch's row through DVCLive into dvclive/, where it was asked for; and as a line."""
    live: Any = None
    if enabled:
        from dvclive import Live

        live = Live("dvclive", save_dvc_exp=False, dvcyaml=None, monitor_system=False)

    def log(row: dict[str, float]) -> None:
        shown = ("train_loss", "log_loss", "accuracy", "macro_f1")
        report.note(f"epoch {row['epoch']:.0f}: " + ", ".join(f"{name} {row[name]:.4f}" for name in shown))
        if live is not None:
            for name, value in row.items():
                live.log_metric(name, value)
            live.next_step()

    return log


def save(folder: Path, model: Any, tokenizer: Any) -> None:
    """A folder that `transformers.pipeline` loads: weights as safetensors, config with the class names, tokenizer."""
    model.save_pretrained(folder)
    for weights in folder.glob("*.safetensors"):
        weights.chmod(0o644)  # safetensors writes 0600: others of a team's machine could not read the cache
    tokenizer.save_pretrained(folder)


if __name__ == "__main__":
    report.run("finetune", main)
