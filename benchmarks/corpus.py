"""Generated messages for measurements: word frequencies as in a language, planted near-duplicates, some faults."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt

LABELS = ("negative", "neutral", "positive")
HEADER = ("message_id", "date", "author", "message", "sentiment")
WORDS = 20_000
WORDS_A_TEXT = (12, 29)  # lowest, one past the highest: 20 on average
PLANTED_SHARE = 0.02
BATCH = 10_000
START = date(2020, 1, 1)
DAYS = 2_000
ROWS_AN_AUTHOR = 5

SYLLABLES = [a + b + c for a in "bcdfghlmnprstvw" for b in "aeiou" for c in ("", "n", "r", "s", "t")]


@dataclass(frozen=True)
class Batch:
    """Rows in the columns of HEADER, and the row numbers (original, copy) of the near-duplicates among them."""

    rows: list[list[str]]
    pairs: list[tuple[int, int]]


def vocabulary(rng: np.random.Generator) -> list[str]:
    """WORDS different words, the frequent ones short."""
    words = dict.fromkeys(SYLLABLES[:60])
    while len(words) < WORDS:
        count = 1 + int(rng.integers(3))
        words["".join(SYLLABLES[number] for number in rng.integers(0, len(SYLLABLES), count))] = None
    return list(words)


def batches(rows: int, seed: int) -> Iterator[Batch]:
    """The rows of a corpus: each batch depends on (seed, its number) only."""
    words = np.array(vocabulary(np.random.default_rng(seed)), dtype=object)
    weights = 1 / (np.arange(len(words)) + 2.7)  # Zipf and Mandelbrot
    cumulated = np.cumsum(weights)
    for start in range(0, rows, BATCH):
        rng = np.random.default_rng([seed, start])
        count = min(BATCH, rows - start)
        lengths = rng.integers(*WORDS_A_TEXT, count)
        drawn = words[np.searchsorted(cumulated, rng.random(lengths.sum()) * cumulated[-1])]
        texts = [part.tolist() for part in np.split(drawn, np.cumsum(lengths)[:-1])]
        pairs = _plant(texts, words, rng)
        faulty = sorted({*range(count)} - {row for pair in pairs for row in pair})
        authors = rng.integers(0, max(rows // ROWS_AN_AUTHOR, 1), count)
        days, labels = rng.integers(0, DAYS, count), rng.integers(0, len(LABELS), count)
        columns = zip(days.tolist(), authors.tolist(), texts, labels.tolist(), strict=True)
        table = [
            [f"m{row:07d}", str(START + timedelta(day)), f"a{author}", " ".join(text), LABELS[label]]
            for row, (day, author, text, label) in enumerate(columns, start)
        ]
        _spoil(table, faulty, rng)
        yield Batch(table, [(start + one, start + other) for one, other in pairs])


def _plant(texts: list[list[str]], words: npt.NDArray[np.object_], rng: np.random.Generator) -> list[tuple[int, int]]:
    """Overwrite some texts with copies of others in which one or two words are changed; pairs are disjoint."""
    count = int(len(texts) * PLANTED_SHARE)
    rows = rng.permutation(len(texts))[: 2 * count].reshape(count, 2)
    pairs = [(int(min(pair)), int(max(pair))) for pair in rows]
    for original, copy in pairs:
        texts[copy] = list(texts[original])
        for place in rng.choice(len(texts[copy]), rng.integers(1, 3), replace=False):
            texts[copy][place] = words[rng.integers(len(words))]
    return pairs


def _spoil(table: list[list[str]], rows: list[int], rng: np.random.Generator) -> None:
    """Faults as in real life, a few in a hundred rows: in `rows` only, so that planted pairs stay what they are."""
    text, label = HEADER.index("message"), HEADER.index("sentiment")
    for row, fault in zip(rows, rng.integers(0, 200, len(rows)), strict=True):
        match int(fault):
            case 0:
                table[row][text] = "  "
            case 1:
                table[row][label] = ""
            case 2:
                table[row][label] = "postive"
            case 3:
                table[row][label] = "unsure"
            case 4 | 5:
                table[row][text] = f"<p>{table[row][text]} &amp; more</p>"
            case 6 | 7:
                table[row][text] += " donâ€™t"
            case 8 | 9:
                table[row][text] = table[rows[0]][text] if fault == 8 else f"{table[row][text]}\u200b  \x07"
            case n if n < 20:
                table[row][text] += " – café 👍"


def write_csv(path: Path, rows: int, seed: int) -> int:
    """Write a corpus of that many rows batch by batch; the number of planted pairs."""
    planted = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for batch in batches(rows, seed):
            writer.writerows(batch.rows)
            planted += len(batch.pairs)
    return planted


def texts_and_pairs(rows: int, seed: int) -> tuple[list[str], list[tuple[int, int]]]:
    """The texts of a corpus, and the row numbers of its planted pairs."""
    found = list(batches(rows, seed))
    place = HEADER.index("message")
    return [row[place] for batch in found for row in batch.rows], [pair for batch in found for pair in batch.pairs]
