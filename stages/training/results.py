"""What a training leaves behind: metrics, the log of its epochs, and the model's folder."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from stages.core import models, report, tables
from stages.training.progress import History


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
