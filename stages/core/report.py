"""What a person sees: progress, tables and errors through rich; and the run of a stage around them."""

import argparse
import errno
import hashlib
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import pyarrow as pa
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from stages.core import tables
from stages.core.bars import Bars
from stages.core.checkout import repository
from stages.core.errors import UserError

T = TypeVar("T")
RUNTIME = Path(".groundwork/runtime")
"""Seconds and peak memory a stage: not an output, so that outputs repeat to the byte."""
RUNS = RUNTIME / "runs"
"""The same of each result, in the checkout that owns the folder: figures that a review can put beside a revision."""
COST = Path("metrics/cost.json")
"""What the training of the committed result took, in Git: the check of a pull request has no other way to know."""
figures: dict[str, Any] = {}
"""What a stage itself adds to its runtime figures."""

GRACE_S = 20.0
"""How long a process waits to be ended by its launcher after another has told why, before it ends by itself."""

ABSENT = "–"
"""In a column of numbers: there is none."""
WIDEST = 100_000
"""Characters: no table is wider."""

FULL_DISK = (
    "free some space, then the same command: `dvc gc --workspace --all-commits --all-experiments` drops what no commit "
    "and no experiment names (without the last two it would drop models of other commits, too)"
)
NO_PACKAGE = (
    "pip install -e . ; where a system library (.so) is missing, as OpenCV's libGL on a server: "
    "apt install libgl1 libglib2.0-0"
)

console = Console(highlight=False)
errors = Console(highlight=False, stderr=True)


def note(message: str) -> None:
    """One plain line."""
    console.print(escape(message), soft_wrap=True)


def paragraph(message: str) -> None:
    """Sentences, broken into lines at the width of the terminal."""
    for line in Text(message).wrap(console, console.width, overflow="fold"):
        line.rstrip()
        console.print(line)


def table(title: str, header: Sequence[str], rows: Iterable[Sequence[Any]], *, fit: bool = True) -> None:
    """A table; numbers to the right, floats with four digits.

    Args:
        rows: cells; `ABSENT` stands for a number that there is not.
        fit: whether long cells are broken to fit the terminal; else the table is as wide as it needs to be.
    """
    grid = _grid(header, [list(row) for row in rows])
    if title:
        console.print(f"[bold]{escape(title)}[/]", soft_wrap=True)
    wide = console if fit else Console(highlight=False, file=console.file, width=max(_width(grid), console.width))
    wide.print(grid)


