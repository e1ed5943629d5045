"""A Git and DVC repository with the outputs of a line, small and quickly made: what a review reads.

The stages from fetch to split are the real ones, on a hundred short texts; encode, finetune and evaluate are stood in
for by their outputs, with predictions as a test wants them.
"""

import contextlib
import csv
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from ruamel.yaml import YAML

from stages import augment, clean, fetch, split, validate
from stages.core import tables
from stages.core.seeds import generator
from stages.tasks.classes import Classes
from stages.tasks.classification import probabilities_of
from tests.repository import Repository, environment
from tests.workplace import LAX, params, working_in

LABELS = ("negative", "neutral", "positive")
WORDS = ("broken late awful crash", "menu opens version note", "lovely quick calm joy")
OUTPUTS = ("fetched", "validated", "cleaned", "augmented", "split")
LINE = {
    "stages": {
        "line": {
            "cmd": "true",
            "deps": ["data/source/messages.csv"],
            "outs": [f"data/{name}" for name in OUTPUTS] + ["models/predictions.parquet"],
        }
    }
}
BARE = {"augment.balance": "none", "augment.text": {"order": [], "steps": {}}}
Rows = Sequence[Mapping[str, str]]


def messages(count: int = 160, *, seed: int = 0) -> list[dict[str, str]]:
    """Rows of the source: text, label, author and channel."""
    chosen = random.Random(seed)
    rows = []
    for number in range(count):
        kind = number % 3
        words = chosen.choices(WORDS[kind].split(), k=2) + [f"w{chosen.randrange(10**6)}" for _ in range(number % 9)]
        row = {"message": " ".join([*words, f"m{number}"]), "sentiment": LABELS[kind], "author": f"a{number}"}
        rows.append({**row, "channel": ("mail", "chat")[number % 2]})
    return rows


@dataclass
class Sides:
    """A repository and what is done in it."""

    repository: Repository
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return self.repository.folder

    def make(self, rows: Rows, changes: Mapping[str, Any] | None = None) -> None:
        """Write the source and params.yaml, and run the stages from fetch to split."""
        changed = {
            **LAX,
            "augment.balance": "none",
            "augment.text": {"order": [], "steps": {}},
            **self.settings,
            **(changes or {}),
        }
        source = self.folder / "data/source/messages.csv"
        source.parent.mkdir(parents=True, exist_ok=True)
        with source.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, ["message", "sentiment", "author", "channel"])
            writer.writeheader()
            writer.writerows(rows)
        with (self.folder / "params.yaml").open("w", encoding="utf-8") as file:
            YAML().dump(params(changed), file)
        with working_in(self.folder, changed):
            for stage in (fetch, validate, clean, augment, split):
                stage.main()

    def predict(self, skill: float = 2.0, *, seed: int = 0, change: Callable[[Any], Any] | None = None) -> None:
        """Stand-in for the model: predictions on the test split, the better the higher `skill`, and their metrics.

        What two sides see of a sample is mostly the same, so that they mostly agree. `change` is applied to the table.
        """
        held = [row["id"] for row in self.rows("split", "assignment") if row["split"] == "test"]
        labels = {row["id"]: LABELS.index(row["label"]) for row in self.rows("cleaned", "samples")}
        gold = np.array([labels[one] for one in held], dtype=np.int64)
        seen = np.array([generator("seen", one).normal(size=3) for one in held]).reshape(-1, 3)
        own = np.array([generator("own", seed, one).normal(size=3) for one in held]).reshape(-1, 3)
        outputs = probabilities_of(seen + 0.5 * own + skill * np.eye(3)[gold])
        task = Classes({"labels": LABELS, "train_label_counts": dict.fromkeys(LABELS, 1)}, bins=10)
        table = task.predictions(held, gold, outputs)
        (self.folder / "models").mkdir(exist_ok=True)
        pq.write_table(change(table) if change else table, self.folder / "models/predictions.parquet")
        metrics = task.summary(gold, outputs, resamples=50, confidence=0.95, seed=0)
        tables.write_json(self.folder / "metrics/evaluate.json", metrics)

    def rows(self, stage: str, name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = tables.read(self.folder / f"data/{stage}", name).to_pylist()
        return found

    def commit(self) -> str:
        """Everything into DVC's cache and Git; the commit."""
        from dvc.repo import Repo

        with contextlib.chdir(self.folder), Repo() as repo:
            repo.commit(force=True)
        self.repository.commit()
        return self.repository.type("git", "rev-parse", "HEAD").strip()

    def branch(self, name: str) -> None:
        self.repository.type("git", "checkout", "--quiet", "-b", name)


def begin(folder: Path, **settings: Any) -> Sides:
    """An empty repository; `settings` are changes to params.yaml that all sides share, `__` in place of dots."""
    repository = Repository(folder, environment(folder.parent))
    repository.type("git", "init", "--quiet", "--initial-branch", "main")
    (folder / ".dvc").mkdir()
    (folder / ".dvc/config").write_text("[core]\n    analytics = false\n")
    (folder / ".dvc/.gitignore").write_text("/config.local\n/tmp\n/cache\n")
    (folder / ".gitignore").write_text("/data/*\n!/data/source/\n/models/\n/.groundwork/\n")
    with (folder / "dvc.yaml").open("w", encoding="utf-8") as file:
        YAML().dump(LINE, file)
    return Sides(repository, {name.replace("__", "."): value for name, value in settings.items()})
