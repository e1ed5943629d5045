"""Text augmenters by nlpaug: factories whose options come from params.yaml, each returning an `Augmenter`.

In all of them `p` is the probability that the step is applied to a derived text and `strength` the share of
its words that are touched, at least one. Words shorter than `MIN_CHARACTERS` get no typing error: one letter
makes another word of them. Languages that a member does not know are left as they are.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from stages.augmenters.augmenter import Augmenter
from stages.augmenters.groups import read_groups
from stages.augmenters.library import global_randomness, light
from stages.augmenters.protect import Protected
from stages.augmenters.words import Words
from stages.core.blocks import Share

Strength = Annotated[float, Field(gt=0, le=1)]

MIN_CHARACTERS = 4
CHAR = "nlpaug.augmenter.char"
WORD = "nlpaug.augmenter.word"


def synonym(*, p: Share, strength: Strength, groups: str) -> Augmenter:
    """Words and phrases to others of their group in the file `groups`, with the case of the original."""
    known = read_groups(groups)
    flat = [word for group in known for word in group]
    words = Words(phrases=[word for word in flat if not (word.isalnum() and word.isascii())], keep_case=True)
    aug = light(WORD).ReservedAug(known, aug_p=strength, case_sensitive=False, **_word_options(words))
    return _augmenter(p, aug, words)


def spelling(*, p: Share, strength: Strength) -> Augmenter:
    """Common English misspellings, from nlpaug's list without those that are words themselves."""
    words = Words()
    dictionary = light("nlpaug.model.word_dict").Spelling

    class Misspelling(light(WORD).SpellingAug):  # type: ignore[misc]  # nlpaug is untyped
        """nlpaug shares one dictionary, in an order that Python's hash seed gives: another one a process."""

        def get_model(self, force_reload: bool) -> Any:  # noqa: ARG002
            model = dictionary(self.dict_path, include_reverse=False)
            model.dict = misspellings(model.dict)
            return model

    return _augmenter(p, Misspelling(aug_p=strength, **_word_options(words)), words)


def misspellings(found: dict[str, list[str]]) -> dict[str, list[str]]:
    """Word -> its misspellings, sorted, without those that are correct words themselves or in capitals."""
    correct = {word.lower() for word in found}

    def fits(word: str, wrong: str) -> bool:
        return wrong.lower() not in correct and wrong.isalpha() and (wrong.islower() or not word.islower())

    kept = {word: sorted(wrong for wrong in set(given) if fits(word, wrong)) for word, given in found.items()}
    return {word: wrong for word, wrong in kept.items() if wrong and len(word) >= MIN_CHARACTERS}


def keyboard(*, p: Share, strength: Strength) -> Augmenter:
    """One small letter of a word to its neighbour on a QWERTY keyboard."""
    words = Words()
    options = {"include_special_char": False, "include_numeric": False, "include_upper_case": False}
    return _augmenter(p, light(CHAR).KeyboardAug(**options, **_character_options(strength, words)), words)


def ocr(*, p: Share, strength: Strength) -> Augmenter:
    """One character of a word to what optical character recognition takes it for, such as 0 for O."""
    words = Words()
    return _augmenter(p, light(CHAR).OcrAug(**_character_options(strength, words)), words)


def random_character(
    *, p: Share, strength: Strength, action: Literal["insert", "substitute", "swap", "delete"]
) -> Augmenter:
    """One character of a word inserted (a to z), substituted, swapped with its neighbour or deleted."""
    words = Words()
    letters = {"include_upper_case": False, "include_numeric": False, "spec_char": ""}
    aug = light(CHAR).RandomCharAug(action=action, **letters, **_character_options(strength, words))
    return _augmenter(p, aug, words)


def random_word(*, p: Share, strength: Strength, action: Literal["swap", "delete", "crop"]) -> Augmenter:
    """Words swapped with their neighbours, deleted one by one, or deleted as a run (crop, not the first)."""
    words = Words(glue=True)

    class Random(light(WORD).RandomWordAug):  # type: ignore[misc]
        """nlpaug's swap with the first word doubles it; its crop of one word raises, of two keeps one."""

        def change_case(self, doc: Any, first: int, second: int, change_seq: int) -> Any:
            one, other = (doc.get_token(i).get_latest_token().token for i in (first, second))
            if one not in words.protected and other not in words.protected:
                doc.add_change_log(first, new_token=other, action="swap", change_seq=change_seq)
                doc.add_change_log(second, new_token=one, action="swap", change_seq=change_seq)
            return doc

        def _get_aug_range_idxes(self, tokens: Sequence[str]) -> list[int]:
            count = min(self.generate_aug_cnt(len(tokens)), len(tokens) - 1)
            free = [token not in words.protected for token in tokens]
            starts = [i for i in range(1, len(tokens) - count + 1) if count > 0 and all(free[i : i + count])]
            start = self.sample(starts, 1)[0] if starts else 0
            return list(range(start, start + count)) if starts else []

    return _augmenter(p, Random(action=action, aug_p=strength, **_word_options(words)), words)


def split(*, p: Share, strength: Strength) -> Augmenter:
    """A space inside a word."""
    words = Words()
    aug = light(WORD).SplitAug(aug_p=strength, min_char=MIN_CHARACTERS, **_word_options(words))
    return _augmenter(p, aug, words)


def _word_options(words: Words) -> dict[str, Any]:
    return {"aug_min": 1, "aug_max": None, "tokenizer": words.split, "reverse_tokenizer": words.join}


def _character_options(strength: float, words: Words) -> dict[str, Any]:
    return {
        "aug_word_p": strength,
        "aug_word_min": 1,
        "aug_word_max": None,
        "aug_char_min": 1,
        "aug_char_max": 1,
        "min_char": MIN_CHARACTERS,
        "tokenizer": words.split,
        "reverse_tokenizer": words.join,
    }


def _augmenter(p: float, aug: Any, words: Words) -> Augmenter:
    def change(text: str, rng: np.random.Generator, protected: Protected) -> str:
        if not text.strip():
            return text
        words.protected = aug.stopwords = protected
        with global_randomness(rng):
            found = aug.augment(text)
        return str(found[0]) if found else text

    return Augmenter(p, change)
