"""What every text augmenter keeps: found by the registry, so that a new member is held to it as well."""

import json
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.augmenters import MODELS, TEXT
from stages.augmenters.augmenter import Augmenter
from stages.augmenters.protect import Protected
from stages.core.errors import UserError
from stages.core.params import checked
from stages.core.registry import build, member, options
from tests.workplace import params

ROOT = Path(__file__).parents[2]
BLOCK = checked(params({})).augment
PROTECTED = Protected(BLOCK.limits.protected_words)
NAMES = [name for name in TEXT if name not in MODELS]

NASTY = [
    "",
    " \t\r\n\u3000\ufeff",
    "?!…—«»",
    "1234567890 3.14 $5",
    "\ud800\udfff lone surrogates",
    "Z̡͖̜͖̰̣͉̜a̖̰͙̬͡l̲̫̳͍̩g̡̟̼̱͚̞̬ͅo̗̜.̟ text",
    "👩‍👩‍👧‍👦👍🏽🏴󠁧󠁢󠁥󠁮󠁧󠁿 family",
    "مرحبا بالعالم العربي",
    "हिन्दी में लिखा हुआ वाक्य",
    "nnnnn [MASK] [UNK] <mask> __ _",
    "don't can’t n't '' ''s",
    "ﬁne ＦＵＬＬ İstanbul straße ǆ",
    "\x00\x01\x1b[31mred\x1b[0m",
    "中文和English混合的句子",
    "a",
    "word" * 2000,
    "many words " * 500,
]


@pytest.fixture(scope="module")
def augmenters() -> dict[str, Augmenter]:
    steps = BLOCK.text.steps
    given = {
        name: {**steps[name].options, "groups": str(ROOT / "stages/augmenters/synonyms.txt")} for name in ["synonym"]
    }
    return {name: build(TEXT, name, given.get(name, steps[name].options), name) for name in NAMES}


@pytest.mark.parametrize("name", TEXT)
def test_every_augmenter_stands_in_params_with_its_options_and_a_docstring(name: str) -> None:
    function = member(TEXT, name, name)
    assert options(function, BLOCK.text.steps[name].options, name)["p"] == BLOCK.text.steps[name].options["p"]
    assert (function.__doc__ or "").strip()


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [
        (name, option, value)
        for name in TEXT
        for option, value in [("p", 1.5), ("p", -0.1), ("strength", 0.0), ("strength", 1.1)]
        if option in BLOCK.text.steps[name].options
    ],
)
def test_options_out_of_range_are_named(name: str, option: str, value: float) -> None:
    given = BLOCK.text.steps[name].options
    with pytest.raises(UserError, match=f"steps.{name}.{option}: {value}: should be"):
        build(TEXT, name, {**given, option: value}, f"augment.text.steps.{name}")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("text", NASTY, ids=range(len(NASTY)))
def test_nasty_text_passes_and_repeats(augmenters: dict[str, Augmenter], name: str, text: str) -> None:
    first, again = (augmenters[name](text, np.random.default_rng(3), PROTECTED) for _ in range(2))
    assert first == again
    assert PROTECTED.found(text) == [] or name != "random_word" or PROTECTED.found(first) == PROTECTED.found(text)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40, deadline=None, derandomize=True)
@given(text=st.text(max_size=40), seed=st.integers(0, 9))
def test_any_text_passes(augmenters: dict[str, Augmenter], name: str, text: str, seed: int) -> None:
    assert isinstance(augmenters[name](text, np.random.default_rng(seed), PROTECTED), str)


@pytest.mark.parametrize("name", NAMES)
def test_the_global_generators_are_neither_read_nor_moved(augmenters: dict[str, Augmenter], name: str) -> None:
    text = "Could you please tell me when the parcel from Berlin arrives?"
    results = []
    for seed in (1, 2):
        random.seed(seed)
        np.random.seed(seed)
        results.append(augmenters[name](text, np.random.default_rng(0)))
        moved = (random.random(), np.random.random())
        random.seed(seed)
        np.random.seed(seed)
        assert moved == (random.random(), np.random.random())
    assert results[0] == results[1]


@pytest.mark.real
@pytest.mark.parametrize("name", NAMES)
def test_naughty_strings_pass(augmenters: dict[str, Augmenter], name: str, real_data: Path) -> None:
    naughty = json.loads((real_data / "bad_inputs/blns/blns.json").read_text(encoding="utf-8"))
    assert len(naughty) > 500
    for text in [*naughty, " ".join(naughty)]:
        derived = augmenters[name](text, np.random.default_rng(0), PROTECTED)
        derived.encode("utf-8")
