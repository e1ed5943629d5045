"""`python -m benchmarks.review [--test N] [--train N] [--resamples R] [--simulations S]`: what a review takes, and
whether its statistics keep their promises. Prints Markdown tables; ends with 1 when a floor is missed.
"""

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.data import markdown
from benchmarks.review_sides import Models, models, pair_of, side, write
from stages.core import report
from stages.tasks.classification import HEADLINE

MAX_SECONDS = {"statistics": 20.0, "data": 10.0}
MAX_PEAK_MIB = 2048
COVERAGE = (0.93, 0.97)
CONSERVATIVE = "ece"
"""Its bootstrap is known to be too wide: resampling adds to a calibration error what noise adds to it."""
MAX_ALARMS = 0.05
RESAMPLES = 2_000
"""Of each simulated comparison."""
TRUE_SAMPLES = 400_000
"""By which the true difference of two kinds of models is known."""
SETTINGS = ((60, 0.0), (150, 0.0), (600, 0.0), (150, 0.3), (600, 0.3))
"""Test samples, and by how much the head is really better."""


@dataclass(frozen=True)
class Run:
    """One part of a review in a process of its own."""

    part: str
    seconds: float
    cpu_seconds: float
    peak_mib: float


@dataclass(frozen=True)
class Simulation:
    """Of many comparisons: how often each metric's interval held the true difference, and how often one was claimed."""

    samples: int
    gain: float
    coverage: dict[str, float]
    claimed: float


def statistics(folder: str, resamples: int) -> None:
    """All of a review that is computed on predictions."""
    from review.flips import flips
    from review.metrics import metric_changes
    from review.pairing import read_pair
    from review.slices import slices

    base, head = (side(Path(folder) / name) for name in ("base", "head"))
    pair = read_pair(base, head, min_common=20)
    sampling: dict[str, Any] = {"resamples": resamples, "confidence": 0.95, "bins": 10}
    metric_changes(base, head, pair, **sampling)
    flips(base, head, pair, modality="text")
    slices(base, head, pair, modality="text", columns=[], min_slice=20, **sampling)


def data(folder: str, resamples: int) -> None:  # noqa: ARG001
    """The data diff."""
    from review.data import data_changes

    data_changes(*(side(Path(folder) / name) for name in ("base", "head")))


PARTS: dict[str, Callable[[str, int], None]] = {"statistics": statistics, "data": data}


def measure(part: str, folder: str, resamples: int) -> Run:
    """Run a part here; what it took."""
    start, before = time.perf_counter(), time.process_time()
    PARTS[part](folder, resamples)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    return Run(part, time.perf_counter() - start, time.process_time() - before, peak)


def speed(*, train: int, test: int, resamples: int) -> list[Run]:
    """Each part in a fresh process, imports included."""
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), train=train, test=test)
        found = []
        for part in PARTS:
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                found.append(pool.submit(measure, part, folder, resamples).result())
    return found


def simulate(samples: int, gain: float, simulations: int) -> Simulation:
    """Compare many pairs of models whose true difference is known."""
    from review.metrics import metric_changes
    from review.statistics import NOTHING

    truth = _true_differences(gain)
    nowhere = side(Path("nowhere"))
    covered: dict[str, list[bool]] = {name: [] for name in HEADLINE}
    claims = 0
    for seed in range(simulations):
        pair = pair_of(models(samples, gain=gain, seed=seed))
        found = metric_changes(nowhere, nowhere, pair, resamples=RESAMPLES, confidence=0.95, bins=10)
        claims += any(row["finding"] != NOTHING for row in found["rows"])
        for row in found["rows"]:
            covered[row["name"]].append(row["low"] <= truth[row["name"]] <= row["high"])
    coverage = {name: float(np.mean(held)) for name, held in covered.items()}
    return Simulation(samples, gain, coverage, claims / simulations)


def _true_differences(gain: float) -> dict[str, float]:
    if not gain:
        return dict.fromkeys(HEADLINE, 0.0)
    from stages.tasks.weighted import scorer

    found: Models = models(TRUE_SAMPLES, gain=gain, seed=-1)
    ones = np.ones((1, TRUE_SAMPLES))
    base, head = (scorer(found.gold, outputs, bins=10)(ones) for outputs in (found.base, found.head))
    return {name: float(head[name][0] - base[name][0]) for name in HEADLINE}


def missed(runs: Sequence[Run], simulations: Sequence[Simulation]) -> list[str]:
    """The floors that are missed, a sentence each."""
    found = [f"{one.part}: {one.seconds:.1f} s" for one in runs if one.seconds > MAX_SECONDS[one.part]]
    found += [f"{one.part}: {one.peak_mib:.0f} MiB" for one in runs if one.peak_mib > MAX_PEAK_MIB]
    for one in simulations:
        for name, share in one.coverage.items():
            if share < COVERAGE[0] or (share > COVERAGE[1] and name != CONSERVATIVE):
                found.append(f"{one.samples} samples: {name} covered in {share:.1%}")
        if not one.gain and one.claimed > MAX_ALARMS:
            found.append(f"{one.samples} samples: false alarms in {one.claimed:.1%}")
    return found


def show(runs: Sequence[Run], simulations: Sequence[Simulation]) -> None:
    """Print both tables."""
    cells = [[one.part, *(f"{value:,.1f}" for value in (one.seconds, one.cpu_seconds, one.peak_mib))] for one in runs]
    report.note(f"{markdown(['part', 'seconds', 'CPU seconds', 'peak MiB'], cells)}\n")
    rows = []
    for found in simulations:
        shares = [*found.coverage.values(), found.claimed]
        rows.append([f"{found.samples} samples, gain {found.gain:g}", *(f"{share:.1%}" for share in shares)])
    report.note(markdown(["true difference in the 95 % interval", *HEADLINE, "any claim"], rows))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, simulate, print, and give the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.review", description=__doc__)
    parser.add_argument("--test", type=int, default=10_000, help="test samples")
    parser.add_argument("--train", type=int, default=100_000, help="training samples, for the data diff")
    parser.add_argument("--resamples", type=int, default=10_000)
    parser.add_argument("--simulations", type=int, default=1_000, help="of each setting")
    asked = parser.parse_args(arguments)
    runs = speed(train=asked.train, test=asked.test, resamples=asked.resamples)
    simulations = [simulate(samples, gain, asked.simulations) for samples, gain in SETTINGS if asked.simulations]
    show(runs, simulations)
    failures = missed(runs, simulations)
    for failure in failures:
        report.note(f"missed: {failure}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
