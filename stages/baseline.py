"""Baseline: cleaned and split -> what a simple model predicts for the test samples, for evaluate to compare with."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stages.baselines import FEATURES
from stages.baselines.features import Features
from stages.baselines.learners import learn_classes, learn_values
from stages.core import report, tables
from stages.core.params import load
from stages.core.registry import member
from stages.core.seeds import generator

MOST_ROWS = 20_000
"""Training samples, drawn where there are more: a minute on a laptop."""
LEARNERS = {"classification": "logistic regression", "regression": "ridge regression"}


def main() -> None:
    """Learn from the original training samples; of the test samples the inputs alone are read."""
    params = load()
    features: Features = member(FEATURES, params.modality, "modality")()
    answer = "value" if params.task == "regression" else "label"
    known = tables.read("data/cleaned", "samples", ["id", answer])
    train_ids, test_ids = draw(known, params.seed), ids_of("test")
    report.note(f"{called(features, params.task)}: {len(train_ids):,} training samples")
    total = len(train_ids) + len(test_ids)
    with report.progress_bar() as bar:
        task = bar.add_task("baseline", total=total)
        train, test = (reduced(features, ids, lambda rows: bar.advance(task, rows)) for ids in (train_ids, test_ids))
    answers = known[answer].take(pc.index_in(train["id"], known["id"]))
    names = [] if answer == "value" else params.labels or sorted(pc.unique(known["label"]).drop_null().to_pylist())
    matrix = features.fit(train)
    predicted = predictions(params.task, matrix, answers, features.transform(test), names)
    with tables.new_folder("data/baseline") as folder:
        tables.write(folder, "predictions", pa.table({"id": test["id"], **predicted}))
        tables.write_json(folder / "meta.json", {"model": called(features, params.task)})
    metrics = {
        "model": called(features, params.task),
        "features": int(matrix.shape[1]),
        "train": len(train),
        "test": len(test),
    }
    tables.write_json("metrics/baseline.json", metrics)


def called(features: Features, task: str) -> str:
    """What the baseline is called in a sentence."""
    return f"{features.called} and {LEARNERS[task]}"


def ids_of(split: str) -> pa.Array:
    """The ids of the samples in a split."""
    assigned = tables.read("data/split", "assignment", ["id", "split"])
    return assigned["id"].filter(pc.equal(assigned["split"], split)).combine_chunks()


def draw(known: pa.Table, seed: int) -> pa.Array:
    """The ids of `MOST_ROWS` training samples at most: of each class its share, one at least.

    Args:
        known: id, and label or value, of all cleaned samples.
    """
    train = known.filter(pc.is_in(known["id"], ids_of("train")))
    if len(train) <= MOST_ROWS:
        return train["id"].combine_chunks()
    order = generator(seed, "baseline").permutation(len(train))
    answers = np.asarray(train["label"].to_pylist() if "label" in train.column_names else ["value"] * len(train))
    chosen: list[int] = []
    for name in np.unique(answers):
        mine = order[answers[order] == name]
        chosen += mine[: max(1, MOST_ROWS * len(mine) // len(train))].tolist()
    return train["id"].take(pa.array(sorted(chosen))).combine_chunks()


def reduced(features: Features, ids: pa.Array, advance: Callable[[int], None]) -> pa.Table:
    """The samples with these ids, their contents brought down to what the features need, a batch at a time."""
    size = tables.comfortable_rows("data/cleaned", "samples")
    found = []
    for batch in tables.batches("data/cleaned", "samples", ["id", *features.columns], batch_rows=size):
        found.append(features.reduce(batch.filter(pc.is_in(batch["id"], ids))))
        advance(len(found[-1]))
    return pa.concat_tables(found)


def predictions(task: str, known: Any, answers: pa.ChunkedArray, unknown: Any, names: Sequence[str]) -> dict[str, Any]:
    """The columns beside `id`: `prediction`, and of classes `probability.LABEL` for each."""
    if task == "regression":
        return {"prediction": learn_values(known, answers.to_numpy(), unknown)}
    probabilities = learn_classes(known, answers.to_pylist(), unknown, names)
    best = np.array(names, dtype=object)[probabilities.argmax(axis=1)] if len(probabilities) else []
    columns = {f"probability.{name}": probabilities[:, number] for number, name in enumerate(names)}
    return {"prediction": pa.array(best, pa.string()), **columns}


if __name__ == "__main__":
    report.run("baseline", main)
