"""Baseline: cleaned and split -> what a simple model predicts for the test samples, for evaluate to compare with."""

from collections.abc import Mapping, Sequence
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
    split_of = split_by_id()
    names = params.labels or class_names()
    train = draw(samples_of("train", split_of, [*features.columns, answer]), params.seed)
    test = samples_of("test", split_of, features.columns)
    report.note(f"{called(features, params.task)}: {len(train):,} training samples")
    known = features.fit(train)
    predicted = predictions(params.task, known, train[answer], features.transform(test), names)
    with tables.new_folder("data/baseline") as folder:
        tables.write(folder, "predictions", pa.table({"id": test["id"], **predicted}))
        tables.write_json(folder / "meta.json", {"model": called(features, params.task)})
    metrics = {
        "model": called(features, params.task),
        "features": int(known.shape[1]),
        "train": len(train),
        "test": len(test),
    }
    tables.write_json("metrics/baseline.json", metrics)


def called(features: Features, task: str) -> str:
    """What the baseline is called in a sentence."""
    return f"{features.called} and {LEARNERS[task]}"


def split_by_id() -> Mapping[str, str | None]:
    """Sample id -> its split."""
    assigned = tables.read("data/split", "assignment", ["id", "split"]).to_pydict()
    return dict(zip(assigned["id"], assigned["split"], strict=True))


def class_names() -> list[str]:
    """The labels that occur, in alphabetical order: for `labels: []`."""
    return sorted(pc.unique(tables.read("data/cleaned", "samples", ["label"])["label"]).drop_null().to_pylist())


def samples_of(split: str, split_of: Mapping[str, str | None], columns: Sequence[str]) -> pa.Table:
    """The samples of a split, with their ids."""
    size = tables.comfortable_rows("data/cleaned", "samples")
    found = []
    for batch in tables.batches("data/cleaned", "samples", ["id", *columns], batch_rows=size):
        chosen = [split_of[name] == split for name in batch["id"].to_pylist()]
        found.append(batch.filter(pa.array(chosen, pa.bool_())))
    return pa.concat_tables(found)


def draw(train: pa.Table, seed: int) -> pa.Table:
    """`MOST_ROWS` of the samples at most, in their order."""
    if len(train) <= MOST_ROWS:
        return train
    chosen = generator(seed, "baseline").permutation(len(train))[:MOST_ROWS]
    return train.take(np.sort(chosen))


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
