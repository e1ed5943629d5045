"""Outliers: odd lengths, scripts and languages."""

from typing import Any

import numpy as np
import pytest

from stages.cleaners import OUTLIERS
from stages.core import registry
from stages.core.errors import UserError


def odd(name: str, texts: list[str], **options: Any) -> list[bool]:
    logs = np.log1p(np.array([len(text) for text in texts], dtype=np.float64))
    mask = registry.build(OUTLIERS, name, options, f"clean.outliers.checks.{name}")(texts, logs)
    assert mask.dtype == bool
    return list(mask)


def test_a_length_far_from_the_others_is_odd() -> None:
    texts = ["x" * 50, "x" * 60] * 20 + ["x" * 5000]
    assert odd("length", texts, z=5.0) == [False] * 40 + [True]
    assert not any(odd("length", texts, z=10.0))


def test_equal_lengths_are_not_odd() -> None:
    assert odd("length", ["abc", "xyz"], z=0.1) == [False, False]


@pytest.mark.parametrize(
    ("script", "text", "expected"),
    [
        ("LATIN", "plain text", False),
        ("LATIN", "naïve café, 5 €", False),
        ("LATIN", "где мой заказ", True),
        ("LATIN", "order заказ", False),
        ("LATIN", "ab где", True),
        ("LATIN", "12345 :-) 👍", False),
        ("LATIN", "", False),
        ("CJK", "新闻标题", False),
        ("CJK", "plain", True),
        ("cyrillic", "где мой заказ", False),
    ],
)
def test_a_text_in_another_script_is_odd(script: str, text: str, expected: bool) -> None:
    assert odd("script", [text], script=script, min_share=0.5) == [expected]


def test_an_unknown_script_is_refused() -> None:
    with pytest.raises(UserError, match=r"clean\.outliers\.checks\.script\.script: no such script: 'LATN'"):
        odd("script", [], script="LATN", min_share=0.5)


GERMAN = "Leider ist mein Paket noch immer nicht angekommen, obwohl es seit Montag unterwegs ist."
ENGLISH = "Unfortunately my parcel has still not arrived although it has been on its way since Monday."


def test_a_text_in_another_language_is_odd() -> None:
    texts = [ENGLISH, GERMAN, "Leider nicht"]
    assert odd("language", texts, language="en", min_confidence=0.95, min_characters=40) == [False, True, False]


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(UserError, match=r"clean\.outliers\.checks\.language\.language: unknown code 'english'"):
        odd("language", [], language="english", min_confidence=0.9, min_characters=1)
