"""The classes among the answers as they came: how often each, and which spellings are those of one class."""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from stages.core.errors import UserError

LEAST_ROWS = 10
"""Of a class: fewer rows are too few to train, validate and test on."""
NO_ANSWERS = frozenset({"", "n a", "na", "nan", "null", "nil", "tbd", "todo"})
"""What stands for no answer in tables, folded. `none`, `other` and `unknown` are classes of some data sets."""
ALIKE = 0.83
"""Of `SequenceMatcher.ratio`: from here on two names may be one, such as delivery and delivry."""
RARE = 0.25
"""Of the rows of a class: a spelling that occurs more often is taken for a class of its own."""
SHORTEST_BEGINNING = 3
LONGEST_LIST = 1_000


@dataclass(frozen=True)
class Classes:
    """What stands for which class.

    Attributes:
        rows: class -> rows, those of all its spellings.
        spellings: class -> its spellings as they came -> rows, the most frequent first.
        guessed: spellings that are not the class's name in other letters: what a person should check.
        others: answers that are no class: too rare, or no answer at all -> rows.
    """

    rows: Mapping[str, int]
    spellings: Mapping[str, Mapping[str, int]]
    guessed: Collection[str]
    others: Mapping[str, int]

    def renamed(self, *, casefold: bool) -> dict[str, str]:
        """Spelling -> class, for `clean.labels.map`: those that trimming and, where asked, case do not settle."""
        renamed: dict[str, str] = {}
        for name, spellings in self.spellings.items():
            known = {_as_compared(name, casefold)}
            for spelling in spellings:
                compared = _as_compared(spelling, casefold)
                if compared not in known:
                    renamed[spelling.strip()] = name
                    known.add(compared)
        return renamed


def find_classes(counts: Mapping[str, int], asked: Sequence[str] = ()) -> Classes:
    """Put the spellings of each class together.

    Args:
        counts: answer as it came -> rows.
        asked: the classes, where they are known; else those that occur often enough.

    Raises:
        UserError: fewer than two classes.
    """
    folded: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for answer, rows in counts.items():
        folded[fold(answer)][answer] += rows
    names = {fold(name): name for name in asked} or _frequent(folded)
    homes = {key: home for key in folded if (home := _home(key, folded, names)) is not None}
    spellings: dict[str, Counter[str]] = {name: Counter() for name in names.values()}
    for key, home in homes.items():
        spellings[names[home]].update(folded[key])
    kept = {name: found for name, found in spellings.items() if found or asked}
    if len(kept) < 2:
        seen = ", ".join(f"'{name}' ({rows:,})" for name, rows in Counter(counts).most_common(5))
        raise UserError(
            f"{len(kept)} class with {LEAST_ROWS} rows or more among the answers: {seen or 'there are none'}",
            "name the right column: LABEL=column; of numbers VALUE=column",
        )
    return Classes(
        rows={name: kept[name].total() for name in _ordered(kept)},
        spellings={name: dict(kept[name].most_common()) for name in _ordered(kept)},
        guessed={spelling for key, home in homes.items() if key != home for spelling in folded[key]},
        others={answer: rows for key in folded if key not in homes for answer, rows in folded[key].most_common()},
    )


def fold(answer: str) -> str:
    """What is the same for spellings that differ in case, form of characters, white space and punctuation alone."""
    plain = unicodedata.normalize("NFKC", answer).casefold()
    words = re.findall(r"[^\W_]+", plain)
    return " ".join(words) or plain.strip()


def _as_compared(name: str, casefold: bool) -> str:
    return name.strip().casefold() if casefold else name.strip()


def _frequent(folded: Mapping[str, Counter[str]]) -> dict[str, str]:
    """Folded -> the most frequent spelling, trimmed, of those that occur often enough and look like no other."""
    totals = {key: found.total() for key, found in folded.items() if key not in NO_ANSWERS}
    least = LEAST_ROWS if max(totals.values(), default=0) >= LEAST_ROWS else 1
    kept: dict[str, str] = {}
    for key in sorted(totals, key=lambda key: (-totals[key], key)):
        if totals[key] >= least and _look_alike(key, totals[key], kept, totals) is None:
            kept[key] = folded[key].most_common(1)[0][0].strip()
    return kept


def _home(key: str, folded: Mapping[str, Counter[str]], names: Mapping[str, str]) -> str | None:
    """The class that an answer belongs to: itself, or the only one that it looks like."""
    if key in names or key in NO_ANSWERS:
        return key if key in names else None
    totals = {name: found.total() for name, found in folded.items()}
    return _look_alike(key, totals[key], names, totals)


def _look_alike(key: str, rows: int, names: Iterable[str], totals: Mapping[str, int]) -> str | None:
    """The only one of `names` that a rarer answer may be a spelling of."""
    frequent = [name for name in names if rows <= RARE * totals.get(name, 0)]
    alike = [name for name in frequent if _is_misspelt(key, name)]
    alike = alike or [name for name in frequent if _is_shortened(key, name)]
    return alike[0] if len(alike) == 1 else None


def _is_misspelt(one: str, other: str) -> bool:
    """Whether a letter or two differ: no digit, not the first letter, and no prefix, which may turn the meaning."""
    if one[:1] != other[:1] or re.sub(r"\D", "", one) != re.sub(r"\D", "", other):
        return False
    single = [sorted(word for word in name.split() if len(word) == 1) for name in (one, other)]
    return single[0] == single[1] and SequenceMatcher(None, one, other, autojunk=False).ratio() >= ALIKE


def _is_shortened(one: str, other: str) -> bool:
    """Whether one is the beginning of the other, such as bill and billing, or billing and billing issue."""
    short, long = sorted((one, other), key=len)
    return len(short) >= SHORTEST_BEGINNING and long.startswith(short) and not short[-1].isdigit()


def _ordered(names: Iterable[str]) -> list[str]:
    """By number where all are numbers, else by letter."""
    names = list(names)
    if all(re.fullmatch(r"\d+", name) for name in names):
        return sorted(names, key=int)
    return sorted(names)
