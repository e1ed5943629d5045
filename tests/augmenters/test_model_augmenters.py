"""The augmenters that hold a model, with tiny models of random weights."""

from pathlib import Path

import numpy as np
import pytest

from stages.augmenters import TEXT
from stages.augmenters.models import back_translation, contextual, taken_over
from stages.augmenters.protect import NOTHING, Protected
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
TEXTS = ["The parcel came late, again!", "Not good 🙂: the screen is «broken»", "fine"]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def save_tokenizer(folder: Path) -> int:
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
    from transformers import BertTokenizerFast, PreTrainedTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary = {word: number for number, word in enumerate([*special, *WORDS])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    ends = [("[CLS]", 2), ("[SEP]", 3)]
    tokenizer.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", special_tokens=ends)
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    assert BertTokenizerFast is not None
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
        layers = {
            "encoder_layers": 1,
            "decoder_layers": 1,
            "encoder_attention_heads": 2,
            "decoder_attention_heads": 2,
        }
        ends = {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3, "decoder_start_token_id": 2}
        config = BartConfig(
            vocab_size=save_tokenizer(folder), d_model=16, max_position_embeddings=32, init_std=1.0, **layers, **ends,
            encoder_ffn_dim=16, decoder_ffn_dim=16, forced_eos_token_id=None,
        )  # fmt: skip
        BartForConditionalGeneration(config).save_pretrained(folder)
        folders.append(str(folder))
    return folders
