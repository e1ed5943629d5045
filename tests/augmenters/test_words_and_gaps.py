"""Texts divided into words and put together again."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.augmenters.protect import Protected
from stages.augmenters.words import Words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("I can't, really!\n", ["I", "can't", "really"]),
        ("paid $20.50 on 3.4.2025 at 10:30 for 2nd", ["paid", "on", "at", "for"]),
        ("e-mail #tag @me snake_case", ["e", "mail", "tag", "me", "snake", "case"]),
        ("it’s 👍 iPhone12", ["it’s", "iPhone12"]),
        ("我喜欢这个手机 ok", ["我", "喜欢", "这个", "手机", "ok"]),
        ("3天不错", ["天", "不错"]),
        ("", []),
        ("?! 42", []),
    ],
)
def test_words_are_letters_between_gaps(text: str, words: list[str]) -> None:
    assert Words().split(text) == words


@settings(max_examples=200, deadline=None, derandomize=True)
@given(text=st.text())
def test_an_unchanged_text_comes_back_as_it_was(text: str) -> None:
    words = Words(phrases=["a b"], glue=True, keep_case=True)
    assert words.join(words.split(text)) == text


@pytest.mark.parametrize(
    ("without", "left"),
    [
        (0, "Hi, the parcel 😍 came (late) again."),
        (1, "Well, the parcel 😍 came (late) again."),
        (3, "Well, Hi, the 😍 came (late) again."),
        (4, "Well, Hi, the parcel 😍 (late) again."),
        (5, "Well, Hi, the parcel 😍 came) again."),
        (6, "Well, Hi, the parcel 😍 came (late."),
    ],
)
def test_what_surrounds_a_word_left_out_becomes_one_gap(without: int, left: str) -> None:
    words = Words()
    found = words.split("Well, Hi, the parcel 😍 came (late) again.")
    assert words.join([word for place, word in enumerate(found) if place != without]) == left


@pytest.mark.parametrize(("text", "left"), [("a, b!", ""), ("👍 a, b 👎", "👍, 👎"), ("so 5 times", "5")])
def test_leaving_out_all_words_leaves_emoji_and_numbers(text: str, left: str) -> None:
    words = Words()
    words.split(text)
    assert words.join([]) == left


def test_divided_words_keep_the_gaps_around_them() -> None:
    words = Words()
    one, two, three = words.split("(parcel) came, late!")
    assert words.join(["par", "cel", two, "la", "te"]) == "(par cel) came, la te!"
    assert words.join([one, "ca", "me", three]) == "(parcel) ca me, late!"


def test_a_phrase_is_one_word_at_its_longest_and_not_inside_others() -> None:
    words = Words(phrases=["a lot", "a lot of", "e-mail"])
    assert words.split("A lot of e-mail, a lot; that lot, e-mails") == [
        *("A lot of", "e-mail", "a lot", "that", "lot", "e", "mails")
    ]


def test_a_phrase_is_found_inside_an_unspaced_run() -> None:
    assert Words(phrases=["手机壳"]).split("这个手机壳很好") == ["这个", "手机壳", "很", "好"]


def test_a_protected_word_is_glued_to_its_neighbours_but_not_over_punctuation() -> None:
    words = Words(glue=True)
    words.protected = Protected(["not", "never"])
    assert words.split("it is not good. Never buy, not") == ["it", "is not good", "Never buy", "not"]
    assert words.split("it never not works now") == ["it never not works", "now"]


@pytest.mark.parametrize(
    ("before", "after", "result"),
    [("Big", "large", "Large"), ("BIG", "large", "LARGE"), ("big", "large", "large"), ("Big", "big", "Big")],
)
def test_case_is_kept_where_wanted(before: str, after: str, result: str) -> None:
    words = Words(keep_case=True)
    words.split(f"{before}!")
    assert words.join([after]) == f"{result}!"
