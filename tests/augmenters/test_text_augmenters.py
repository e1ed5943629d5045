"""The text augmenters of nlpaug: what each changes, and what it leaves."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from stages.augmenters.augmenter import Augmenter
from stages.augmenters.limits import distance
from stages.augmenters.protect import Protected
from stages.augmenters.text import (
    keyboard,
    misspellings,
    ocr,
    random_character,
    random_word,
    spelling,
    split,
    synonym,
)

ROOT = Path(__file__).parents[2]
TEXT = "My parcel from Berlin (ordered on 3.4.2025!) doesn't fit,\nbut the “courier” was NOT late 🙂."
PROTECTED = Protected(["not", "n't"])
P = {"p": 1.0, "strength": 0.3}


def derived(augmenter: Augmenter, text: str, protected: Protected = PROTECTED, draws: int = 12) -> list[str]:
    return [augmenter(text, np.random.default_rng(seed), protected) for seed in range(draws)]


def words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+(?:['’][^\W_]+)*", text)


@pytest.fixture
def groups(tmp_path: Path) -> str:
    path = tmp_path / "groups.txt"
    path.write_text("parcel, package\nasap, as soon as possible\nshop, store\n包裹, 快递\n", encoding="utf-8")
    return str(path)


def test_a_synonym_keeps_the_case_and_the_rest_of_the_text(groups: str) -> None:
    augmenter = synonym(p=1.0, strength=1.0, groups=groups)
    assert set(derived(augmenter, "Parcel?! send the PARCEL asap")) == {
        "Package?! send the PACKAGE as soon as possible"
    }
    assert set(derived(augmenter, "As soon as possible, parcels")) == {"Asap, parcels"}
    assert set(derived(augmenter, "我的包裹到了")) == {"我的快递到了"}
    assert set(derived(augmenter, "nothing known")) == {"nothing known"}


def test_a_protected_synonym_stays(groups: str) -> None:
    augmenter = synonym(p=1.0, strength=1.0, groups=groups)
    assert set(derived(augmenter, "the shop's shop parcel", Protected(["parcel"]))) == {"the shop's store parcel"}


def test_misspellings_are_no_other_words() -> None:
    given = {"like": ["luck", "Lyke", "lyke", "li_ke"], "luck": ["luk"], "Paris": ["Pariss"], "the": ["teh"]}
    assert misspellings(given) == {"like": ["lyke"], "luck": ["luk"], "Paris": ["Pariss"]}


def test_spelling_does_not_depend_on_the_hash_seed_of_the_process() -> None:
    code = """
