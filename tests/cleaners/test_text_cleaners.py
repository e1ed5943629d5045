"""Cleaners of characters and patterns, one at a time."""

import pytest

from stages.cleaners import text as cleaners
from stages.core.errors import UserError


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("I canâ€™t pay at the cafÃ©", "I can’t pay at the café"),
        ("schÃ¶n â€“ voilÃ", "schön – voilÃ"),
        ("e\u0301te\u0301", "été"),
        ("a \x85 b", "a … b"),
        ("\ud83d\ude00 and \ud800", "😀 and \ufffd"),
        ("&amp; ＡＢＣ ﬁne “quoted” it’s naïve, 10 €", "&amp; ＡＢＣ ﬁne “quoted” it’s naïve, 10 €"),
    ],
)
def test_unicode_repairs_mojibake_and_leaves_entities_width_and_quotes_alone(given: str, expected: str) -> None:
    assert cleaners.unicode(repair=True, form="NFC")(given) == expected


@pytest.mark.parametrize(
    ("form", "expected"), [("NFC", "é ＡＢＣ ﬁ"), ("NFKC", "é ABC fi"), ("none", "e\u0301 ＡＢＣ ﬁ")]
)
def test_unicode_brings_text_into_the_form_asked_for(form: str, expected: str) -> None:
    assert cleaners.unicode(repair=True, form=form)("e\u0301 ＡＢＣ ﬁ") == expected  # type: ignore[arg-type]


def test_unicode_without_repair_keeps_mojibake_but_no_surrogates() -> None:
    assert cleaners.unicode(repair=False, form="NFC")("donâ€™t \ud800") == "donâ€™t \ufffd"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("re\x00fu\x08nd\x7f\x9d", "refund"),
        ("a\tb\nc\r\nd\re\x0bf\x85g\u2028h", "a\tb\nc\nd\ne\nf\ng\nh"),
        ("\ufeffzero\u200bwidth soft\xadhyphen", "zerowidth softhyphen"),
        ("\u202eabc\u202c \u2066d\u2069 \u200fe", "abc d e"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("a\u200db \u200d", "ab "),
        ("hidden\U000e0041\U000e0042", "hidden"),
    ],
)
def test_control_removes_what_nobody_sees(given: str, expected: str) -> None:
    assert cleaners.control()(given) == expected


@pytest.mark.parametrize(
    "kept",
    [
        "👩\u200d💻 👨🏽\u200d🦰 🏳️\u200d🌈 👩\u200d👩\u200d👧\u200d👦",
        "❤️ ☎︎ 1️⃣",
        "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
        "می\u200cخواهم",
        "क्\u200dष",
    ],
)
def test_control_keeps_emoji_sequences_and_joined_scripts(kept: str) -> None:
    assert cleaners.control()(kept) == kept


def test_whitespace_shrinks_every_kind_of_space() -> None:
    assert cleaners.whitespace()(" \u3000a \t b\n\nc\xa0d\u2009 ") == "a b c d"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("see https://a.b/c?d=e#f.", "see [URL]."),
        ("(http://x.y/z)", "([URL])"),
        ("https://a.org/wiki/X_(film), seen", "[URL], seen"),
        ("WWW.example.com! bit.ly/abc", "[URL]! [URL]"),
        ("请看https://x.com/abc，谢谢", "请看[URL]，谢谢"),
        (
            "and/or i.e./e.g. 1/2 3.5/4 a@b.com/x www. https://",
            "and/or i.e./e.g. 1/2 3.5/4 a@b.com/x www. https://",
        ),
    ],
)
def test_urls_are_replaced_and_the_sentence_around_them_stays(given: str, expected: str) -> None:
    assert cleaners.urls(replacement="[URL]")(given) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("@bob hi", "[USER] hi"),
        ("thanks @bob.", "thanks [USER]."),
        (".@bob (@eve)", ".[USER] ([USER])"),
        ("@a@b.social ok", "[USER] ok"),
        ("a@b.com, a @ b, @", "a@b.com, a @ b, @"),
    ],
)
def test_mentions_are_replaced_and_addresses_stay(given: str, expected: str) -> None:
    assert cleaners.mentions(replacement="[USER]")(given) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("3 items for $1,299.50!", "N items for $N!"),
        ("10:30, 2nd, 50%, 20kg", "N:N, Nnd, N%, Nkg"),
        ("第3名 ١٢٣", "第N名 N"),
        ("gr8 mp3 v1.2 covid19", "gr8 mp3 v1.2 covid19"),
    ],
)
def test_numbers_are_replaced_but_inside_words(given: str, expected: str) -> None:
    assert cleaners.numbers(replacement="N")(given) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("don't stop!", "dont stop "),
        ("well-known, good.bad", "well known  good bad"),
        ("你好，世界！¿Qué?", "你好 世界  Qué "),
        ("$5 + 3% _x_ [URL]", " 5   3   x   URL "),
        ("हिन्दी 👍 é", "हिन्दी 👍 é"),
    ],
)
def test_punctuation_becomes_spaces(given: str, expected: str) -> None:
    assert cleaners.punctuation()(given) == expected


def test_case_lowers_letters_of_every_alphabet() -> None:
    assert cleaners.case()("HeLLO ÀÉ ΑΣ") == "hello àé ας"


@pytest.mark.parametrize(
    ("name", "replacement", "stable"),
    [("urls", "see www.url.com", "[URL]"), ("mentions", "to @user", "@user"), ("numbers", "0 0", "0")],
)
def test_a_replacement_that_would_be_replaced_again_is_refused(name: str, replacement: str, stable: str) -> None:
    factory = getattr(cleaners, name)
    assert factory(replacement=stable)(stable) == stable
    with pytest.raises(UserError, match=rf"steps\.{name}\.replacement: '{replacement}' would itself be replaced"):
        factory(replacement=replacement)
