"""`python -m benchmarks.training [--rows N] [--only head,full] [--json FILE]`: training beside transformers.Trainer.

All in one run, on the same sentences (SST-2 where REAL_DATA names it, else generated ones), with the bundled model,
the same epochs, batch size, schedule, precision and threads. Each timed thing is a process of its own, ours and the
peer's in turn; medians are compared. Steps at the start (benchmarks/training_clock.py) do not count on either side,
nor does validation, which only ours does. `head`, whose experiment costs the same for few rows as for many, takes
HEAD_ROWS of them, the others N; `full`, three times as dear, one epoch. Ends with 1 when a goal is missed; below the
default size nothing is judged.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks import training_gpu, training_rows
from benchmarks.training_line import BATCH_SIZE, Line
from benchmarks.training_rows import Row
from stages.core import report

SECTIONS = ("head", "last_layers", "full", "lora", "gpu")
ROWS, HEAD_ROWS, EPOCHS, SEEDS = 1536, 4096, 1, 3
MINUTES = {"head": 6, "last_layers": 4, "full": 7, "lora": 4, "gpu": 4}
"""Expected at the default size on two quiet cores (gpu: on a card)."""


def measure(only: Sequence[str], rows: int, epochs: int, seeds: int, folder: Path) -> tuple[Line, list[Row]]:
    """The line, and the rows of the sections that were asked for."""
    line = Line(folder / "line", rows)
    whole = max(rows, HEAD_ROWS) if rows >= ROWS else rows
    parts: dict[str, Callable[[], list[Row]]] = {
        "head": lambda: training_rows.head(Line(folder / "head", whole, threads=line.threads), folder / "repository"),
        "last_layers": lambda: training_rows.last_layers(line, epochs=1),
        "full": lambda: training_rows.full(line, epochs, seeds),
        "lora": lambda: training_rows.lora(line, epochs=1),
        "gpu": lambda: gpu(folder / "gpu", line.threads),
    }
    found = []
    for name in only:
        start = time.perf_counter()
        found += parts[name]()
        print(f"{name}: {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
    return line, found


def gpu(folder: Path, threads: set[int]) -> list[Row]:
    """The row of the GPU, where there is one; else why not."""
    name = training_gpu.card()
    if not name:
        report.note("gpu: left out: torch.cuda.is_available() is false here")
        return []
    return training_gpu.gpu(folder, name, threads)


def cells(row: Row) -> list[str]:
    """A line of the table."""
    digits = 1 if max(row.ours, row.peer) >= 10 else 4
    times = "" if row.times is None else f"{row.times:.2f}"
    goal = "" if row.goal is None else f"{row.goal:g}"
    return [row.what, row.unit, f"{row.ours:,.{digits}f}", f"{row.peer:,.{digits}f}", times, goal]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and give the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS, help=f"for training (default {ROWS:,})")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help=f"of full (default {EPOCHS})")
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"of full (default {SEEDS})")
    parser.add_argument("--only", default=",".join(SECTIONS), help=f"some of {','.join(SECTIONS)}")
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    asked = parser.parse_args(arguments)
    only = asked.only.split(",")
    if set(only) - set(SECTIONS):
        parser.error(f"--only: {asked.only}: some of {','.join(SECTIONS)}")
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        line, rows = measure(only, asked.rows, asked.epochs, asked.seeds, Path(folder))
    threads = sorted(line.threads)
    show(f"{asked.rows:,} {line.source}, batches of {BATCH_SIZE}, threads {threads}", rows)
    if asked.json:
        settings = {"rows": asked.rows, "epochs": asked.epochs, "seeds": asked.seeds, "source": line.source}
        content = {**settings, "threads": threads, "results": [asdict(row) for row in rows]}
        asked.json.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    expected, took = sum(MINUTES[name] for name in only if name != "gpu"), (time.perf_counter() - start) / 60
    report.note(f"{took:.1f} minutes; at the default size about {expected} on two quiet cores, without a GPU")
    return judge(rows) if asked.rows >= ROWS else 0


def show(title: str, rows: Sequence[Row]) -> None:
    """Print the table, and the notes below it."""
    report.table(title, ["what", "unit", "Groundwork", "peer", "times", "goal"], [cells(row) for row in rows])
    for row in rows:
        if row.note:
            report.note(f"{row.what} ({row.unit}): {row.note}")


def judge(rows: Sequence[Row]) -> int:
    """Name the goals that are missed; the exit code."""
    failures = [row for row in rows if row.missed]
    for row in failures:
        report.note(f"missed: {row.what} ({row.unit})")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
