"""What differs from the recipe of pictures or sounds: how they are read, sizes, lengths, and how long is trained."""

import math

from workbench.new.changes import Changes
from workbench.new.columns import Column
from workbench.new.measure import Measured
from workbench.new.proposal import Proposal, put_splits
from workbench.new.recognise import Files
from workbench.new.roles import Role, Wanted

SMALL_SIDE = 48
"""Pixels: pictures up to here are shrunk to 32, larger ones to 64."""
PASSES = 60_000
"""Pictures, or seconds of sound, that are trained on in all epochs together: some minutes on two cores."""


def of_media(modality: str, measured: Measured, rows: int) -> Proposal:
    """What the sizes of `rows` pictures or sounds ask for."""
    return _of_pictures(measured, rows) if modality == "image" else _of_sounds(measured, rows)


def _of_pictures(measured: Measured, rows: int) -> Proposal:
    """Pictures, shrunk to a size that a small network learns from scratch in minutes."""
    proposal = Proposal.of("image")
    changes, side = proposal.changes, 32 if measured.side <= SMALL_SIDE else 64
    resize = changes.get("clean.image.steps.resize")
    changes.put("clean.image.steps.resize", resize | {"height": side, "width": side, "fit": _fit_of(side)})
    changes.put("encode.processor", changes.get("encode.processor") | {"size": {"shortest_edge": side}})
    checks = changes.get("validate.checks")
    least = checks["image"]["too_small"]["min_side_px"]
    if 0 < measured.side < 2 * least:
        checks["image"]["too_small"] = {"min_side_px": max(1, int(measured.sizes.min()) // 2)}
        changes.put("validate.checks", checks)
    changes.put("epochs", _epochs(rows, 1.0, least=5, most=changes.get("epochs")))
    if rows < 5_000:
        proposal.notes.append(
            "a small network learns pictures from scratch, and from few of them little; a pretrained one does better "
            "(from the Hub: MODEL=google/vit-base-patch16-224-in21k)"
        )
    return proposal


def _fit_of(side: int) -> str:
    return "stretch" if side < SMALL_SIDE else "cover"


def _of_sounds(measured: Measured, rows: int) -> Proposal:
    """Sounds, cut or padded to a length that almost all of them fit."""
    proposal = Proposal.of("audio")
    changes, longest = proposal.changes, measured.seconds(100)
    seconds = min(30, max(1, math.ceil(measured.seconds(95))))
    changes.put("encode.processor", changes.get("encode.processor") | {"chunk_length": seconds})
    changes.put("finetune.architecture", changes.get("finetune.architecture") | {"max_source_positions": 50 * seconds})
    checks = changes.get("validate.checks")
    audio = checks["audio"]
    audio["too_long"] = {"max_duration_s": max(float(audio["too_long"]["max_duration_s"]), math.ceil(1.5 * longest))}
    if len(measured.sizes):
        audio["sampling_rate"] = {"min_hz": min(audio["sampling_rate"]["min_hz"], int(measured.sizes[:, 1].min()))}
    changes.put("validate.checks", checks)
    decode = float(changes.get("decode.max_duration_s"))
    changes.put("decode.max_duration_s", max(decode, 2.0 * math.ceil(longest)))
    copies = 5 if rows <= 2_000 else 1 if rows <= 10_000 else 0
    changes.put("augment.copies", copies)
    changes.put("epochs", _epochs(rows * (1 + copies), seconds, least=4, most=changes.get("epochs")))
    return proposal


def _epochs(samples: int, cost: float, *, least: int, most: int) -> int:
    return int(min(most, max(least, PASSES / max(samples * cost, 1))))


def put_files(changes: Changes, files: Files, columns: dict[Role, Column], file_column: str) -> None:
    """The block `fetch` of pictures or sounds in a folder or an archive."""
    named = {role: column.name for role, column in columns.items() if role in ("label", "group", "split")}
    options = changes.get("fetch.options") | {"suffixes": files.suffixes, "index": files.index}
    total = sum(member.bytes for member in files.container.members)
    largest = max(member.bytes for member in files.container.members)
    options |= {"file_column": file_column, "splits_from_folders": bool(files.splits)}
    options["max_files"] = max(options["max_files"], 2 * len(files.container.members))
    options["max_file_bytes"] = max(options["max_file_bytes"], 2 * largest)
    options["max_total_bytes"] = max(options["max_total_bytes"], 2 * total)
    changes.put("fetch.source", "folder")
    changes.put("fetch.path", files.path)
    changes.put("fetch.columns", {files.modality: "file", **named})
    changes.put("fetch.options", options)
    if files.splits:
        changes.put("fetch.splits", dict(files.splits))
    if "split" in columns:
        put_splits(changes, columns["split"])


def put_model(changes: Changes, wanted: Wanted) -> None:
    """Another model or strategy than the recipe's, and what goes with pictures or sounds that meet a pretrained one."""
    if wanted.model:
        changes.put("model", wanted.model)
    if wanted.strategy:
        changes.put("strategy", wanted.strategy)
    modality = changes.get("modality")
    if modality != "text" and wanted.model and not wanted.model.startswith("scratch:"):
        _put_pretrained(changes, modality, wanted.strategy or "full")


def _put_pretrained(changes: Changes, modality: str, strategy: str) -> None:
    changes.put("strategy", strategy)
    changes.put("lr", 5e-5)
    changes.put("epochs", 5)
    changes.put("encode.processor", {}, "in place of the settings that the model brings")
    changes.put("encode.batch_rows", 64)
    changes.put("finetune.architecture", None, "of the model's own config")
    changes.put("finetune.weight_decay", 0.01)
    if modality == "image":
        larger = {"height": 256, "width": 256, "filter": "bilinear", "fit": "cover", "only_shrink": True}
        changes.put("clean.image.steps.resize", changes.get("clean.image.steps.resize") | larger)
