"""Text augmenters with a model: words in context, and there and back through another language.

Texts are not put together in batches: padding changes the last digits of a model's scores, so that a derived
text would depend on its neighbours.
"""

from collections.abc import Callable, Iterator, Sequence
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Any

import numpy as np

from stages.augmenters.augmenter import Augmenter
from stages.augmenters.library import full, global_randomness
from stages.augmenters.protect import Protected
from stages.augmenters.text import Strength
from stages.augmenters.words import Words
from stages.core.blocks import Share
from stages.core.errors import UserError
from stages.core.models import load, resolve

FAMILIES = {"bert": "bert", "distilbert": "bert", "squeezebert": "bert", "roberta": "roberta"}
"""Architectures whose vocabularies nlpaug reads, and its names for them."""

MAX_NEW_TOKENS = 512
TOP_WORDS = 50


def contextual(*, p: Share, strength: Strength, model: str | None) -> Augmenter:
    """Words to others that a masked language model expects in their place.

    The model knows no labels: it may put "bad" for "good". Keep `strength` low, and look at the examples.
    """
    where = "augment.text.steps.contextual.model"
    if model is None:
        raise _missing(where, "a masked language model: a local folder or a Hub id such as ORG/NAME@REVISION")
    aug = _masked_word_augmenter(model, strength, where)
    before, after = Words(keep_case=True), Words()

    def change(text: str, rng: np.random.Generator, protected: Protected) -> str:
        import torch

        words = before.split(text)
        if not words:
            return text
        with global_randomness(rng), torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(rng.integers(2**63)))
            found = aug.augment(text)
        return before.join(taken_over(words, after.split(found[0]) if found else words, protected))

    return Augmenter(p, change)


def taken_over(words: Sequence[str], proposed: Sequence[str], protected: Protected) -> list[str]:
    """`words` with those that the model replaced, one for one, and that are not protected.

    The model's text comes in its vocabulary's spelling (lower case, `[UNK]` for emoji): only new words count.
    """
    result = list(words)
    for place, word in _replaced([word.casefold() for word in words], [word.casefold() for word in proposed]):
        new = proposed[word]
        if new != "UNK" and new not in protected and words[place] not in protected:
            result[place] = new
    return result


def _replaced(words: Sequence[str], proposed: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Places of words, and of those that took their places."""
    if len(words) == len(proposed):
        yield from ((i, i) for i in range(len(words)) if words[i] != proposed[i])
        return
    for kind, start, end, other, other_end in SequenceMatcher(None, words, proposed, False).get_opcodes():
        if kind == "replace" and end - start == other_end - other:
            yield from zip(range(start, end), range(other, other_end), strict=True)


def _masked_word_augmenter(model: str, strength: float, where: str) -> Any:
    """nlpaug's augmenter around a model that we load.

    nlpaug's own loading calls a method of tokenizers that transformers 5 dropped, takes no revision, and
    knows models by their folder's last name only.
    """
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    source = resolve(model, where)
    tokenizer: Any = load(AutoTokenizer, source, where)
    network: Any = load(AutoModelForMaskedLM, source, where)
    family = FAMILIES.get(network.config.model_type)
    if family is None:
        raise UserError(
            f"params.yaml: {where}: '{model}' is of type {network.config.model_type}",
            f"nlpaug works with: {', '.join(FAMILIES)}",
        )
    library = full("nlpaug.model.lang_models")

    class Masked(library.Bert if family == "bert" else library.Roberta):  # type: ignore[misc]  # nlpaug is untyped
        def __init__(self) -> None:
            library.LanguageModels.__init__(self, device="cpu", model_type=family, top_k=TOP_WORDS, top_p=None)
            self.tokenizer, self.model = tokenizer, network.eval()
            self.mask_id, self.pad_id = tokenizer.mask_token_id, tokenizer.pad_token_id

        def id2token(self, _id: int) -> str:
            return str(tokenizer.convert_ids_to_tokens(_id))

        def is_skip_candidate(self, candidate: str) -> bool:
            return candidate in tokenizer.all_special_tokens or bool(super().is_skip_candidate(candidate))

    class Contextual(full("nlpaug.augmenter.word").ContextualWordEmbsAug):  # type: ignore[misc]
        def get_model(self, **_: Any) -> Any:
            return Masked()

    return Contextual(model_path=model, model_type=family, aug_p=strength, aug_min=1, aug_max=None)


def back_translation(*, p: Share, there: str | None, back: str | None) -> Augmenter:
    """The whole text to another language and back, by two translation models, greedily."""
    key = "augment.text.steps.back_translation"
    if there is None or back is None:
        raise _missing(f"{key}.{'there' if there is None else 'back'}", "a translation model: a folder or a Hub id")
    outward, homeward = _translator(there, f"{key}.there"), _translator(back, f"{key}.back")

    @lru_cache(maxsize=64)  # a copy that breaks the limits is tried again, and so is the next of the same text
    def translated(text: str) -> str:
        return homeward(outward(text))

    def change(text: str, _rng: np.random.Generator, _protected: Protected) -> str:
        return translated(text) if text.strip() else text

    return Augmenter(p, change)


def _translator(model: str, where: str) -> Callable[[str], str]:
    import torch
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    source = resolve(model, where)
    tokenizer: Any = load(AutoTokenizer, source, where)
    network: Any = load(AutoModelForSeq2SeqLM, source, where)
    network.eval()
    limit = min(tokenizer.model_max_length, getattr(network.config, "max_position_embeddings", None) or 2**15)

    def translate(text: str) -> str:
        inputs = tokenizer(text, return_tensors="pt", truncation=True, max_length=limit, return_token_type_ids=False)
        longest = min(MAX_NEW_TOKENS, limit - 1, 2 * inputs["input_ids"].shape[1] + 16)
        with torch.inference_mode():
            found = network.generate(**inputs, num_beams=1, do_sample=False, max_length=None, max_new_tokens=longest)
        return str(tokenizer.decode(found[0], skip_special_tokens=True)).strip()

    return translate


def _missing(where: str, wanted: str) -> UserError:
    return UserError(f"params.yaml: {where}: null: the step is enabled but names no model", f"set it to {wanted}")
