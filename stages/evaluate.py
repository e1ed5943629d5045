"""Evaluate: model and encoded test split -> predictions, metrics with intervals, plots and mistakes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from stages.core import models, report, tables
from stages.core.errors import UserError
from stages.core.params import load
from stages.modalities import MODEL_CLASSES
from stages.tasks import classification, curves, mistakes

SHOWN = 10
"""Mistakes on the terminal; all of them stand in the file."""


def main() -> None:
    params = load()
    test, meta = tables.read("data/encoded/test", "inputs"), tables.read_json("data/encoded/meta.json")
    if not len(test):
        raise UserError(
            "the test split has no samples: there is nothing to evaluate on",
            "raise split.ratios.test in params.yaml, or see metrics/split.json for where the samples went",
        )
    labels = meta["labels"]
    logits = predict_logits(
        test,
        model_class=MODEL_CLASSES[params.modality][params.task],
        pad_token_id=meta.get("pad_token_id", 0),
        arrays=meta.get("arrays"),
        seed=params.seed,
        threads=params.finetune.threads,
        batch_size=params.finetune.eval_batch_size,
        device=params.finetune.device,
        precision=params.finetune.precision,
    )
    ids, gold = test["id"].to_pylist(), test["label"].to_numpy().astype(np.int64)
    probabilities = classification.probabilities_of(logits)
    metrics = classification.summary(
        gold,
        probabilities,
        labels,
        [meta["train_label_counts"][label] for label in labels],
        bins=params.evaluate.calibration_bins,
        resamples=params.evaluate.bootstrap.resamples,
        confidence=params.evaluate.bootstrap.confidence,
        seed=params.seed,
    )
    worst = mistakes.most_confident(gold, probabilities, ids, limit=params.evaluate.mistakes)
    found = contents_of([ids[i] for i in worst], params.modality)
    rows = mistakes.rows(gold, probabilities, ids, labels, {i: shown for i, (shown, _) in found.items()}, worst)
    wrong = int((probabilities.argmax(axis=1) != gold).sum())
    write(
        classification.predictions(ids, gold, probabilities, labels),
        curves.plots(gold, probabilities, labels, bins=params.evaluate.calibration_bins),
        mistakes.markdown(rows, wrong=wrong, samples=len(gold)),
        metrics,
    )
    write_media(rows, found, params.modality)
    show(metrics, rows, params.evaluate.bootstrap.confidence)


def predict_logits(
    test: pa.Table,
    *,
    model_class: str,
    pad_token_id: int,
    arrays: Mapping[str, Mapping[str, Any]] | None,
    seed: int,
    threads: int,
    batch_size: int,
    device: str,
    precision: str,
) -> npt.NDArray[np.float32]:
    """Logits (N, K) of models/model for the encoded samples, in their order."""
    import transformers

    from stages.training.device import pick, prepare
    from stages.training.predict import predict

    tables.read_json("models/model/config.json")  # a missing model is told like any missing output
    chosen = pick(device)
    prepare(seed, threads)
    source = models.Source("models/model", "models/model")
    model: Any = models.load(getattr(transformers, model_class), source, "model")
    return predict(
        model.to(chosen),
        test,
        pad_token_id=pad_token_id,
        arrays=arrays,
        batch_size=batch_size,
        device=chosen,
        precision=precision,
        description="evaluate",
    )


def contents_of(ids: Sequence[str], modality: str) -> dict[str, tuple[str, bytes | None]]:
    """By id, of these samples only: the cleaned text, or the path and the bytes of the image or sound."""
    wanted = pa.array(ids, pa.string())
    size = tables.comfortable_rows("data/cleaned", "samples")
    batches = tables.batches("data/cleaned", "samples", ["id", modality], batch_rows=size) if ids else ()
    found: dict[str, tuple[str, bytes | None]] = {}
    for batch in batches:
        for row in batch.filter(pc.is_in(batch["id"], wanted)).to_pylist():
            one = row[modality]
            found[row["id"]] = (one["path"], one["bytes"]) if isinstance(one, dict) else (one or "", None)
    return found


def write_media(rows: Sequence[mistakes.Row], found: Mapping[str, tuple[str, bytes | None]], modality: str) -> None:
    """The mistakes as files to look at or to listen to, and images on one sheet; empty folders for texts."""
    media = [(row, *found[row[0]]) for row in rows if modality != "text" and row[0] in found]
    with tables.new_folder("data/mistakes") as folder:
        for row, path, data in media:
            (folder / f"{row[0]}{Path(path).suffix}").write_bytes(data or b"")
    with tables.new_folder("data/sheets/evaluate") as folder:
        if modality == "image" and media:
            from stages.modalities.picture import decode
            from stages.tasks.sheets import mistakes_sheet

            page = mistakes_sheet([(decode(data or b""), row[1], row[2], row[3]) for row, _, data in media])
            (folder / "mistakes.png").write_bytes(page)


def write(predictions: pa.Table, plots: Mapping[str, pa.Table], mistakes_page: str, metrics: Mapping[str, Any]) -> None:
    """All outputs, each whole or not at all."""
    with tables.new_file("models/predictions.parquet") as path:
        pq.write_table(predictions, path, compression="zstd")
    with tables.new_folder("metrics/plots/evaluate") as folder:
        for name, plot in plots.items():
            pyarrow.csv.write_csv(plot, folder / f"{name}.csv")
    with tables.new_file("metrics/mistakes.md") as path:
        path.write_text(mistakes_page, encoding="utf-8")
    tables.write_json("metrics/evaluate.json", metrics)


def show(metrics: Mapping[str, Any], rows: Sequence[mistakes.Row], confidence: float) -> None:
    """The headline values beside the baseline, what is undefined, and the mistakes."""
    title = f"{metrics['samples']} test samples"
    header = ["metric", "value", f"{100 * confidence:g}% interval", "majority class"]
    report.table(title, header, classification.headline_rows(metrics))
    for name in classification.HEADLINE:
        if name not in metrics:
            report.note(f"{name} is left out: it needs test samples of two classes at least")
    if rows:
        report.table("Most confident mistakes (more: metrics/mistakes.md)", mistakes.HEADER, rows[:SHOWN])


if __name__ == "__main__":
    report.run("evaluate", main)
