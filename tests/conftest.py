"""Fixtures that all tests share."""

import gc
import os
import string
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.forge_server import Server
    from tests.repository import Repository

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tiny models: the tests share the cores out themselves


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One worker more than cores: tests of whole lines wait for the programs that they start."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files of whole runs come first: the last file that is begun should be a short one."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


def pytest_collection_finish() -> None:
    """What was imported stays to the end: the garbage collector need not look through it again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets; the test is skipped where there is none."""
    named = os.environ.get("REAL_DATA")
    if not named or not Path(named).is_dir():
        pytest.skip("REAL_DATA names no folder of real data sets")
    return Path(named)


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a BERT body of two layers, 32 wide, randomly initialised, that takes 64 tokens, and its tokenizer.

    The vocabulary holds the special tokens and, alone and within a word, the letters and digits.
    """
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    characters = string.ascii_lowercase + string.digits
    words = [*special, *characters, *(f"##{character}" for character in characters)]
    tokenizer = Tokenizer(models.WordPiece({word: number for number, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = ["unk_token", "pad_token", "cls_token", "sep_token", "mask_token"]
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
        initializer_range=0.2,
    )
    folder = tmp_path_factory.mktemp("models") / "tiny"
    BertModel(config).save_pretrained(folder)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=64,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
        **dict(zip(names, [special[n] for n in (1, 0, 2, 3, 4)], strict=True)),
    ).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def built_line(tmp_path_factory: pytest.TempPathFactory) -> "Repository":
    """A small line that has run: tests that change it take a copy."""
    from tests import small_line

    return small_line.build(tmp_path_factory.mktemp("small line"))


@pytest.fixture
def line(built_line: "Repository", tmp_path: Path) -> "Repository":
    """A copy of the small line that a test may change."""
    from tests import small_line

    return small_line.copy(built_line, tmp_path / "line")


@pytest.fixture
def forge() -> "Iterator[Server]":
    """A local server in place of GitHub or GitLab."""
    from tests import forge_server

    with forge_server.serving() as server:
        yield server
