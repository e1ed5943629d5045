"""Values of any Arrow type as text or numbers, a column at a time."""

import json
import math
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from stages.core.errors import UserError


def as_text(column: pa.Array, where: str) -> pa.Array:
    """Text: numbers as written, whole ones without `.0`; NaN is null; nested values are JSON.

    Raises:
        UserError: bytes that are no text; `where` names the column.
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        return as_text(column.dictionary_decode(), where)
    if pa.types.is_floating(kind):
        column = pc.if_else(pc.is_nan(column), None, column)
    hint = "map a column of text, and list the columns wanted in fetch.extra"
    if pa.types.is_nested(kind):
        if holds_bytes(kind):
            raise UserError(f"{where}: the column holds {kind}, not text", hint)
        return pa.array(map(_json, column.to_pylist()), pa.string())
    try:
        return column.cast(pa.string())
    except pa.ArrowException as error:
        raise UserError(f"{where}: the column holds {kind}, not text: {error}", hint) from None


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False, default=str)


def holds_bytes(kind: pa.DataType) -> bool:
    """Whether a type is binary, or a structure with binary inside, as images and audio are."""
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return True
    return any(holds_bytes(kind.field(i).type) for i in range(kind.num_fields))


def empty_to_null(column: pa.Array) -> pa.Array:
    """Text in which the empty text is null."""
    return pc.if_else(pc.equal(column, ""), None, column)


def joined(columns: list[pa.Array]) -> pa.Array:
    """Texts of several columns, with a space between those that are not empty; null where all are null."""
    rows = zip(*(column.to_pylist() for column in columns), strict=True)
    return pa.array((None if set(row) == {None} else " ".join(filter(None, row)) for row in rows), pa.string())


def numbers(column: pa.Array) -> tuple[pa.Array, list[int]]:
    """Text as finite floats, null where it is none, and the rows where something stands that is no number."""
    texts = column.to_pylist()
    found = [None if text is None else _finite(text) for text in texts]
    invalid = [
        i for i, (text, number) in enumerate(zip(texts, found, strict=True)) if text is not None and number is None
    ]
    return pa.array(found, pa.float64()), invalid


def _finite(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and "_" not in text else None
