"""`python -m benchmarks.data [--rows N] [--texts N]`: fetch to split on generated rows, and the search for
near-duplicates beside a plain datasketch loop. Prints Markdown tables; ends with 1 when a floor is missed.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from benchmarks.corpus import texts_and_pairs, write_csv
from review.recipes import complete, complete_text
from stages.core import report

ROOT = Path(__file__).parents[1]
STAGES = ("fetch", "validate", "clean", "split")
SEED = 42
MAX_PEAK_MIB = 2048
MIN_SPEEDUP = 20
PEER_PERMUTATIONS = 128
Pairs = set[tuple[int, int]]


@dataclass(frozen=True)
class Run:
    """One stage: wall seconds, CPU seconds (a busy machine changes them little) and peak memory of its process."""

    stage: str
    seconds: float
    cpu_seconds: float
    peak_mib: float


@dataclass(frozen=True)
class Search:
    """One search: its seconds, recall and precision, 0-1, higher is better."""

    name: str
    seconds: float
    recall: float
    precision: float


def line(folder: Path, rows: int) -> list[Run]:
    """Generate a corpus in `folder` and run each stage there as a process of its own."""
    (folder / "data/source").mkdir(parents=True)
    write_csv(folder / "data/source/messages.csv", rows, SEED)
    write_params(folder / "params.yaml")
    return [run(stage, folder) for stage in STAGES]


def write_params(path: Path) -> None:
    """The shipped params, whose source the corpus replaces, without derived samples."""
    yaml = YAML()
    params = yaml.load(complete_text(ROOT / "recipes/messages.yaml"))
    params["augment"] |= {"copies": 0, "balance": "none"}
    yaml.dump(params, path)


def run(stage: str, folder: Path, command: Sequence[str] = ()) -> Run:
    """Run `python -m stages.STAGE` in `folder`, or another command that is called by that name.

    Raises:
        RuntimeError: it failed; with its output.
    """
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    output = folder / f"{stage}.txt"
    start = time.perf_counter()
    with output.open("wb") as file:
        command = command or [sys.executable, "-m", f"stages.{stage}"]
        environment = {**os.environ, "PYTHONPATH": path}
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=file, stderr=file)
        _, status, usage = os.wait4(process.pid, 0)  # the peak of this process alone, which Popen.wait does not tell
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{stage} ended with {process.returncode}:\n{output.read_text(encoding='utf-8')}")
    unit = 2**20 if sys.platform == "darwin" else 2**10  # ru_maxrss: bytes on macOS, KiB on Linux
    return Run(stage, time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / unit)


def compare(texts: int) -> list[Search]:
    """The search of `clean`, then the peer's, on the same texts, for pairs of the same similarity."""
    from stages.cleaners.near import shingles

    near: dict[str, Any] = complete(ROOT / "recipes/messages.yaml")["clean"]["duplicates"]["near"]
    size, threshold = near["shingle_characters"], near["threshold"]
    corpus, planted = texts_and_pairs(texts, SEED)

    def similar(pair: tuple[int, int]) -> bool:
        one, other = (shingles(corpus[row], size) for row in pair)
        return bool(len(one & other) >= threshold * len(one | other))

    def timed(name: str, search: Callable[[], Pairs]) -> Search:
        start = time.perf_counter()
        found = search()
        seconds = time.perf_counter() - start
        return Search(name, seconds, len(found & true) / len(true), sum(map(similar, found)) / max(len(found), 1))

    true = set(filter(similar, planted))
    return [
        timed("clean", lambda: ours(corpus, size, threshold, near["permutations"])),
        timed("datasketch, plain loop", lambda: datasketch(corpus, size, threshold)),
    ]


def ours(texts: Sequence[str], size: int, threshold: float, permutations: int) -> Pairs:
    """Pairs (earlier row, later row) that `stages.cleaners.near` finds."""
    from stages.cleaners import near

    signed = near.signatures(texts, shingle_characters=size, permutations=permutations)
    pairs = near.candidates(signed, threshold=threshold)
    proof = near.proved(pairs, dict(enumerate(texts)), threshold=threshold, shingle_characters=size)
    return {(int(pairs[number, 0]), int(pairs[number, 1])) for number in proof}


def datasketch(texts: Sequence[str], size: int, threshold: float) -> Pairs:
    """Pairs that a loop over the texts finds: insert into MinHashLSH, query, compare the estimates."""
    from datasketch import MinHash, MinHashLSH  # type: ignore[import-untyped]

    from stages.cleaners.near import shingles

    index = MinHashLSH(threshold=threshold, num_perm=PEER_PERMUTATIONS)
    signed, found = [], set()
    for row, text in enumerate(texts):
        minhash = MinHash(num_perm=PEER_PERMUTATIONS)
        for shingle in shingles(text, size):
            minhash.update(shingle.encode())
        signed.append(minhash)
        found |= {(int(other), row) for other in index.query(minhash) if signed[other].jaccard(minhash) >= threshold}
        index.insert(row, minhash)
    return found


def missed(runs: Sequence[Run], searches: Sequence[Search]) -> list[str]:
    """The floors that are not kept."""
    mine, peer = searches
    found = [
        f"{one.stage}: peak of {one.peak_mib:.0f} MiB, over {MAX_PEAK_MIB}"
        for one in runs
        if one.peak_mib > MAX_PEAK_MIB
    ]
    if peer.seconds < MIN_SPEEDUP * mine.seconds:
        found.append(f"near-duplicates: {peer.seconds / mine.seconds:.1f} times as fast, less than {MIN_SPEEDUP}")
    for name in ("recall", "precision"):
        if getattr(mine, name) < getattr(peer, name):
            found.append(f"near-duplicates: {name} {getattr(mine, name):.4f}, below {getattr(peer, name):.4f}")
    return found


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table, all columns but the first to the right."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def show(rows: int, runs: Sequence[Run], texts: int, searches: Sequence[Search]) -> None:
    """Print both tables."""
    seconds, cpu_seconds = sum(one.seconds for one in runs), sum(one.cpu_seconds for one in runs)
    whole = Run("all", seconds, cpu_seconds, max(one.peak_mib for one in runs))
    cells = [
        [
            one.stage,
            f"{one.seconds:.1f}",
            f"{one.cpu_seconds:.1f}",
            f"{rows / one.seconds:,.0f}",
            f"{one.peak_mib:,.0f}",
        ]
        for one in (*runs, whole)
    ]
    header = ["stage", "seconds", "CPU seconds", "rows a second", "peak MiB"]
    report.note(f"{rows:,} rows\n\n{markdown(header, cells)}\n")
    cells = [
        [one.name, f"{one.seconds:.2f}", f"{texts / one.seconds:,.0f}", f"{one.recall:.4f}", f"{one.precision:.4f}"]
        for one in searches
    ]
    header = ["near-duplicates", "seconds", "texts a second", "recall", "precision"]
    times = searches[1].seconds / searches[0].seconds
    report.note(f"{texts:,} texts: {times:.0f} times as fast\n\n{markdown(header, cells)}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and give the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.data", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the line from fetch to split")
    parser.add_argument("--texts", type=int, default=20_000, help="of the search for near-duplicates")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        runs = line(Path(folder), asked.rows)
    searches = compare(asked.texts)
    show(asked.rows, runs, asked.texts, searches)
    failures = missed(runs, searches)
    for failure in failures:
        report.note(f"missed: {failure}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
