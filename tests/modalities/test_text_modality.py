"""Text to tokens, with a real tokenizer of letters."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from stages.core import models
from stages.core.errors import UserError
from stages.modalities import text
from tests import workplace

CLS, SEP = 2, 3


@pytest.fixture(scope="module")
def tokenizer(tiny_model: Path) -> Any:
    return text.processor(models.resolve(str(tiny_model)))


def letters(tokenizer: Any, word: str) -> list[int]:
    found: list[int] = tokenizer.convert_tokens_to_ids(
        [letter if not n else f"##{letter}" for n, letter in enumerate(word)]
    )
    return found


def test_texts_are_tokenised_without_padding(tokenizer: Any) -> None:
    columns, lengths = text.encode(tokenizer, ["abc", ""], None, names=["input_ids"], limit=8)
    assert columns == {"input_ids": [[CLS, *letters(tokenizer, "abc"), SEP], [CLS, SEP]]}
    assert lengths == [5, 2]


def test_long_texts_are_truncated_and_their_whole_length_is_told(tokenizer: Any) -> None:
    columns, lengths = text.encode(tokenizer, ["abcdefgh", "ab", "x" * 500], None, names=["input_ids"], limit=4)
    assert columns["input_ids"][:2] == [[CLS, *letters(tokenizer, "ab"), SEP]] * 2
    assert [len(ids) for ids in columns["input_ids"]] == [4, 4, len(columns["input_ids"][2])]
    assert lengths[:2] == [10, 4]


def test_pairs_are_told_apart_by_their_token_types(tokenizer: Any) -> None:
    names = ["input_ids", "token_type_ids"]
    columns, lengths = text.encode(tokenizer, ["ab", "ab"], ["c", ""], names=names, limit=8)
    ab, c = letters(tokenizer, "ab"), letters(tokenizer, "c")
    assert columns["input_ids"] == [[CLS, *ab, SEP, *c, SEP], [CLS, *ab, SEP, SEP]]
    assert columns["token_type_ids"] == [[0, 0, 0, 0, 1, 1], [0, 0, 0, 0, 1]]
    assert lengths == [6, 5]


def test_a_long_pair_is_truncated_to_the_limit(tokenizer: Any) -> None:
    columns, _ = text.encode(tokenizer, ["abcdef"], ["ghijkl"], names=["input_ids", "token_type_ids"], limit=7)
    assert len(columns["input_ids"][0]) == len(columns["token_type_ids"][0]) == 7
    assert columns["token_type_ids"][0].count(1) == 3


def test_second_texts_count_only_where_the_data_have_any(tokenizer: Any) -> None:
    part = workplace.table([{"text": "a", "text_pair": None}, {"text": None, "text_pair": "b"}])
    assert text.fields(part, pairs=True) == (["a", ""], ["", "b"])
    assert text.fields(part, pairs=False) == (["a", ""], None)
    assert text.input_names(tokenizer, pairs=True) == ["input_ids", "token_type_ids"]
    assert text.input_names(tokenizer, pairs=False) == ["input_ids"]


def test_a_tokenizer_without_a_padding_token_uses_the_end_of_the_text(tmp_path: Path, tiny_model: Path) -> None:
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((tiny_model / name).read_bytes())
    changed = text.processor(models.resolve(str(tiny_model)))
    changed.pad_token = None
    changed.save_pretrained(tmp_path)
    with pytest.raises(UserError, match="has no padding token"):
        text.processor(models.resolve(str(tmp_path)))
    changed.eos_token = "[SEP]"
    changed.save_pretrained(tmp_path)
    assert text.processor(models.resolve(str(tmp_path))).pad_token_id == SEP


@pytest.mark.parametrize(("unknown", "found"), [(7, 7), (2, None), (None, None)])
def test_the_unknown_token_is_none_that_has_another_meaning(unknown: int | None, found: int | None) -> None:
    tokenizer = SimpleNamespace(
        unk_token_id=unknown, eos_token_id=2, bos_token_id=None, pad_token_id=2, sep_token_id=None
    )
    assert text.unknown_id(tokenizer) == found
