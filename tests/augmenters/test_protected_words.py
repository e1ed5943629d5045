"""Which words of a text are protected."""

import pytest

from stages.augmenters.protect import NOTHING, Protected

WORDS = Protected(["no", "not", "never", "n't", "不"])


@pytest.mark.parametrize("word", ["no", "NOT", "Never", "don't", "can’t", "DIDN'T", "dont", "wont", "Isnt", "不好"])
def test_a_protected_word_is_known_in_any_case_and_spelling(word: str) -> None:
    assert word in WORDS


@pytest.mark.parametrize("word", ["know", "nothing", "note", "want", "ant", "font", "restaurant", "好", "", None, 7])
def test_other_words_are_not(word: object) -> None:
    assert word not in WORDS


def test_they_are_found_in_order_and_comparable() -> None:
    assert WORDS.found("NO, I can’t and dont. Not-so-good") == ["no", "can't", "dont", "not"]


def test_without_words_nothing_is_protected() -> None:
    assert NOTHING.found("not, no, never") == []
    assert "" not in Protected(["", " "])


def test_signs_in_an_entry_mean_themselves() -> None:
    assert Protected(["a.b"]).found("a.b axb") == ["a.b"]
