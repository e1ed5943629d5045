"""Encode: cleaned, augmented and split -> model inputs: everything that no trainable weight changes."""

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import pyarrow.compute as pc

from stages.core import models, report, tables
from stages.core.blocks import Decode, Encode
from stages.core.params import load
from stages.core.samples import SPLITS
from stages.modalities import inputs, streams


def main() -> None:
    params = load()
    assigned = tables.read("data/split", "assignment", ["id", "split", "fold"]).to_pydict()
    places = dict(zip(assigned["id"], zip(assigned["split"], assigned["fold"], strict=True), strict=True))
    valued = params.task == "regression"
    labels = [] if valued else params.labels or class_names()
    numbers = None if valued else {label: number for number, label in enumerate(labels)}
    source = models.resolve(params.model)
    given = open_inputs(params.modality, source, params.encode, params.decode)
    lengths: dict[str, list[float]] = {name: [] for name in SPLITS}
    originals: Counter[str] = Counter()
    values: list[float] = []
    total = len(places) + tables.rows("data/augmented", "samples")
    with tables.new_folder("data/encoded") as folder, ExitStack() as stack:
        schema = inputs.schema(given.names, values=valued)
        for name in SPLITS:
            (folder / name).mkdir()
        writers = {name: stack.enter_context(tables.Writer(folder / name, "inputs", schema)) for name in SPLITS}
        given.save(folder / "processor")
        for batch, sizes in report.track_pairs(given.stream(), "encode", total):
            for name, rows, folds in inputs.by_split(batch, places):
                part = batch.take(rows)
                writers[name].write(inputs.table(part, folds, numbers, given.names))
                lengths[name] += [sizes[row] for row in rows.tolist()]
                if name == "train":
                    own = part.filter(pc.is_null(part["parent"]))
                    originals.update(own["label"].to_pylist())
                    values += own["value"].to_pylist()
        meta = {
            "modality": params.modality,
            "labels": labels,
            **given.meta(),
            "model": source.public_name,
            **train_statistics(valued, originals, labels, values),
        }
        tables.write_json(folder / "meta.json", meta)
    finish({name: given.statistics(values) for name, values in lengths.items()}, total, params.modality)


def open_inputs(modality: str, source: models.Source, block: Encode, limits: Decode | None) -> streams.Inputs:
    """The inputs of the modality, with the model's processor loaded."""
    if modality == "text":
        most = block.max_length_tokens or 0
        return streams.Texts(source, max_length_tokens=most, batch_rows=block.batch_rows, pairs=has_pairs())
    workers = limits.workers if limits else 1
    options = block.processor or {}
    return streams.Media(modality, source, options=options, batch_rows=block.batch_rows, workers=workers)


def train_statistics(
    valued: bool, originals: Counter[str], labels: Sequence[str], values: Sequence[float]
) -> dict[str, Any]:
    """Of the original training samples: rows a label, or their values' mean and deviation."""
    if valued:
        return {"train_values": inputs.value_statistics(values)}
    return {"train_label_counts": {label: originals[label] for label in labels}}


def class_names() -> list[str]:
    """The labels that occur, in alphabetical order: for `labels: []`."""
    found = pc.unique(tables.read("data/cleaned", "samples", ["label"])["label"]).drop_null()
    return sorted(found.to_pylist())


def has_pairs() -> bool:
    """Whether any sample has a second text."""
    return any(
        batch["text_pair"].null_count < len(batch) for batch in tables.batches("data/cleaned", "samples", ["text_pair"])
    )


UNITS = {"text": "tokens", "audio": "seconds", "image": "images"}


def finish(statistics: dict[str, dict[str, Any]], total: int, modality: str) -> None:
    """Write and show the length statistics; in = encoded + unused."""
    used = sum(part["rows"] for part in statistics.values())
    unit = UNITS[modality]
    tables.write_json("metrics/encode.json", {"rows": total, "unused": total - used, unit: statistics})
    header: Sequence[str] = ("rows", "mean", "median", "p95", "max", "truncated")
    shown = [key for key in header if any(key in part for part in statistics.values())]
    rows = [(name, *(part.get(key, "") for key in shown)) for name, part in statistics.items()]
    title = "Model inputs" if modality == "image" else f"Lengths in {unit}, before truncation"
    report.table(title, ["split", *shown], rows)


if __name__ == "__main__":
    report.run("encode", main)
