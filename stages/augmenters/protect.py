"""Words that carry the label: found in a text, whatever their case."""

import re
from collections.abc import Sequence

CJK = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
"""Scripts without spaces between words (Chinese, Japanese), as a character class of a regular expression."""

AUXILIARIES = "do|does|did|is|are|was|were|have|has|had|ca|wo|could|would|should|must|need|ai"


class Protected:
    """The protected words of `augment.limits`; `word in protected` is what nlpaug asks of its stop words.

    An entry is a whole word. One with an apostrophe is an ending: `n't` covers "don't", "can’t" and, as
    people type them, "dont" and "cant". An entry in a script without spaces is found inside a run of letters.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(words)
        patterns = [_pattern(word.strip()) for word in self.words if word.strip()]
        self._pattern = re.compile("|".join(patterns) or r"(?!)", re.IGNORECASE)

    def __contains__(self, token: object) -> bool:
        return isinstance(token, str) and self._pattern.search(token) is not None

    def found(self, text: str) -> list[str]:
        """The protected words of `text` in their order, in lower case, with straight apostrophes."""
        return [found.replace("’", "'").lower() for found in self._pattern.findall(text)]


def _pattern(word: str) -> str:
    escaped = re.escape(word.replace("’", "'")).replace("'", "['’]")
    if re.search(f"[{CJK}]", word):
        return escaped
    if "'" not in word and "’" not in word:
        return rf"(?<!\w){escaped}(?!\w)"
    typed = rf"|(?<!\w)(?:{AUXILIARIES})nt(?!\w)" if word.replace("’", "'").lower() == "n't" else ""
    return rf"(?<!\w)\w*{escaped}(?!\w){typed}"


NOTHING = Protected([])