import sys, numpy as np
from stages.augmenters.text import spelling
augmenter = spelling(p=1.0, strength=1.0)
print([augmenter("because they received different things", np.random.default_rng(i)) for i in range(5)])
assert not {"torch", "transformers"} & set(sys.modules)
"""
    runs = [
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert runs[0] == runs[1] != b""


def test_a_typing_error_hits_a_neighbouring_key() -> None:
    for text in derived(keyboard(p=1.0, strength=0.1), "delivery"):
        assert len(text) == len("delivery") and distance(text, "delivery") == 1
        (place,) = (i for i, letter in enumerate(text) if letter != "delivery"[i])
        assert text[place].islower()


def test_recognition_errors_look_alike() -> None:
    found = set(derived(ocr(p=1.0, strength=1.0), "Ebro is"))
    assert len(found) > 1
    assert found <= {"Bbro is", "Eb6o is", "E6ro is", "Ebko is", "Ebr0 is", "Ebru is"}


@pytest.mark.parametrize(("action", "change"), [("insert", 1), ("substitute", 0), ("swap", 0), ("delete", -1)])
def test_one_character_of_a_word_changes(action: str, change: int) -> None:
    for text in derived(random_character(p=1.0, strength=0.1, action=action), "delivery"):  # type: ignore[arg-type]
        assert len(text) == len("delivery") + change
        assert distance(text, "delivery") <= 2
        assert text.isalpha() and text.islower()


def test_swapped_words_are_the_same_words() -> None:
    for text in derived(random_word(**P, action="swap"), "one two three four five six"):
        assert sorted(words(text)) == ["five", "four", "one", "six", "three", "two"]


def test_deleted_words_are_gone_and_others_stay_in_order() -> None:
    for text in derived(random_word(**P, action="delete"), "one two three four five six"):
        left = [word.lower() for word in words(text)]
        assert 4 <= len(left) <= 5  # nlpaug brings the second word back where the first is deleted too
        assert left == [word for word in ["one", "two", "three", "four", "five", "six"] if word in left]


@pytest.mark.parametrize("strength", [0.1, 0.5, 1.0])
def test_a_run_of_words_is_cropped(strength: float) -> None:
    full = ["one", "two", "three", "four", "five", "six"]
    for text in derived(random_word(p=1.0, strength=strength, action="crop"), " ".join(full)):
        left = [word.lower() for word in words(text)]
        gone = [place for place, word in enumerate(full) if word not in left]
        assert len(gone) == min(round(strength * 6 + 0.4), 5)
        assert gone == list(range(gone[0], gone[0] + len(gone)))


@pytest.mark.parametrize("action", ["swap", "delete", "crop"])
def test_a_negation_moves_and_stays_with_its_neighbours(action: str) -> None:
    augmenter = random_word(p=1.0, strength=1.0, action=action)  # type: ignore[arg-type]
    for text in derived(augmenter, "honestly this was not good, sorry"):
        assert "was not good" in text


def test_a_split_word_has_a_space_inside() -> None:
    for text in derived(split(p=1.0, strength=0.1), "delivery!"):
        assert text.replace(" ", "") == "delivery!"
        assert re.fullmatch(r"\w+ \w+!", text)


EVERY = {
    "spelling": spelling(**P),
    "keyboard": keyboard(**P),
    "ocr": ocr(**P),
    **{f"character_{a}": random_character(**P, action=a) for a in ("insert", "substitute", "swap", "delete")},  # type: ignore[arg-type]
    **{f"word_{a}": random_word(**P, action=a) for a in ("swap", "delete", "crop")},  # type: ignore[arg-type]
    "split": split(**P),
    "synonym": synonym(**P, groups=str(ROOT / "stages/augmenters/synonyms.txt")),
}


@pytest.mark.parametrize("name", EVERY)
def test_protected_words_numbers_and_emoji_stay(name: str) -> None:
    for text in derived(EVERY[name], TEXT, draws=30):
        assert PROTECTED.found(text) == ["doesn't", "not"]
        assert "3.4.2025" in text and "🙂" in text
        assert "doesn't" in text and "NOT" in text
        assert "  " not in text


@pytest.mark.parametrize("name", sorted(set(EVERY) - {"word_swap", "word_delete", "word_crop", "split"}))
def test_white_space_and_punctuation_stay(name: str) -> None:
    signs = re.findall(r"[^\w'’ ]", TEXT)
    for text in derived(EVERY[name], TEXT):
        assert re.findall(r"[^\w'’ ]", text) == signs


@pytest.mark.parametrize("name", ["word_swap", "word_delete", "word_crop"])
def test_chinese_is_divided_into_words(name: str) -> None:
    text = "我非常喜欢这个手机的颜色"
    found = set(derived(EVERY[name], text))
    assert text not in found or len(found) > 1
    assert all(set(other) <= set(text) for other in found)


@pytest.mark.parametrize("name", ["spelling", "keyboard", "ocr", "synonym"])
def test_chinese_is_left_as_it_is_where_there_is_nothing_to_know(name: str) -> None:
    assert set(derived(EVERY[name], "我非常喜欢这个手机的颜色")) == {"我非常喜欢这个手机的颜色"}
