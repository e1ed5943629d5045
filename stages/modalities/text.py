"""Text: tokens in, classes of transformers that take them."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from stages.core import models
from stages.core.errors import UserError

INPUTS = ("input_ids", "token_type_ids")


def processor(source: models.Source) -> Any:
    """The fast tokenizer of the model.

    Raises:
        UserError: it does not load, or has no padding token.
    """
    from transformers import AutoTokenizer

    tokenizer: Any = models.load(AutoTokenizer, source, "model", use_fast=True)
    if tokenizer.pad_token_id is None:
        if tokenizer.eos_token is None:
            raise UserError(f"params.yaml: model: {source.name} has no padding token", "choose an encoder model")
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def unknown_id(tokenizer: Any) -> int | None:
    """The token that stands for what the vocabulary lacks; None where nothing is, as with vocabularies of bytes.

    Some tokenizers of bytes name another special token there, which is no sign of anything.
    """
    others = (tokenizer.eos_token_id, tokenizer.bos_token_id, tokenizer.pad_token_id, tokenizer.sep_token_id)
    unknown: int | None = tokenizer.unk_token_id
    return None if unknown in others else unknown


def input_names(tokenizer: Any, *, pairs: bool) -> list[str]:
    """The inputs that the model takes: `token_type_ids` only tell the two texts of a pair apart."""
    return [name for name in INPUTS if name in tokenizer.model_input_names and (name == "input_ids" or pairs)]


def fields(part: pa.Table, *, pairs: bool) -> tuple[list[str], list[str] | None]:
    """The texts (N,) of a table of samples, and with `pairs` their second texts, empty where a sample has none."""
    texts = [text or "" for text in part["text"].to_pylist()]
    return texts, [pair or "" for pair in part["text_pair"].to_pylist()] if pairs else None


def encode(
    tokenizer: Any, texts: list[str], pairs: list[str] | None, *, names: Sequence[str], limit: int
) -> tuple[dict[str, list[list[int]]], list[int]]:
    """Token ids of N texts, with their pairs where there are any, and the lengths (N,) before truncation at `limit`.

    The dictionary has the inputs `names`, without padding.
    """
    whole = tokenizer(texts, pairs, return_attention_mask=False, return_token_type_ids=True, verbose=False)
    columns: dict[str, list[list[int]]] = {name: whole[name] for name in names}
    lengths = [len(ids) for ids in columns["input_ids"]]
    for row in (row for row, length in enumerate(lengths) if length > limit):
        cut = tokenizer(texts[row], pairs and pairs[row], truncation=True, max_length=limit, return_token_type_ids=True)
        for name in names:
            columns[name][row] = cut[name]
    return columns, lengths
