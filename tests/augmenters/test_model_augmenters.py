"""The augmenters that hold a model, with tiny models of random weights."""

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from stages.augmenters import TEXT, library
from stages.augmenters.augmenter import Augmenter
from stages.augmenters.models import back_translation, contextual, taken_over
from stages.augmenters.protect import Protected
from stages.augmenters.text import keyboard
from stages.core.errors import UserError
from stages.core.registry import build

WORDS = [
    "the",
    "parcel",
    "came",
    "late",
    "again",
    "not",
    "good",
    "screen",
    "is",
    "fine",
    "box",
    "old",
    "##s",
    ",",
    ".",
]
TEXTS = ["The parcel came late, again!", "Not good 🙂: the screen is «broken»", "late " * 30]
STEPS = "augment.text.steps"


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def save_tokenizer(folder: Path) -> int:
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary = {word: number for number, word in enumerate([*special, *WORDS])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    ends = [("[CLS]", 2), ("[SEP]", 3)]
    tokenizer.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", special_tokens=ends)
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, mask_token="[MASK]", model_max_length=32, **names
    ).save_pretrained(folder)
    return len(vocabulary)


@pytest.fixture(scope="module")
def masked_model(tmp_path_factory: pytest.TempPathFactory) -> str:
    import torch
    from transformers import BertConfig, BertForMaskedLM

    folder = tmp_path_factory.mktemp("models") / "masked"
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}
    config = BertConfig(vocab_size=save_tokenizer(folder), max_position_embeddings=32, **sizes)
    BertForMaskedLM(config).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def translation_models(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    import torch
    from transformers import BartConfig, BartForConditionalGeneration

    folders = []
    for seed, name in enumerate(["there", "back"]):
        folder = tmp_path_factory.mktemp("models") / name
        torch.manual_seed(seed)
        ends = {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3, "decoder_start_token_id": 2}
        parts = {f"{part}_{name}": 1 for part in ("encoder", "decoder") for name in ("layers", "attention_heads")}
        sizes = {"d_model": 16, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16, "max_position_embeddings": 32}
        config = BartConfig(
            vocab_size=save_tokenizer(folder),
            init_std=1.0,
            forced_eos_token_id=None,
            **sizes,
            **parts,
            **ends,
        )
        BartForConditionalGeneration(config).save_pretrained(folder)
        folders.append(str(folder))
    return folders


@pytest.fixture(scope="module")
def masked(masked_model: str) -> Augmenter:
    return contextual(p=0.5, strength=0.3, model=masked_model)


def test_words_are_put_in_their_context_and_the_rest_stays(masked: Augmenter) -> None:
    derived = [masked(TEXTS[0], rng(seed)) for seed in range(4)]
    assert len(set(derived)) > 1
    for text in derived:
        found = re.fullmatch(r"(\w+) (\w+) (\w+) (\w+), (\w+)!", text)
        assert found and {word.lower() for word in found.groups()} <= {*WORDS, "pad"}
        assert text[0].isupper()


@pytest.mark.parametrize("text", TEXTS)
def test_the_same_generator_gives_the_same_words(masked: Augmenter, text: str) -> None:
    first = masked(text, rng(1))
    assert masked("fine box", rng(2)) and masked(text, rng(1)) == first
    assert text.endswith(" ") == first.endswith(" ")


def test_the_model_neither_takes_nor_adds_a_protected_word(masked_model: str) -> None:
    augmenter = contextual(p=0.5, strength=1.0, model=masked_model)
    protected = Protected(["not", "late", "fine"])
    for seed in range(5):
        assert protected.found(augmenter("The parcel is not late", rng(seed), protected)) == ["not", "late"]


@pytest.mark.parametrize(
    ("proposed", "result"),
    [
        (["a", "new", "one"], ["A", "new", "one"]),
        (["a", "UNK", "one"], ["A", "big", "one"]),
        (["a", "not", "one"], ["A", "big", "one"]),
        (["a", "one"], ["A", "big", "one"]),
        (["so", "a", "red", "one"], ["A", "red", "one"]),
    ],
)
def test_only_words_replaced_one_for_one_are_taken_over(proposed: list[str], result: list[str]) -> None:
    assert taken_over(["A", "big", "one"], proposed, Protected(["not"])) == result


def test_a_light_import_of_nlpaug_does_not_stand_in_the_way(masked_model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "nlpaug"]:
        del sys.modules[name]
    with monkeypatch.context() as before_torch:
        for name in library.HEAVY:
            before_torch.delitem(sys.modules, name, raising=False)
        typing = keyboard(p=1.0, strength=0.2)
        assert not hasattr(sys.modules["nlpaug.util.selection.filtering"], "torch")
    masked = contextual(p=1.0, strength=0.2, model=masked_model)
    assert masked("The parcel came late", rng()) != "The parcel came late"
    assert typing("parcel", rng()) != "parcel"


def test_a_text_goes_there_and_back_the_same_way_each_time(translation_models: list[str]) -> None:
    there, back = translation_models
    augmenter = back_translation(p=0.5, there=there, back=back)
    derived = [augmenter(text, rng()) for text in TEXTS]
    assert [back_translation(p=0.5, there=there, back=back)(text, rng(1)) for text in TEXTS] == derived
    assert all(set(re.findall(r"\w+", text)) <= set(WORDS) for text in derived)
    assert derived[0] != TEXTS[0]
    assert augmenter(" ", rng()) == " "


@pytest.mark.parametrize(
    ("name", "options", "key"),
    [
        ("contextual", {"p": 0.5, "strength": 0.2, "model": None}, "contextual.model"),
        ("back_translation", {"p": 0.5, "there": None, "back": "x"}, "back_translation.there"),
        ("back_translation", {"p": 0.5, "there": "x", "back": None}, "back_translation.back"),
    ],
)
def test_a_step_without_its_model_is_a_mistake(name: str, options: dict[str, object], key: str) -> None:
    with pytest.raises(UserError, match=re.escape(f"{STEPS}.{key}: null: the step is enabled but names no model")):
        build(TEXT, name, options, f"{STEPS}.{name}")


def test_a_folder_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"contextual\.model: no such folder"):
        contextual(p=0.5, strength=0.2, model=str(tmp_path / "none"))
    with pytest.raises(UserError, match=r"back_translation\.there: no such folder"):
        back_translation(p=0.5, there=str(tmp_path / "none"), back="x")


def test_a_model_of_another_kind_is_a_mistake(translation_models: list[str]) -> None:
    with pytest.raises(UserError, match=r"contextual\.model: '.*' does not load as AutoModelForMaskedLM|type bart"):
        contextual(p=0.5, strength=0.2, model=translation_models[0])


@pytest.mark.real
def test_naughty_strings_pass(masked: Augmenter, translation_models: list[str], real_data: Path) -> None:
    naughty = json.loads((real_data / "bad_inputs/blns/blns.json").read_text(encoding="utf-8"))
    translated = back_translation(p=0.5, there=translation_models[0], back=translation_models[1])
    for text in naughty[::3]:
        assert isinstance(masked(text, rng()), str)
    for text in naughty[::8]:
        assert isinstance(translated(text, rng()), str)
