"""Encode: cleaned, augmented and split -> model inputs: everything that no trainable weight changes."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from stages.core import cautions, models, report, tables
from stages.core.blocks import Decode
from stages.core.encode_block import Encode
from stages.core.params import load
from stages.core.samples import SPLITS
from stages.modalities import inputs, streams


def main() -> None:
    params = load()
    source = models.resolve(params.model)
    assigned = tables.read("data/split", "assignment", ["id", "split", "fold"]).to_pydict()
    places = dict(zip(assigned["id"], zip(assigned["split"], assigned["fold"], strict=True), strict=True))
    valued = params.task == "regression"
    labels = [] if valued else params.labels or class_names()
    numbers = None if valued else {label: number for number, label in enumerate(labels)}
    given = open_inputs(params.modality, source, params.encode, params.decode)
    lengths: dict[str, list[float]] = {name: [] for name in SPLITS}
    originals: Counter[str] = Counter()
    values: list[float] = []
    total = len(places) + tables.rows("data/augmented", "samples")
    with tables.new_folder("data/encoded") as folder:
        schema = inputs.schema(given.names, values=valued)
        for name in SPLITS:
            (folder / name).mkdir()
        given.save(folder / "processor")
        with ExitStack() as stack:
            writers = {name: stack.enter_context(tables.Writer(folder / name, "inputs", schema)) for name in SPLITS}
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
        if params.strategy in ("head", "last_layers"):
            meta["cut"] = run_bottom(folder, meta, source, params.strategy, params.encode)
        tables.write_json(folder / "meta.json", meta)
    unknown = given.unknown_share()
    found = list(unreadable(unknown, params.model))
    metrics = {} if unknown is None else {"unknown_tokens": round(unknown, 6)}
    metrics |= cautions.as_metrics(found)
    finish({name: given.statistics(values) for name, values in lengths.items()}, total, params.modality, metrics)
    cautions.tell(found)


def unreadable(share: float | None, model: str) -> Iterator[cautions.Caution]:
    """The warning that the tokenizer does not know the texts' script or words."""
    if share is not None and share >= UNREADABLE:
        yield cautions.Caution(
            "unknown_tokens",
            f"{share:.1%} of the tokens are unknown to {model}: it cannot read much of these texts; choose a model "
            "of their language and script, such as google-bert/bert-base-multilingual-cased",
        )


def open_inputs(modality: str, source: models.Source, block: Encode, limits: Decode | None) -> streams.Inputs:
    """The inputs of the modality, with the model's processor loaded."""
    if modality == "text":
        most = block.max_length_tokens or 0
        return streams.Texts(source, max_length_tokens=most, batch_rows=block.batch_rows, pairs=has_pairs())
    return streams.Media(
        modality,
        source,
        options=block.processor or {},
        batch_rows=block.batch_rows,
        workers=limits.workers if limits else 1,
        cache_dtype=block.cache_dtype,
    )


def run_bottom(
    folder: Path, meta: dict[str, Any], source: models.Source, strategy: str, block: Encode
) -> dict[str, Any]:
    """What the frozen part of the model makes of the inputs takes their place, where it can be stored.

    The result says what finetune is to train, and the form of what is stored; or why nothing is.

    Raises:
        UserError: a model with fewer blocks, or that has no such pooling.
    """
    from stages.strategies.bottom import load_bottom
    from stages.training.device import pick, prepare
    from stages.training.features import compute, first_of, lengths_of

    last = block.last_layers if strategy == "last_layers" else 0
    cut: dict[str, Any] = {"last_layers": last, "pooling": "native" if last else block.pooling, "cached": False}
    prepare(0, 0)
    longest = meta.get("max_length_tokens")
    bottom, reason = load_bottom(source, last, pooling=cut["pooling"], max_length_tokens=longest)
    if bottom is None:
        report.note(f"not cached: {reason}; finetune runs the whole model")
        return {**cut, "reason": reason}
    device = pick(block.device, "encode.device")
    bottom.base.to(device)
    lengths, sample = lengths_of(folder), first_of(folder, meta, device)
    size = bottom.size_gib(lengths, sample, block.cache_dtype)
    shown = told_size(size)
    report.note(f"hidden states of {len(lengths):,} samples: {shown}, {block.cache_dtype}")
    if size > block.max_cache_gib:
        reason = f"{shown} are more than encode.max_cache_gib: {block.max_cache_gib:g}"
        report.note(f"not cached: {reason}; finetune runs the whole model")
        return {**cut, "reason": reason}
    form = compute(
        folder,
        meta,
        bottom,
        name=bottom.input,
        width=bottom.width,
        dtype=block.cache_dtype,
        device=device,
        alike=meta["modality"] == "audio" and sample is not None and "attention_mask" not in sample,
    )
    return {**cut, "cached": True, "arrays": form}


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


UNREADABLE = 0.05
"""Of the tokens: texts that a vocabulary was made for have far fewer that it lacks."""
UNITS = {"text": "tokens", "audio": "seconds", "image": "images"}


def finish(statistics: dict[str, dict[str, Any]], total: int, modality: str, more: Mapping[str, Any]) -> None:
    """Write and show the length statistics; in = encoded + unused."""
    used = sum(part["rows"] for part in statistics.values())
    unit = UNITS[modality]
    tables.write_json("metrics/encode.json", {"rows": total, "unused": total - used, unit: statistics, **more})
    header: Sequence[str] = ("rows", "mean", "median", "p95", "max", "truncated")
    shown = [key for key in header if any(key in part for part in statistics.values())]
    rows = [(name, *(part.get(key, "") for key in shown)) for name, part in statistics.items()]
    title = "Model inputs" if modality == "image" else f"Lengths in {unit}, before truncation"
    report.table(title, ["split", *shown], rows)
    if "unknown_tokens" in more:
        report.note(f"{more['unknown_tokens']:.2%} of the tokens are unknown to the model")


def told_size(gib: float) -> str:
    """A size for people."""
    return f"{gib:.2f} GiB" if gib >= 1 else f"{1024 * gib:.1f} MiB"


if __name__ == "__main__":
    report.run("encode", main)
