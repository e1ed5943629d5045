"""Section `cost`: what the two models took to train, and how large they are.

Sizes and counts come from dvc.lock and metrics. Seconds and memory are no outputs, since outputs repeat to the byte.
A training leaves them in metrics/cost.json, which is committed with its result, and in `.groundwork/runtime/runs/` of
the checkout that made it; both name the digest of the metrics that they belong to. Where neither does they are "not
recorded"; nothing is estimated. Energy is measured by nothing in the line, so none is told.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from review.locks import locked
from stages.core import tables
from stages.core.report import COST, RUNS, result_digest

if TYPE_CHECKING:
    from review.sides import Side

METRICS = "metrics/finetune.json"
MODEL = "models/model"
UNITS = {
    "training_seconds": ("training time", "s"),
    "samples_per_second": ("throughput", "samples/s"),
    "peak_memory_mib": ("peak memory", "MiB"),
    "peak_device_memory_mib": ("peak memory of the device", "MiB"),
    "parameters": ("parameters", ""),
    "trainable_parameters": ("parameters trained", ""),
    "trainings": ("trainings", ""),
    "updates": ("updates", ""),
    "epochs": ("epochs", ""),
    "model_bytes": ("size of the model", "bytes"),
}
"""Name -> what people call it, and its unit. All but samples_per_second are better when they are lower.

Time is that of all trainings, one for each fold and seed; updates and epochs are those of the one that is saved.
"""


def costs(base: "Side", head: "Side") -> dict[str, Any]:
    """`rows`: name, label, unit, base and head (null: not recorded) and their `ratio`; `devices`; `notes`."""
    sides = {"base": base, "head": head}
    found = {name: cost(side) for name, side in sides.items()}
    rows: list[dict[str, Any]] = []
    for name, (label, unit) in UNITS.items():
        before, after = (found[side]["values"].get(name) for side in sides)
        if name == "peak_device_memory_mib" and before is None and after is None:
            continue
        ratio = round(after / before, 4) if before and after is not None else None
        rows.append({"name": name, "label": label, "unit": unit, "base": before, "head": after, "ratio": ratio})
    notes = [f"{side.title}: {note}" for name, side in sides.items() for note in found[name]["notes"]]
    return {"rows": rows, "devices": {name: found[name]["device"] for name in sides}, "notes": notes}


def cost(side: "Side") -> dict[str, Any]:
    """One side's `values` by name, the `device` that it was trained on, and `notes` on what is missing."""
    metrics = side.json(METRICS) if side.exists(METRICS) else {}
    counts = metrics.get("parameters") or {}
    stage = locked(side).get("finetune")
    values: dict[str, Any] = {
        "parameters": counts.get("total"),
        "trainable_parameters": counts.get("trainable"),
        "trainings": len(metrics.get("members") or {}) or 1 if metrics else None,
        "updates": metrics.get("steps"),
        "epochs": metrics.get("epochs"),
        "model_bytes": stage.sizes.get(MODEL) if stage else None,
    }
    record = recorded(side)
    notes = []
    if record is None:
        notes.append(f"seconds and memory are not recorded: {COST} is of another training, or not committed")
    elif record.get("went_on"):
        notes.append("training went on from a checkpoint, so its seconds and memory are not those of a whole run")
    else:
        values |= _of_the_run(record)
    return {"values": values, "device": record.get("device") if record else None, "notes": notes}


def _of_the_run(record: Mapping[str, Any]) -> dict[str, Any]:
    seconds, samples = record.get("training_seconds"), record.get("samples_seen")
    return {
        "training_seconds": seconds,
        "samples_per_second": round(samples / seconds, 1) if seconds and samples else None,
        "peak_memory_mib": record.get("peak_memory_mib"),
        "peak_device_memory_mib": record.get("peak_device_memory_mib"),
    }


def recorded(side: "Side") -> dict[str, Any] | None:
    """The runtime figures of the very run that wrote the side's metrics, where the side or this checkout has them."""
    if not side.exists(METRICS):
        return None
    digest = result_digest(side.read_bytes(METRICS))
    committed = side.json(COST.as_posix()) if side.exists(COST.as_posix()) else {}
    if committed.get("result") == digest:
        return committed
    path = side.root / RUNS / f"finetune-{digest}.json"
    return tables.read_json(path) if path.exists() else None
