"""What benchmarks/training.py measures: rows of its table, a section at a time.

Each timed thing is a process of its own; ours and the peer's take turns, and medians are compared.
"""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.data import SEED
from benchmarks.training_line import Line, Repository, Timed

HEAD_EPOCHS = 20
HEAD_LR, FULL_LR, LAST_LR, LORA_LR = 1e-3, 1e-4, 1e-4, 5e-4
TURNS = 2
RESAMPLES = 2_000
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Row:
    """A comparison; `times`, how many times better ours is, is judged by `goal` where there is one.

    `worse` judges an accuracy.
    """

    what: str
    unit: str
    ours: float
    peer: float
    times: float | None = None
    goal: float | None = None
    note: str = ""
    worse: bool = False

    @property
    def missed(self) -> bool:
        """Whether the goal is not reached."""
        return self.worse or (self.goal is not None and self.times is not None and self.times < self.goal)


Peer = Callable[[], Timed]


def turns(ours: Peer, peer: Peer, count: int = TURNS) -> tuple[list[Timed], list[Timed]]:
    """Each in turn, `count` times."""
    found = [(ours(), peer()) for _ in range(count)]
    return [one for one, _ in found], [other for _, other in found]


def rates(what: str, ours: Sequence[Timed], peer: Sequence[Timed], goal: float | None, note: str = "") -> Row:
    """A row of samples a second."""
    mine, theirs = (statistics.median(one.rate for one in runs) for runs in (ours, peer))
    return Row(what, "samples/s", mine, theirs, mine / theirs, goal, note)


def seconds(what: str, ours: float, peer: float, goal: float, note: str) -> Row:
    """A row of seconds."""
    return Row(what, "seconds", ours, peer, peer / ours, goal, note)


def peaks(what: str, ours: Sequence[Timed], peer: Sequence[Timed]) -> Row:
    """A row of peak memory, which has no goal."""
    mine, theirs = (statistics.median(one.peak_mib for one in runs) for runs in (ours, peer))
    return Row(what, "peak MiB", mine, theirs, theirs / mine, note="of the whole process")


def head(line: Line, folder: Path) -> list[Row]:
    """Training from cached features, the whole experiment, its accuracy, and the encoding.

    Trainer runs one epoch a turn, as all take the same time; the others are extrapolated.
    """
    line.set(strategy="head", epochs=HEAD_EPOCHS, lr=HEAD_LR)
    repository = Repository(folder, line.asked, epochs=HEAD_EPOCHS)
    first, _ = repository.experiment(strategy="head", lr=HEAD_LR)
    whole: list[float] = []
    encoded: list[Timed] = []

    def ours() -> Timed:
        # another lr each time: DVC would know the results of one that it has run
        seconds, said = repository.experiment(strategy="head", lr=HEAD_LR * (1.1 + len(whole) / 10))
        if "'encode' didn't change, skipping" not in said:
            raise RuntimeError(f"encode ran again:\n{said}")
        whole.append(seconds)
        encoded.append(line.clocked("encode"))
        return line.clocked("finetune")

    mine, peers = turns(ours, lambda: line.peer("head", lr=HEAD_LR, epochs=1))
    rate, experiment = (statistics.median(values) for values in ([one.rate for one in peers], whole))
    trained = HEAD_EPOCHS * line.rows / statistics.median(one.rate for one in mine)
    missing = (HEAD_EPOCHS - 1) * line.rows / rate
    script = statistics.median(one.seconds for one in peers) + missing
    said = f"{line.rows:,} rows; of Trainer {TURNS} epochs are measured, the others extrapolated"
    return [
        seconds(f"head: {HEAD_EPOCHS} epochs of training", trained, HEAD_EPOCHS * line.rows / rate, 100, said),
        seconds("head: dvc exp run, script", experiment, script, 15, f"{said}; ours with encode: {first:.0f} s"),
        rates("head: encoding", encoded, peers, 3, "Trainer: its frozen epoch"),
        accuracy("head: logistic regression", [line.evaluated()], [line.logistic()], kept_when=lambda d, _: d >= 0),
    ]


