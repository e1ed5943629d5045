"""Evaluate: model and encoded test split -> predictions, metrics with intervals, plots and mistakes."""

from collections.abc import Mapping, Sequence
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
        pad_token_id=meta["pad_token_id"],
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
    rows = mistakes.rows(gold, probabilities, ids, labels, texts_of([ids[i] for i in worst]), worst)
    wrong = int((probabilities.argmax(axis=1) != gold).sum())
    write(
        classification.predictions(ids, gold, probabilities, labels),
        curves.plots(gold, probabilities, labels, bins=params.evaluate.calibration_bins),
        mistakes.markdown(rows, wrong=wrong, samples=len(gold)),
        metrics,
    )
    show(metrics, rows, params.evaluate.bootstrap.confidence)


def predict_logits(
    test: pa.Table,
    *,
    pad_token_id: int,
    seed: int,
    threads: int,
    batch_size: int,
    device: str,
    precision: str,
) -> npt.NDArray[np.float32]:
    """Logits (N, K) of models/model for the encoded samples, in their order."""
    from transformers import AutoModelForSequenceClassification

    from stages.training.device import pick, prepare
    from stages.training.predict import predict

    tables.read_json("models/model/config.json")  # a missing model is told like any missing output
    chosen = pick(device)
    prepare(seed, threads)
    source = models.Source("models/model", "models/model")
    model: Any = models.load(AutoModelForSequenceClassification, source, "model")
    return predict(
        model.to(chosen),
        test,
        pad_token_id=pad_token_id,
        batch_size=batch_size,
        device=chosen,
        precision=precision,
        description="evaluate",
    )


def texts_of(ids: Sequence[str]) -> dict[str, str | None]:
    """The cleaned texts by id, of these samples only."""
    wanted = pa.array(ids, pa.string())
    texts: dict[str, str | None] = {}
    for batch in tables.batches("data/cleaned", "samples", ["id", "text"]) if ids else ():
        found = batch.filter(pc.is_in(batch["id"], wanted))
        texts |= zip(found["id"].to_pylist(), found["text"].to_pylist(), strict=True)
    return texts


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
