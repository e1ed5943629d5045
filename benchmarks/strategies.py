"""`python -m benchmarks.strategies [--rows N] [--only "full; lora"] [--json FILE]`: what strategies learn and cost.

All strategies, each at rates and epochs that suit it, on the same sentences (SST-2 where REAL_DATA names it, else
generated ones), with the bundled model and the same stages; the best epoch is chosen on validation. Ends with 1 when
a strategy is less accurate on SST-2 than its floor; below the default size, and on other sentences, nothing is judged.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.data import markdown
from benchmarks.training_line import Line
from stages.core import report, tables

ROWS = 6920
BATCH_SIZE = 16
STRATEGIES: dict[str, dict[str, Any]] = {
    "head": {"strategy": "head", "lr": 1e-3, "epochs": 20},
    "head, first token": {"strategy": "head", "lr": 1e-3, "epochs": 20, "encode__pooling": "native"},
    "last_layers 1": {"strategy": "last_layers", "lr": 1e-4, "epochs": 4, "encode__last_layers": 1},
    "last_layers 2": {"strategy": "last_layers", "lr": 1e-4, "epochs": 4, "encode__last_layers": 2},
    "lora": {"strategy": "lora", "lr": 5e-4, "epochs": 4},
    "full": {"strategy": "full", "lr": 5e-5, "epochs": 4},
}
"""Name -> params, `__` for dots. (`scratch` is for images and sounds.)"""
FLOORS = {"full": 0.88, "head": 0.80}


@dataclass(frozen=True)
class Learnt:
    """One strategy: weights that it trains, accuracy on test with its interval, the best epoch, seconds and memory."""

    name: str
    trainable: int
    accuracy: float
    low: float
    high: float
    best_epoch: int
    encode_s: float
    finetune_s: float
    training_s: float
    peak_mib: float


def learnt(line: Line, name: str, changes: Mapping[str, Any]) -> Learnt:
    """Encode, train and evaluate."""
    line.set(batch_size=BATCH_SIZE, **changes)
    for stage in ("encode", "finetune", "evaluate"):
        line.run(stage)
    trained, tested = (tables.read_json(line.folder / f"metrics/{stage}.json") for stage in ("finetune", "evaluate"))
    spent = {
        stage: tables.read_json(line.folder / report.RUNTIME / f"{stage}.json") for stage in ("encode", "finetune")
    }
    print(f"{name}: {tested['accuracy']:.4f}", file=sys.stderr, flush=True)
    return Learnt(
        name,
        trained["parameters"]["trainable"],
        tested["accuracy"],
        tested["interval"]["accuracy"]["low"],
        tested["interval"]["accuracy"]["high"],
        trained["best_epoch"],
        spent["encode"]["seconds"],
        spent["finetune"]["seconds"],
        spent["finetune"]["training_seconds"],
        max(stage["peak_memory_mib"] for stage in spent.values()),
    )


def cells(one: Learnt) -> list[str]:
    """A line of the table."""
    interval = f"{one.accuracy:.3f} ({one.low:.3f} - {one.high:.3f})"
    epochs = f"{one.best_epoch} of {STRATEGIES[one.name]['epochs']}"
    seconds = (f"{value:,.0f}" for value in (one.encode_s, one.finetune_s, one.training_s))
    return [one.name, f"{one.trainable:,}", interval, epochs, *seconds, f"{one.peak_mib:,.0f}"]


def missed(found: Sequence[Learnt]) -> list[str]:
    """The strategies that are less accurate than their floors."""
    return [
        f"{one.name}: accuracy {one.accuracy:.4f}, less than {FLOORS[one.name]}"
        for one in found
        if one.name in FLOORS and one.accuracy < FLOORS[one.name]
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, print, and give the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.strategies", description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS, help=f"for training (default {ROWS:,}: all of SST-2)")
    parser.add_argument("--only", default="", help=f"some of {', '.join(STRATEGIES)}, separated by semicolons")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    asked = parser.parse_args(arguments)
    only = [name.strip() for name in asked.only.split(";")] if asked.only else list(STRATEGIES)
    if set(only) - set(STRATEGIES):
        parser.error(f"--only: {asked.only}: some of {', '.join(STRATEGIES)}, separated by semicolons")
    with tempfile.TemporaryDirectory() as folder:
        line = Line(Path(folder) / "line", asked.rows)
        found = [learnt(line, name, STRATEGIES[name]) for name in only]
    header = ["strategy", "weights trained", "test accuracy, 95 %", "best epoch"]
    header += ["encode (s)", "finetune (s)", "training in it (s)", "peak MiB"]
    report.note(f"{line.rows:,} {line.source}, batches of {BATCH_SIZE}\n")
    report.note(markdown(header, [cells(one) for one in found]))
    if asked.json:
        content = {"rows": line.rows, "source": line.source, "results": [asdict(one) for one in found]}
        asked.json.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    failures = missed(found) if asked.rows >= ROWS and line.source.startswith("SST-2") else []
    for failure in failures:
        report.note(f"missed: {failure}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