def table_width(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    """The characters that a line of such a table takes where nothing in it is broken."""
    return _width(_grid(header, [list(row) for row in rows]))


def _grid(header: Sequence[str], rows: list[list[Any]]) -> Table:
    grid = Table(box=SIMPLE_HEAD, pad_edge=False)
    for position, name in enumerate(header):
        numbers = [row[position] for row in rows if row[position] != ABSENT]
        numeric = bool(numbers) and all(isinstance(number, int | float) for number in numbers)
        grid.add_column(escape(name), justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        grid.add_row(*(escape(f"{cell:.4f}" if isinstance(cell, float) else str(cell)) for cell in row))
    return grid


def _width(grid: Table) -> int:
    return Measurement.get(console, console.options.update(max_width=WIDEST), grid).maximum


def progress_bar(*extra: str) -> Bars:
    """A progress bar with count, elapsed and remaining time; `extra` are names of task fields shown at its end.

    Where the output is no terminal a line a minute tells how far it is.
    """
    fields = [TextColumn("{task.fields[" + name + "]}") for name in extra]
    return Bars(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        *fields,
        console=console,
        disable=not console.is_terminal,
    )


def track(tables: Iterable[pa.Table], description: str, total: int | None = None) -> Iterator[pa.Table]:
    """Pass tables through with a progress bar that advances by their rows."""
    for one, _ in track_pairs(((table, None) for table in tables), description, total):
        yield one


def track_pairs(
    pairs: Iterable[tuple[pa.Table, T]], description: str, total: int | None = None
) -> Iterator[tuple[pa.Table, T]]:
    """Pass pairs of a table and something with it through, as `track` does."""
    with progress_bar() as bar:
        task = bar.add_task(description, total=total)
        for one, other in pairs:
            yield one, other
            bar.advance(task, len(one))


def run(stage: str, main: Callable[[], None]) -> None:
    """Run a stage's `main`: a user's mistake ends in its message and exit code 1; time and memory are kept."""
    start = time.perf_counter()
    script = Path(sys.argv[0])
    if script.parent.name == "stages" and script.stem == stage:
        take_no_arguments(stage, main)
    with ending(stage):
        check_alone(stage)
        main()
    if console.quiet:  # one of several processes, of which another reports
        return
    usage = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    unit = 2**20 if sys.platform == "darwin" else 2**10  # ru_maxrss: bytes on macOS, KiB on Linux
    found = {"seconds": round(time.perf_counter() - start, 3), "peak_memory_mib": round(max(usage) / unit, 1)}
    found = figures | found
    tables.write_json(RUNTIME / f"{stage}.json", found)
    metrics = Path(f"metrics/{stage}.json")
    if metrics.exists():
        digest = result_digest(metrics.read_bytes())
        tables.write_json(repository(Path.cwd()) / RUNS / f"{stage}-{digest}.json", found)
        if "training_seconds" in found or "went_on" in found:
            keep_cost(digest, found)


def take_no_arguments(stage: str, main: Callable[[], None]) -> None:
    """Answer --help with what the stage does, and refuse all else: what is wanted stands in params.yaml."""
    said = (main.__globals__.get("__doc__") or "").strip()
    parser = argparse.ArgumentParser(
        prog=f"python -m stages.{stage}",
        description=said,
        epilog="It takes no arguments: what is wanted stands in params.yaml. `dvc repro` runs it where it is needed.",
    )
    parser.parse_args()


@contextmanager
def ending(name: str) -> Iterator[None]:
    """Have the program `name` end with a message in place of a traceback where a user can put things right.

    Exit codes: 1 a mistake, a full disk or a package that does not load; 130 interrupted; 141 nobody reads the output
    any more, as after `| head`.
    """
    try:
        yield
        sys.stdout.flush()
    except UserError as error:
        stop(name, str(error), error.hint)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is buffered has nowhere to go
        sys.exit(128 + signal.SIGPIPE)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        stop(name, f"the disk is full: {error}", FULL_DISK)
    except ImportError as error:
        stop(name, f"a package does not load: {error}", NO_PACKAGE)
    except KeyboardInterrupt:
        if not console.quiet:
            errors.print(f"[bold red]{name} interrupted[/]")
            errors.print("[bold]Next:[/] the same command goes on; a training from its last checkpoint", soft_wrap=True)
        sys.exit(130)


def stop(name: str, what: str, hint: str) -> NoReturn:
    """End with exit code 1, what is wrong and the next step, as errors."""
    if not console.quiet:  # of several processes another tells
        errors.print(f"[bold red]{name} stopped:[/] {escape(what)}", soft_wrap=True)
        if hint:
            errors.print(f"[bold]Next:[/] {escape(hint)}", soft_wrap=True)
    sys.exit(1)


def keep_cost(digest: str, found: Mapping[str, Any]) -> None:
    """Write `COST`, unless it tells of the same result already: a run that is repeated leaves Git's files alone.

    Of a training that went on from a checkpoint a whole one takes the place.
    """
    known = tables.read_json(COST) if COST.exists() else {}
    if known.get("result") != digest or (known.get("went_on") and not found.get("went_on")):
        tables.write_json(COST, {"result": digest, **found})


def adopt(stage: str) -> None:
    """Take over what another process, which ran the stage in place of this one, has left as runtime figures."""
    figures.update(tables.read_json(RUNTIME / f"{stage}.json"))


def result_digest(metrics: bytes) -> str:
    """What names the result of a stage in `RUNS`: 16 hexadecimal digits of its metrics file."""
    return hashlib.sha256(metrics).hexdigest()[:16]


def check_alone(stage: str) -> None:
    """Stages other than finetune run as one process.

    Raises:
        UserError: a launcher such as torchrun has started several.
    """
    count = int(os.environ.get("WORLD_SIZE", "1")) if "RANK" in os.environ else 1
    if stage != "finetune" and count > 1:
        if os.environ["RANK"] != "0":
            time.sleep(GRACE_S)
            sys.exit(1)
        raise UserError(
            f"a launcher has started {count} processes, and of the stages finetune alone runs as several",
            f"python -m stages.{stage}, or dvc repro",
        )