def last_layers(line: Line, epochs: int) -> list[Row]:
    """An epoch of the last blocks, from stored hidden states."""
    found = []
    for count, goal in ((1, 4), (2, 2.5)):
        line.set(strategy="last_layers", encode__last_layers=count, epochs=epochs, lr=LAST_LR)
        once = f"encoded once, in {line.clocked('encode').work_s:.0f} s"
        peer = partial(line.peer, f"last:{count}", lr=LAST_LR, epochs=epochs)
        mine, peers = turns(lambda: line.clocked("finetune"), peer)
        found.append(rates(f"last_layers {count}", mine, peers, goal, once))
    return found


def full(line: Line, epochs: int, seeds: int) -> list[Row]:
    """An epoch of every weight, and the accuracy after all of them; a turn a seed."""
    line.set()
    line.run("encode")
    rights: list[dict[str, bool]] = []
    peer_seeds = iter(range(SEED, SEED + seeds))

    def ours() -> Timed:
        line.set(epochs=epochs, lr=FULL_LR, seed=SEED + len(rights))
        found = line.clocked("finetune")
        rights.append(line.evaluated())
        return found

    mine, peers = turns(ours, lambda: line.peer("all", lr=FULL_LR, epochs=epochs, seed=next(peer_seeds)), seeds)
    tuned = [line.peer("all", lr=FULL_LR, epochs=1, tuned=True)]
    note = f"{seeds} seeds, {epochs} epochs"
    return [
        rates("full", mine, peers, 2),
        rates("full, Trainer tuned", mine, tuned, None, "batches of like length, no attention dropout"),
        accuracy("full", rights, [one.right for one in peers], note, kept_when=lambda _, high: high >= 0),
        peaks("full", mine, peers),
    ]


def lora(line: Line, epochs: int) -> list[Row]:
    """An epoch of LoRA, and its memory."""
    line.set(strategy="lora", epochs=epochs, lr=LORA_LR)
    line.run("encode")
    mine, peers = turns(lambda: line.clocked("finetune"), lambda: line.peer("lora", lr=LORA_LR, epochs=epochs))
    return [rates("lora", mine, peers, None, "peft with Trainer"), peaks("lora", mine, peers)]


def accuracy(
    what: str,
    ours: Sequence[dict[str, bool]],
    peer: Sequence[dict[str, bool]],
    note: str = "",
    *,
    kept_when: Callable[[float, float], bool],
) -> Row:
    """A row of mean test accuracies; `kept_when` judges the difference by itself and its upper end."""
    mine, theirs = (statistics.mean(sum(one.values()) / len(one) for one in side) for side in (ours, peer))
    found, low, high = difference(ours, peer)
    said = f"difference {found:+.4f} ({low:+.4f} to {high:+.4f}: 95 % by bootstrap over test samples and seeds)"
    note = "; ".join(filter(None, [note, said]))
    return Row(what, "accuracy", mine, theirs, note=note, worse=not kept_when(found, high))


def difference(ours: Sequence[dict[str, bool]], peer: Sequence[dict[str, bool]]) -> tuple[float, float, float]:
    """Mean accuracy of ours less the peer's, with its interval, by a bootstrap (percentiles of RESAMPLES).

    Each resample draws test samples, the same for all models (so that the difference is paired), and for either side
    as many of its seeds as it has, with replacement (a seed of ours has nothing in common with that of a peer).
    """
    ids = sorted(ours[0])
    mine, theirs = (np.array([[one[i] for i in ids] for one in side], dtype=np.float64) for side in (ours, peer))
    rng = np.random.default_rng(SEED)
    counts = rng.multinomial(len(ids), np.full(len(ids), 1 / len(ids)), RESAMPLES)
    drawn = resampled(mine, counts, rng) - resampled(theirs, counts, rng)
    low, high = np.quantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(mine.mean() - theirs.mean()), float(low), float(high)


def resampled(
    right: npt.NDArray[np.float64], counts: npt.NDArray[np.int64], rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Mean accuracies (R,) of some of the seeds (S, N) on samples that occur `counts` (R, N) times."""
    each = right @ counts.T / right.shape[1]
    chosen = rng.integers(0, len(right), (len(right), counts.shape[0]))
    found: npt.NDArray[np.float64] = np.take_along_axis(each, chosen, axis=0).mean(axis=0)
    return found
