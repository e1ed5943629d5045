"""Outliers among cleaned texts: odd lengths, scripts and languages. Factories that return a check on texts (N)."""

import unicodedata
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import Field

from stages.core.blocks import Count, Share
from stages.core.errors import UserError

Mask = npt.NDArray[np.bool_]
Check = Callable[[Sequence[str], npt.NDArray[np.float64]], Mask]
"""From N texts, and the logarithms of the lengths of ALL texts of the data set, to N verdicts."""


def length(*, z: Annotated[float, Field(gt=0)]) -> Check:
    """The logarithm of the length lies more than `z` standard deviations from the mean of all."""

    def check(texts: Sequence[str], all_log_lengths: npt.NDArray[np.float64]) -> Mask:
        spread = float(all_log_lengths.std()) or 1.0
        own = np.log1p(np.fromiter((len(text) for text in texts), dtype=np.float64, count=len(texts)))
        far: Mask = np.abs(own - all_log_lengths.mean()) > z * spread
        return far

    return check


def script(*, script: str, min_share: Share) -> Check:
    """Fewer than `min_share` of the letters belong to the script (LATIN, CJK, CYRILLIC, ARABIC, …, as Unicode
    names its characters); a text without letters is no outlier."""
    name = script.upper()
    if not any(unicodedata.name(chr(code), "").startswith(name + " ") for code in range(0x41, 0x20000, 8)):
        raise UserError(
            f"params.yaml: clean.outliers.checks.script.script: no such script: {script!r}",
            "LATIN, CJK, CYRILLIC, …",
        )
    belongs = lru_cache(maxsize=65_536)(lambda letter: unicodedata.name(letter, "").startswith(name + " "))

    def odd(text: str) -> bool:
        if text.isascii() and name == "LATIN":
            return False
        letters = [letter for letter in text if letter.isalpha()]
        return bool(letters) and sum(map(belongs, letters)) < min_share * len(letters)

    return lambda texts, _: np.fromiter((odd(text) for text in texts), dtype=bool, count=len(texts))


def language(*, language: str, min_confidence: Share, min_characters: Count) -> Check:
    """Another language is recognised (py3langid) with at least that confidence, in a text of at least that length."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    if language not in identifier.labels:
        raise UserError(
            f"params.yaml: clean.outliers.checks.language.language: unknown code {language!r}",
            f"ISO 639-1: {', '.join(sorted(identifier.labels))}",
        )

    def odd(text: str) -> bool:
        if len(text) < min_characters:
            return False
        found, confidence = identifier.classify(text)
        return bool(found != language and confidence >= min_confidence)

    return lambda texts, _: np.fromiter((odd(text) for text in texts), dtype=bool, count=len(texts))
