"""What a training leaves behind: metrics, the log of its epochs, and the model's folder."""

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from stages.core import live as listeners
from stages.core import models, report, tables
from stages.training.progress import TRAIN, History


def summary(
    history: History, counts: Mapping[str, int], train: int, validation: int, *, epochs_asked: int | None = None
) -> dict[str, Any]:
    """metrics/finetune.json: what was trained on what, and the best epoch's validation metrics."""
    best = history.epochs[history.best_epoch - 1]
    return {
        "samples": {"train": train, "validation": validation},
        "parameters": counts,
        "steps": len(history.steps),
        "epochs": len(history.epochs),
        **({} if epochs_asked is None else {"epochs_asked": epochs_asked}),
        "best_epoch": history.best_epoch,
        "stopped_early": history.stopped_early,
        "train_loss": round(best["train_loss"], 6),
        "validation": scores_of(best),
    }


def scores_of(row: Mapping[str, float]) -> dict[str, float]:
    """The validation scores in the row of an epoch."""
    return {name: round(value, 6) for name, value in row.items() if name != "epoch" and not name.startswith(TRAIN)}


def live_log(folder: str | None, shown: Sequence[str]) -> Callable[[dict[str, float]], None]:
    """Logging of each epoch's row: as a line, to a search that listens, and through DVCLive into a folder."""
    live: Any = None
    if folder:
        from dvclive import Live

        live = Live(folder, save_dvc_exp=False, dvcyaml=None, monitor_system=False)

    def log(row: dict[str, float]) -> None:
        told = [name for name in ("train_loss", *shown) if name in row]
        report.note(f"epoch {row['epoch']:.0f}: " + ", ".join(f"{name} {row[name]:.4f}" for name in told))
        listeners.tell(**row)
        if live is not None:
            for name, value in row.items():
                live.log_metric(name, value)
            live.next_step()

    return log


def save_weights(model: Any, folder: Path) -> None:
    """A new folder of weights as safetensors and config with the class names: it loads with the auto classes."""
    models.quiet()
    model.save_pretrained(folder)
    models.forget_circumstances(folder)
    for weights in folder.glob("*.safetensors"):
        weights.chmod(0o644)  # safetensors writes 0600: others of a team's machine could not read the cache


def save_model(weights: Path, page: str) -> None:
    """models/model: what `save_weights` has written, the processor and the card.

    `transformers.pipeline` loads the folder.
    """
    with tables.new_folder("models/model") as folder:
        take_over(weights, folder)
        for file in Path("data/encoded/processor").iterdir():
            shutil.copyfile(file, folder / file.name)
        (folder / "README.md").write_text(page, encoding="utf-8")


def take_over(source: Path, target: Path) -> None:
    """Give the files of a folder to another too, without a copy of their content where the disk can do it."""
    target.mkdir(parents=True, exist_ok=True)
    for file in source.iterdir():
        try:
            os.link(file, target / file.name)
        except OSError:  # another disk, or one without links
            shutil.copyfile(file, target / file.name)
