"""What became of a text, word by word: what went and what came, with a few words around."""

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import NamedTuple

WORDS = re.compile(r"\s+|\w+|[^\w\s]")
AROUND = 10
"""Words and spaces that are shown before and after what changed."""
MOST_WORDS = 4_000
"""Of a text: longer ones are told as replaced as a whole."""
LONGEST = 400
"""Characters of a piece that went or came."""
GAP = "…"


class Piece(NamedTuple):
    """A run of words: `kept`, `gone` or `new`."""

    kind: str
    text: str


def edits(before: str, after: str) -> list[Piece]:
    """The pieces in order; of what both have only the words around a change, with `…` for the rest."""
    first, second = WORDS.findall(before), WORDS.findall(after)
    if len(first) > MOST_WORDS or len(second) > MOST_WORDS:
        return [Piece("gone", _cut(before)), Piece("new", _cut(after))]
    found = []
    blocks = SequenceMatcher(None, first, second, autojunk=False).get_opcodes()
    for number, (kind, start, end, begin, stop) in enumerate(blocks):
        if kind == "equal":
            ends = (number == 0, number == len(blocks) - 1)
            found.append(Piece("kept", _around(first[start:end], *ends)))
        else:
            found += _changed("".join(first[start:end]), "".join(second[begin:stop]))
    return found


def _changed(gone: str, new: str) -> Iterator[Piece]:
    if gone:
        yield Piece("gone", _cut(gone))
    if new:
        yield Piece("new", _cut(new))


def _around(words: list[str], is_first: bool, is_last: bool) -> str:
    """The words beside a change: of the first piece the last ones, of the last piece the first ones."""
    if is_first and is_last:
        return "".join(words)
    head, tail = words[: 0 if is_first else AROUND], words[len(words) if is_last else -AROUND :]
    if len(head) + len(tail) >= len(words):
        return "".join(words)
    return "".join([*head, GAP, *tail])


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}{GAP}"
