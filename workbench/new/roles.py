"""Which column is the text, which the class or value, the group, date and split: a guess by names and values."""

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from stages.core.errors import UserError
from stages.core.registry import nearest
from workbench.new.columns import Column
from workbench.new.recognise import SPLITS

Role = Literal["text", "text_pair", "label", "value", "group", "date", "split"]

Score = Callable[[Column], float]

WORDS = {
    "text": re.compile(
        r"text|body|message|content|comment|review|sentence|question|tweet|post|description|utterance|query|document|"
        r"abstract|article|title|subject|headline|prompt|input|note|feedback|内容|标题|文本|评论"
    ),
    "label": re.compile(
        r"labels?|class|categor(y|ies)|topic|sentiment|intent|target|tag|type|kind|department|queue|polarity|emotion|"
        r"stance|gold|annotation|answer|y|cat|status|priority|section|genre|kategorie|klasse|标签|类别"
    ),
    "value": re.compile(r"score|value|rating|stars|price|similarity|relatedness|points|grade|amount"),
    "group": re.compile(
        r"customer|user|author|patient|speaker|client|account|session|thread|conversation|writer|person|group|company|"
        r"sender|household|family|kunde|autor"
    ),
}
"""Role -> words of names that such columns have elsewhere."""
PAIRS = (
    ("sentence1", "sentence2"),
    ("sentence_a", "sentence_b"),
    ("sentence1", "sentence_2"),
    ("question1", "question2"),
    ("premise", "hypothesis"),
    ("text_a", "text_b"),
    ("text1", "text2"),
    ("text", "text_pair"),
    ("query", "passage"),
    ("context", "response"),
)
MOST_CLASSES = 200
FEW_ROWS_A_CLASS = 3
"""A column of classes has at least so many rows a value."""
MOST_SHARED = 0.1
"""Of the groups: if the source's own splits share more, its splits were not made by them."""
VALUES = 20
"""A number with more different values is an answer to regress, not a class."""


@dataclass(frozen=True)
class Roles:
    """The columns that were taken, by role."""

    taken: dict[Role, Column] = field(default_factory=dict)

    def name(self, role: Role) -> str | int | None:
        """The name of the column in a role."""
        return self.taken[role].name if role in self.taken else None

    def role_of(self, name: str | int) -> str:
        """What a column is taken as; empty where it is not."""
        return next((role for role, column in self.taken.items() if column.name == name), "")


Asked = dict[Role, str]
"""Role -> the column that a flag names; `none`: there is no such column."""


@dataclass(frozen=True)
class Wanted:
    """What flags say in place of guesses: columns, classes, model and strategy."""

    columns: Asked = field(default_factory=dict)
    labels: Sequence[str] = ()
    model: str = ""
    strategy: str = ""


def guess(columns: Sequence[Column], asked: Asked) -> Roles:
    """Flags go first; what they leave open is guessed, each column for one role.

    Raises:
        UserError: a flag names no column.
    """
    taken: dict[Role, Column] = {}
    for role, name in asked.items():
        if name.casefold() != "none":
            taken[role] = _named(columns, name, role)
    left = [column for column in columns if column.filled and column not in taken.values()]

    def take(role: Role, column: Column | None) -> None:
        if column is not None and role not in taken and role not in asked:
            taken[role] = column
            left.remove(column)

    take("split", _best(left, _as_split))
    if not {"label", "value"} & set(taken):
        role, column = _answer(left, asked)
        take(role, column)
    if "text" not in asked:
        first, second = _pair(left)
        take("text", first)
        take("text_pair", second)
    take("text", _best(left, _as_text))
    take("group", _best([column for column in left if not _crosses(column, taken.get("split"))], _as_group))
    take("date", _best(left, _as_date))
    return Roles(taken)


def _answer(columns: Sequence[Column], asked: Asked) -> tuple[Role, Column | None]:
    """The better one of the likeliest class and the likeliest value."""
    label = None if "label" in asked else _best(columns, _as_label)
    value = None if "value" in asked else _best(columns, _as_value)
    if value is not None and (label is None or _as_value(value) > _as_label(label)):
        return "value", value
    return "label", label


