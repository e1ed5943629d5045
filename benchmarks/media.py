"""`python -m benchmarks.media [--images N] [--clips N] [--quick]`: fetch to encode on generated images and sounds.

The line runs at a tenth of N and at N, with 1 and with 2 workers. Speed is what the difference of the two sizes
takes, so that the start of interpreters and imports does not count; it is shown apart. The same work is then done
by plain loops (benchmarks/media_peers.py). Prints Markdown tables; ends with 1 when a goal is missed. `--quick`
takes a tenth of the images and a quarter of the clips, where the buffers are not yet full, and judges nothing.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.data import markdown
from benchmarks.media_line import CLIPS, IMAGES, STAGES, Family, Results, measure
from stages.core import report

WITH_WORKERS = ("validate", "clean", "augment", "encode")
MIN_SPEEDUP = 1.7
MAX_GROWTH = 1.25
"""Of the memory between the sizes, that still counts as flat: it differs by as much from run to run."""
MAX_BYTES = 1.3
FULL = {"images": 20_000, "clips": 2_000}
QUICK = {"images": 2_000, "clips": 500}


def missed(family: Family, found: Results) -> list[str]:
    """The goals that are not reached."""
    small, large = (found.lines[size, 2] for size in found.sizes)
    failures = []
    for stage in WITH_WORKERS:
        times = found.rate(stage, 2) / found.rate(stage, 1)
        if times < MIN_SPEEDUP:
            failures.append(f"{family.unit}, {stage}: 2 workers {times:.2f} times as fast, less than {MIN_SPEEDUP}")
    for stage in STAGES if family.modality == "image" else ():
        growth = large[stage].together_mib / small[stage].together_mib
        if growth > MAX_GROWTH:
            failures.append(f"{family.unit}, {stage}: memory grows {growth:.2f} times, over {MAX_GROWTH}")
    if found.bytes_ratio > MAX_BYTES:
        failures.append(f"{family.unit}: {found.bytes_ratio:.2f} bytes written for one decoded, over {MAX_BYTES}")
    return failures


def show(family: Family, found: Results) -> None:
    """Print the tables of a family."""
    small, large = (f"{size:,}" for size in found.sizes)
    report.note(f"\n## {family.unit}\n\nA second, between {small} and {large}; the start is not counted\n")
    header = ["stage", "1 worker", "2 workers", "times", "start, 1 (s)", "start, 2 (s)"]
    report.note(markdown(header, [speed_cells(found, stage) for stage in STAGES]))
    report.note("\nPeak memory, MiB, 2 workers\n")
    header = ["stage", f"all, {small}", f"all, {large}", "times", f"largest, {small}", f"largest, {large}"]
    report.note(markdown(header, [memory_cells(found, stage) for stage in STAGES]))
    whole = sum(found.decoded.values())
    report.note(
        f"\nBytes of {large} {family.unit} and a derived sample of each: {found.bytes_ratio:.2f} for one decoded\n"
    )
    sizes = {**found.written, "written": sum(found.written.values())}
    sizes |= {f"decoded {name}": size for name, size in found.decoded.items()}
    rows = [[name, f"{size / 1e6:,.2f}", f"{size / whole:.3f}"] for name, size in sizes.items()]
    report.note(markdown(["", "MB", "of decoded"], rows))
    report.note(f"\nBeside plain loops in one process, {family.unit} a second\n")
    header = ["loop", "loop", "1 worker", "2 workers", "times, 1", "times, 2"]
    report.note(markdown(header, [peer_cells(found, name) for name in found.peers]))


def speed_cells(found: Results, stage: str) -> list[str]:
    """A row of the table of speed; a stage that takes no workers has no ratio."""
    rates = [found.rate(stage, workers) for workers in (1, 2)]
    times = f"{rates[1] / rates[0]:.2f}" if stage in WITH_WORKERS else ""
    starts = [f"{found.start(stage, workers):.1f}" for workers in (1, 2)]
    return [stage, *(f"{rate:,.0f}" for rate in rates), times, *starts]


def memory_cells(found: Results, stage: str) -> list[str]:
    """A row of the table of memory."""
    small, large = (found.lines[size, 2][stage] for size in found.sizes)
    together, largest = (small.together_mib, large.together_mib), (small.process_mib, large.process_mib)
    times = f"{together[1] / together[0]:.2f}"
    return [stage, *(f"{mib:,.0f}" for mib in together), times, *(f"{mib:,.0f}" for mib in largest)]


def peer_cells(found: Results, name: str) -> list[str]:
    """A row of the comparison: the loop's rate, the stage's, and how many times as fast the stage is."""
    theirs, stage = found.peers[name], name.split(":")[0]
    ours = [found.rate(stage, workers) for workers in (1, 2)]
    return [name, *(f"{rate:,.0f}" for rate in (theirs, *ours)), *(f"{rate / theirs:.2f}" for rate in ours)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and give the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.media", description=__doc__)
    parser.add_argument("--images", type=int, help=f"default {FULL['images']:,}; 0: none")
    parser.add_argument("--clips", type=int, help=f"default {FULL['clips']:,}; 0: none")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK['images']:,} and {QUICK['clips']:,}, not judged")
    asked = parser.parse_args(arguments)
    usual = QUICK if asked.quick else FULL
    failures: list[str] = []
    for family, wanted in ((IMAGES, asked.images), (CLIPS, asked.clips)):
        count = usual[family.unit] if wanted is None else wanted
        if count:
            with tempfile.TemporaryDirectory() as folder:
                found = measure(family, count, Path(folder))
            show(family, found)
            failures += missed(family, found)
    for failure in failures:
        report.note(f"missed: {failure}")
    return 1 if failures and not asked.quick else 0


if __name__ == "__main__":
    sys.exit(main())
