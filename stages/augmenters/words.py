"""A text as words and the gaps between them: an augmenter changes words, and the rest stays as it was."""

import re
import unicodedata
from collections.abc import Iterator, Sequence

from stages.augmenters.protect import CJK, NOTHING, Protected

WORD = r"(?P<word>[^\W\d_][^\W_]*(?:['’][^\W_]+)*)"
NUMBER = rf"\d(?:(?![{CJK}])[\w.,:])*"
UNSPACED = re.compile(f"[{CJK}]")


class Word(str):
    """A word that knows its position in the text."""

    __slots__ = ("position",)
    position: int


class Words:
    """nlpaug's tokenizer and its reverse, in one object that remembers the text last divided.

    nlpaug's own pair puts spaces around apostrophes and drops line breaks. Here white space, punctuation,
    emoji and numbers are gaps: no augmenter sees them, and they are put back as they were. Chinese and
    Japanese runs are divided by jieba.

    Args:
        phrases: expressions that count as one word.
        glue: a protected word and its neighbours count as one, so that "not good" moves, or stays, together.
        keep_case: a word that takes another's place takes over its capital, or capitals.
    """

    def __init__(self, *, phrases: Sequence[str] = (), glue: bool = False, keep_case: bool = False) -> None:
        ordered = sorted(phrases, key=lambda phrase: (-len(phrase), phrase))  # the longest match comes first
        spaced = [rf"(?<!\w){re.escape(phrase)}(?!\w)" for phrase in ordered if not UNSPACED.search(phrase)]
        unspaced = [re.escape(phrase) for phrase in ordered if UNSPACED.search(phrase)]
        self._pattern = re.compile("|".join([f"(?P<phrase>{'|'.join(spaced) or '(?!)'})", WORD, NUMBER]), re.IGNORECASE)
        self._unspaced = re.compile(f"({'|'.join(unspaced)})" if unspaced else "((?!))")
        self._glue, self._keep_case = glue, keep_case
        self._words: list[str] = []
        self._gaps = [""]
        self.protected: Protected = NOTHING

    def split(self, text: str) -> list[str]:
        """The words of `text`."""
        matches = (found for found in self._pattern.finditer(text) if found["word"] or found["phrase"])
        spans = [span for found in matches for span in self._spans(found)]
        spans = self._merged(text, spans) if self._glue else spans
        edges = [0, *(edge for span in spans for edge in span), len(text)]
        self._gaps = [text[edges[i] : edges[i + 1]] for i in range(0, len(edges), 2)]
        self._words = []
        for position, (start, end) in enumerate(spans):
            self._words.append(word := Word(text[start:end]))
            word.position = position
        return list(self._words)

    def join(self, words: Sequence[str]) -> str:
        """The text with `words` for its own: as many, fewer (some left out), or more (some divided)."""
        if len(words) < len(self._words):
            return self._without(words)
        if len(words) == len(self._words):
            before = self._gaps[:-1]
            words = list(map(_with_case, self._words, words)) if self._keep_case else words
        else:
            before = list(self._gaps_of_divided(words))
        pieces = [piece for gap, word in zip(before, words, strict=True) for piece in (gap, word)]
        return "".join([*pieces, self._gaps[-1]])

    def _without(self, words: Sequence[str]) -> str:
        # A word that nlpaug made is the second one, given the capital of the first, which is left out.
        kept = {word.position if isinstance(word, Word) else 1: word for word in words}
        pieces: list[str] = []
        gap = self._gaps[0]
        for position, after in enumerate(self._gaps[1:]):
            if position in kept:
                pieces += [gap, kept[position]]
                gap = after
            else:
                gap = _one_gap(gap, after, at_start=not pieces)
        return "".join([*pieces, gap])

    def _gaps_of_divided(self, words: Sequence[str]) -> Iterator[str]:
        position, second = 0, False
        for word in words:
            whole = isinstance(word, Word)
            yield " " if second else self._gaps[position]
            position += whole or second
            second = not whole and not second

    def _spans(self, found: re.Match[str]) -> Iterator[tuple[int, int]]:
        start, end = found.span()
        if not UNSPACED.search(found.group()):
            yield start, end
            return
        import jieba

        jieba.setLogLevel("WARNING")  # else it reports the loading of its dictionary
        for number, piece in enumerate(self._unspaced.split(found.group())):
            for word in [piece] if number % 2 else jieba.cut(piece):
                yield start, (start := start + len(word))

    def _merged(self, text: str, spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
        merged: list[tuple[int, int]] = []
        last_protected = False
        for start, end in spans:
            protected = text[start:end] in self.protected
            if merged and (protected or last_protected) and not text[merged[-1][1] : start].strip():
                merged[-1] = (merged[-1][0], end)
            else:
                merged.append((start, end))
            last_protected = protected
        return merged


def _one_gap(before: str, after: str, *, at_start: bool) -> str:
    """What remains around a word that is left out: emoji and numbers all, punctuation once."""
    if _carries_meaning(before):
        return before.rstrip() + after
    if at_start:
        return before + (after.lstrip() if _carries_meaning(after) else "")
    return after if after.strip() or not before.strip() else before


def _carries_meaning(gap: str) -> bool:
    return any(not character.isspace() and unicodedata.category(character)[0] != "P" for character in gap)


def _with_case(before: str, after: str) -> str:
    if after.lower() == before.lower():
        return before
    if before.isupper() and len(before) > 1:
        return after.upper()
    return after[:1].upper() + after[1:] if before[:1].isupper() else after
