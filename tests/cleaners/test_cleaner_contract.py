"""What every text cleaner keeps: found by the registry, so that a new member is held to it as well."""

import json
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.cleaners import TEXT
from stages.cleaners.chain import UNSTABLE, Cleaner, chain
from stages.core.blocks import Ordered
from stages.core.params import checked
from stages.core.registry import build, member
from tests.workplace import params

NAMES = [*TEXT, "default", "everything"]


@cache
def block() -> Ordered:
    return checked(params({})).clean.text


@cache
def cleaner(name: str) -> Cleaner:
    built: Cleaner = build(TEXT, name, block().steps[name].options, name)
    return built


def clean(name: str, text: str) -> tuple[str, tuple[str, ...]]:
    """Through one cleaner, through those that params.yaml enables, or through all."""
    return joined(name)(text)


@cache
def joined(name: str) -> Callable[[str], tuple[str, tuple[str, ...]]]:
    chosen = {"default": [n for n in block().order if block().steps[n].enabled], "everything": block().order}
    return chain({each: cleaner(each) for each in chosen.get(name, [name])})


NASTY = [
    "",
    " \t\r\n\x0b\u3000\ufeff",
    "\ud800\udfff\udc00",
    "<" * 50 + "b>" * 50,
    "&" + "amp;" * 50 + "lt;script&gt;",
    "<!-- <script> --> </script> <a href='\"><b <b=\"'>",
    "&#x0;&#xD800;&#1114112;&#" + "9" * 5000 + ";",
    "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌̌͘!͖̬̰̙̗̿̋ͥͥ̂ͣ̐́́͜͞",
    "👩\u200d\u200d👩\ufe0f\ufe0f\u20e3#️⃣🏴\U000e0067\U000e007f\U000e0067\u200d",
    "Ã\u200b©Ã<b>©</b>â€™\x80\x99",
    "http://http://www.@a@b.c/@d#1.2.3,4'll've",
    "don’t’ve'can't'n't't'the'the the' AİN'T let'ſ",
    "中𠀀a国\u200d々〇１２３ｆｆ",
    "\u0000\u0001\u001b[31m\u001b[\uffff\U0010ffff",
    "İıſßΣς΅´ﬃ①½",
]
PIECES = [
    *(
        "<",
        ">",
        "/",
        "b",
        "br",
        "script",
        "!--",
        "-->",
        "&",
        "amp;",
        "lt;",
        "gt;",
        "#38;",
        "=",
        '"',
        " ",
        "\n",
    ),
    *(
        "'",
        "’",
        "n't",
        "the",
        "is",
        "@",
        "a",
        "www.",
        "http://",
        ".",
        "/x",
        "1",
        ",",
        "中",
        "国人",
        "的",
        ":",
    ),
    *(
        "👍",
        "👩",
        "❤",
        "\ufe0f",
        "\u200d",
        "\u20e3",
        "\u200b",
        "\u200c",
        "م",
        "\xad",
        "\x00",
        "\x1b[1m",
        "\r",
    ),
    *("Ã", "©", "â€", "™", "é", "\u0301", "\ud800", "\udc00", "ﬁ", "Ａ", "İ", "Σ", "\U000e0067", "\x85", "´"),
]
TEXTS = st.one_of(st.text(), st.lists(st.one_of(st.sampled_from(PIECES), st.characters())).map("".join))


@pytest.mark.parametrize("name", TEXT)
def test_every_cleaner_stands_in_params_with_its_options_and_a_docstring(name: str) -> None:
    assert name in block().order
    assert callable(cleaner(name))
    assert (member(TEXT, name, name).__doc__ or "").strip()


@pytest.mark.parametrize("name", NAMES)
def test_plain_text_stays_plain(name: str) -> None:
    assert clean(name, "parcel arrived late") == ("parcel arrived late", ())


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=80, deadline=None, derandomize=True)
@given(text=TEXTS)
def test_cleaning_again_changes_nothing(name: str, text: str) -> None:
    cleaned, names = clean(name, text)
    if UNSTABLE not in names:
        assert clean(name, cleaned) == (cleaned, ())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("text", NASTY, ids=range(len(NASTY)))
def test_nasty_text_passes(name: str, text: str) -> None:
    cleaned, names = clean(name, text)
    assert UNSTABLE in names or clean(name, cleaned) == (cleaned, ())


def test_only_markup_nested_too_deeply_is_unstable() -> None:
    unstable = [text for text in NASTY if UNSTABLE in clean("default", text)[1]]
    assert unstable == ["<" * 50 + "b>" * 50]


@pytest.mark.parametrize("name", ["default", "everything"])
@pytest.mark.parametrize("character", "<&a@")
def test_ten_megabytes_in_one_cell_finish_in_seconds(name: str, character: str) -> None:
    start = time.process_time()
    clean(name, character * 10_000_000)
    assert time.process_time() - start < 10


@pytest.mark.real
@pytest.mark.parametrize("name", NAMES)
def test_naughty_strings_pass(name: str, real_data: Path) -> None:
    naughty = json.loads((real_data / "bad_inputs/blns/blns.json").read_text(encoding="utf-8"))
    assert len(naughty) > 500
    for text in [*naughty, " ".join(naughty)]:
        cleaned, names = clean(name, text)
        assert UNSTABLE not in names
        assert clean(name, cleaned) == (cleaned, ())