def _named(columns: Sequence[Column], name: str, role: str) -> Column:
    found = next((column for column in columns if str(column.name) == name), None)
    if found is None:
        names = [str(column.name) for column in columns]
        raise UserError(
            f"{role.upper()}={name}: no such column{nearest(name, names)}", f"there are: {', '.join(names)}"
        )
    return found


def _best(columns: Sequence[Column], score: Score) -> Column | None:
    """The column with the highest score above zero, the first of equal ones."""
    best = max(columns, key=score, default=None)
    return best if best is not None and score(best) > 0 else None


def _fits(column: Column, role: str) -> float:
    """0 to 1: how well the column's name fits a role, by its words."""
    name = str(column.name).casefold().strip()
    if WORDS[role].fullmatch(name):
        return 1.0
    return 0.7 if any(WORDS[role].fullmatch(word) for word in re.split(r"[\W_]+", name)) else 0.0


def _as_text(column: Column) -> float:
    """Long and different values; numbers, dates and names of files are none."""
    if column.is_number or column.date_format or column.names_files or column.distinct < 2:
        return 0.0
    typical = float(sorted(column.lengths)[len(column.lengths) // 2])
    if typical < 4 or (column.words < 2 and typical < 12 and not _fits(column, "text")):
        return 0.0
    return 2 * _fits(column, "text") + math.log10(typical) + column.distinct / column.filled


def _as_label(column: Column) -> float:
    """Few values, each often: named like a class, or else short words."""
    if not 2 <= column.distinct <= max(MOST_CLASSES, 2):
        return 0.0
    if column.date_format or column.names_files or column.repeats < FEW_ROWS_A_CLASS:
        return 0.0
    fits = _fits(column, "label")
    if column.is_number and (not column.is_whole or column.distinct > VALUES) and not fits:
        return 0.0
    if not fits and (column.words > 3 or _fits(column, "group") or _fits(column, "value")):
        return 0.0
    return 2 * fits + 0.5 * (not column.is_number) + 1 / (1 + math.log2(column.distinct)) + 0.1 * column.share_filled


def _as_value(column: Column) -> float:
    """Numbers named like an answer, or with decimals."""
    if not column.is_number or column.distinct <= 2:
        return 0.0
    fits = _fits(column, "value")
    if not fits and column.is_whole:
        return 0.0
    many = column.distinct > VALUES or not column.is_whole
    return (2 * fits + 0.3) if many else 0.9 * fits


def _as_group(column: Column) -> float:
    """Repeated values under a name of people or of what holds several rows together; ids of rows do not repeat."""
    fits = _fits(column, "group")
    if not fits or column.repeats < 1.05 or column.distinct < 2 or column.date_format:
        return 0.0
    return fits


def _crosses(group: Column, split: Column | None) -> bool:
    """Whether the source's own splits share most of the groups: then the splits hold, and groups mean nothing."""
    if split is None:
        return False
    pairs = Counter(zip(group.values.to_pylist(), split.values.to_pylist(), strict=True))
    homes = Counter(name for name, _ in pairs)
    return sum(count > 1 for count in homes.values()) > MOST_SHARED * len(homes)


def _as_date(column: Column) -> float:
    return float(bool(column.date_format)) * column.share_filled


def _as_split(column: Column) -> float:
    """Values that are names of splits, all of them."""
    if not 2 <= column.distinct <= 3 or any(value.casefold() not in SPLITS for value in column.counts):
        return 0.0
    return 1.0


def _pair(columns: Sequence[Column]) -> tuple[Column | None, Column | None]:
    """Two columns whose names are known to go together."""
    by_name = {re.sub(r"[^a-z0-9]", "", str(column.name).casefold()): column for column in columns}
    for one, other in PAIRS:
        first, second = (by_name.get(name.replace("_", "")) for name in (one, other))
        if first is not None and second is not None and _as_text(first) and _as_text(second):
            return first, second
    return None, None
