"""Two sides of a review, generated: tables as the stages leave them, and the predictions of two models."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from ruamel.yaml import YAML

from benchmarks.corpus import LABELS, texts_and_pairs
from review.pairing import Pair
from review.recipes import complete
from review.sides import NoOutputs, Side
from stages.core import samples, tables
from stages.core.seeds import generator
from stages.split import SCHEMA
from stages.tasks.calibration import Floats, Integers
from stages.tasks.classes import Classes
from stages.tasks.classification import probabilities_of

ROOT = Path(__file__).parents[1]
CHANGED_SHARE = 0.02
"""Of the rows: so many does the head lack, so many does it add, and so many does it relabel."""


@dataclass(frozen=True)
class Models:
    """Two models on the same samples: gold (N,), probabilities (N, K)."""

    gold: Integers
    base: Floats
    head: Floats


def models(count: int, *, classes: int = 3, gain: float = 0.0, own: float = 0.5, seed: int = 0) -> Models:
    """What both see of a sample is mostly the same; `own` is the rest, by which the head is better by `gain`."""
    random = generator(seed, "benchmark")
    gold = random.integers(classes, size=count)
    seen = random.normal(size=(count, classes)) + 2 * np.eye(classes)[gold]
    base, head = (seen + own * random.normal(size=seen.shape) for _ in range(2))
    return Models(gold, probabilities_of(base), probabilities_of(head + gain * np.eye(classes)[gold]))


def pair_of(found: Models) -> Pair:
    """The two models as a review pairs them."""
    ids = [f"s{number}" for number in range(len(found.gold))]
    labels = tuple(f"class {k}" for k in range(found.base.shape[1]))
    count = len(ids)
    return Pair("classification", labels, ids, found.gold, found.base, found.head, count, count, [])


def write(folder: Path, *, train: int, test: int, seed: int = 0) -> None:
    """`folder/base` and `folder/head`: so many training and test samples, predictions, params.yaml."""
    texts = list(dict.fromkeys(texts_and_pairs(int((train + test) * 1.2), seed)[0]))
    random = generator(seed, "benchmark", "sides")
    edited = int(train * CHANGED_SHARE)
    ids = samples.Ids()([[text, None, None, None] for text in texts])
    gold = random.integers(3, size=len(texts))
    found = models(test, seed=seed)
    gold[:test] = found.gold
    for name, outputs in (("base", found.base), ("head", found.head)):
        rows = np.arange(train + test)
        labels = gold.copy()
        if name == "head":
            rows = np.concatenate([rows[:-edited], np.arange(train + test, train + test + edited)])
            labels[test : test + edited] = (labels[test : test + edited] + 1) % 3
        splits = np.where(rows < test, "test", "train")
        _tables(folder / name, [ids[row] for row in rows], [texts[row] for row in rows], labels[rows], splits.tolist())
        task = Classes({"labels": LABELS}, bins=10)
        (folder / name / "models").mkdir()
        pq.write_table(task.predictions(ids[:test], found.gold, outputs), folder / name / "models/predictions.parquet")
        with (folder / name / "params.yaml").open("wb") as file:
            YAML().dump(complete(ROOT / "recipes/messages.yaml"), file)


def _tables(folder: Path, ids: list[str], texts: list[str], labels: Integers, splits: list[str]) -> None:
    named = np.array(LABELS, dtype=object)[labels].tolist()
    source = ["corpus.csv"] * len(ids)
    content = samples.table({"id": ids, "group": ids, "source": source, "text": texts, "label": named})
    assignment = [ids, splits, [None] * len(ids), [None] * len(ids)]
    written = {
        "fetched": {"samples": content},
        "validated": {"rejected": samples.SCHEMA.empty_table()},
        "cleaned": {"samples": content, "dropped": samples.SCHEMA.empty_table()},
        "augmented": {"samples": samples.SCHEMA.empty_table()},
        "split": {"assignment": pa.table(assignment, schema=SCHEMA)},
    }
    for stage, parts in written.items():
        with tables.new_folder(folder / "data" / stage) as place:
            for name, table in parts.items():
                tables.write(place, name, table)


def side(folder: Path) -> Side:
    """The side that a folder holds."""
    return Side(folder.name, None, folder.name, folder, NoOutputs())
