"""Encode: cleaned, augmented and split -> model inputs: everything that no trainable weight changes."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import chain
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from stages.core import models, report, tables
from stages.core.params import load
from stages.core.samples import SPLITS
from stages.modalities import inputs, text

COLUMNS = ["id", "parent", "text", "text_pair", "label"]


def main() -> None:
    params = load()
    source = models.resolve(params.model)
    tokenizer = text.processor(source)
    limit = min(params.encode.max_length_tokens, tokenizer.model_max_length)
    assigned = tables.read("data/split", "assignment", ["id", "split", "fold"]).to_pydict()
    places = dict(zip(assigned["id"], zip(assigned["split"], assigned["fold"], strict=True), strict=True))
    labels = params.labels or class_names()
    numbers = {label: number for number, label in enumerate(labels)}
    pairs = has_pairs()
    names = text.input_names(tokenizer, pairs=pairs)
    lengths: dict[str, list[int]] = {name: [] for name in SPLITS}
    originals: Counter[str] = Counter()
    total = len(places) + tables.rows("data/augmented", "samples")
    with tables.new_folder("data/encoded") as folder, ExitStack() as stack:
        schema = inputs.schema(names)
        for name in SPLITS:
            (folder / name).mkdir()
        writers = {name: stack.enter_context(tables.Writer(folder / name, "inputs", schema)) for name in SPLITS}
        for batch in report.track(samples(params.encode.batch_rows), "encode", total):
            for name, part, folds in inputs.by_split(batch, places):
                columns, tokens = text.encode(tokenizer, *text.fields(part, pairs=pairs), names=names, limit=limit)
                writers[name].write(inputs.table(part, folds, numbers, columns))
                lengths[name] += tokens
                if name == "train":
                    originals.update(part["label"].filter(pc.is_null(part["parent"])).to_pylist())
        meta = {
            "modality": params.modality,
            "labels": labels,
            "model_inputs": names,
            "pad_token_id": tokenizer.pad_token_id,
            "max_length_tokens": limit,
            "model": source.public_name,
            "train_label_counts": {label: originals[label] for label in labels},
        }
        tables.write_json(folder / "meta.json", meta)
    finish({name: inputs.length_statistics(values, limit) for name, values in lengths.items()}, total, limit)


def samples(batch_rows: int) -> Iterator[pa.Table]:
    """The originals, then the derived samples."""
    folders = ("data/cleaned", "data/augmented")
    return chain.from_iterable(tables.batches(f, "samples", COLUMNS, batch_rows=batch_rows) for f in folders)


def class_names() -> list[str]:
    """The labels that occur, in alphabetical order: for `labels: []`."""
    found = pc.unique(tables.read("data/cleaned", "samples", ["label"])["label"]).drop_null()
    return sorted(found.to_pylist())


def has_pairs() -> bool:
    """Whether any sample has a second text."""
    return any(
        batch["text_pair"].null_count < len(batch) for batch in tables.batches("data/cleaned", "samples", ["text_pair"])
    )


def finish(statistics: dict[str, dict[str, Any]], total: int, limit: int) -> None:
    """Write and show the length statistics; in = encoded + unused."""
    used = sum(part["rows"] for part in statistics.values())
    tables.write_json("metrics/encode.json", {"rows": total, "unused": total - used, "tokens": statistics})
    header: Sequence[str] = ("rows", "mean", "median", "p95", "max", "truncated")
    rows = [(name, *(part.get(key, "") for key in header)) for name, part in statistics.items()]
    report.table(f"Lengths in tokens, before truncation at {limit}", ["split", *header], rows)


if __name__ == "__main__":
    report.run("encode", main)
