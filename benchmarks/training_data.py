"""Sentences with two classes for benchmarks/training.py: SST-2 from REAL_DATA, or generated ones."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks import corpus

LABELS = ("negative", "positive")
SPLITS = {"train": "train.tsv", "validation": "dev.tsv", "test": "test.tsv"}
HELD_OUT = {"validation": 872, "test": 1821}
"""Rows of SST-2's own sets; of few training rows no more are taken than these."""
WORDS = (4, 40)  # lowest, one past the highest: 22 on average, about as long as SST-2's sentences
POLAR = 400
POLAR_SHARE, OWN_SHARE = 0.15, 0.75
"""Of a generated text's words: those that stand for a class, and of these the ones of its own class."""


def write(folder: Path, rows: int, seed: int, words: tuple[int, int] | None = None) -> str:
    """Write train.tsv, dev.tsv and test.tsv (`text<TAB>0|1`) with `rows` rows for training; what they are.

    With `words` (fewest, one past the most) they are generated, as where REAL_DATA holds no SST-2.
    """
    folder.mkdir(parents=True)
    real = Path(os.environ.get("REAL_DATA", "")) / "sst2"
    found = words is None and "REAL_DATA" in os.environ and real.is_dir()
    for number, (split, name) in enumerate(SPLITS.items()):
        wanted = rows if split == "train" else min(rows, HELD_OUT[split])
        rng = np.random.default_rng([seed, number])
        lines = _drawn(real / name, wanted, rng) if found else list(_generated(wanted, rng, words or WORDS))
        (folder / name).write_text("".join(lines), encoding="utf-8")
    return "SST-2 sentences" if found else "generated sentences"


def _drawn(path: Path, rows: int, rng: np.random.Generator) -> list[str]:
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    return [lines[row] for row in np.sort(rng.permutation(len(lines))[:rows])]


def _generated(rows: int, rng: np.random.Generator, lengths: tuple[int, int]) -> Iterator[str]:
    words = [first + second for second in corpus.SYLLABLES[:60] for first in corpus.SYLLABLES[:100]]
    polar, plain = np.array(words[:POLAR]).reshape(len(LABELS), -1), np.array(words[POLAR:])
    for _ in range(rows):
        label, count = int(rng.integers(len(LABELS))), int(rng.integers(*lengths))
        text = plain[rng.integers(0, len(plain), count)]
        chosen = rng.random(count) < POLAR_SHARE
        kinds = np.where(rng.random(count) < OWN_SHARE, label, 1 - label)
        text = np.where(chosen, polar[kinds, rng.integers(0, polar.shape[1], count)], text)
        yield f"{' '.join(text)}\t{label}\n"
