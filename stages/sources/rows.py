"""From a source's raw rows to samples: columns mapped, splits by their three names, the rest as `extra`."""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import repeat
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stages.core import samples
from stages.core.blocks import Column
from stages.core.errors import UserError
from stages.core.samples import INPUTS, SPLITS, Ids
from stages.sources import media
from stages.sources.reading import Raw, Reading, position
from stages.sources.values import as_text, empty_to_null, holds_bytes, joined, numbers

Columns = Mapping[Any, Column | list[Column]]
"""Sample column -> the source's column or, to be joined, columns."""
Extra = Sequence[Column] | str

JOINED = ("text", "text_pair")
EXTRA = samples.SCHEMA.field("extra").type


def wanted(columns: Columns, extra: Extra) -> list[Column]:
    """Every column of the source that params.yaml names, once, in order.

    Raises:
        UserError: no input is mapped, or several columns where only one can be.
    """
    if not set(columns) & set(INPUTS):
        raise UserError(
            "params.yaml: fetch.columns: no input is mapped", "name the source's column for text, image or audio"
        )
    named: list[Column] = []
    for name, column in columns.items():
        if isinstance(column, list) and (name not in JOINED or not column):
            raise UserError(
                f"params.yaml: fetch.columns.{name}: {column!r}: should be one column",
                f"several are joined for {' and '.join(JOINED)} only",
            )
        named += column if isinstance(column, list) else [column]
    return list(dict.fromkeys([*named, *([] if isinstance(extra, str) else extra)]))


def read(
    reading: Reading,
    *,
    columns: Columns,
    extra: Extra,
    splits: Mapping[str, str],
    labels: Mapping[str, str],
    limit_rows: int | None,
) -> Iterator[pa.Table]:
    """All samples in batches, in the schema of `core.samples`; each part's rows are counted in the part.

    The split names of parts are checked before anything is read. `limit_rows` holds for each of those names.
    A cell in the mapped column `split` goes before the split of the part. `labels` gives the source's names of
    classes, to the letter, the project's own.

    Raises:
        UserError: a split name that is neither mapped nor one of the three, or no row at all.
    """
    ids, left = Ids(), dict[str | None, float]()
    names = {part.split: split_name(part.split, splits) for part in reading.parts}
    for part in reading.parts:
        rest = left.get(part.split, limit_rows or math.inf)
        for raw in part.batches if rest else ():
            raw = raw if raw.rows <= rest else raw.slice(0, int(rest))
            first = part.rows + 1
            part.count(raw, _mapped_positions(raw, columns))
            for piece in media.pieces(raw, _media_positions(raw, part.name, columns), reading.root):
                yield to_samples(
                    piece,
                    part.name,
                    first_row=first,
                    split=names[part.split],
                    columns=columns,
                    extra=extra,
                    splits=splits,
                    labels=labels,
                    ids=ids,
                    root=reading.root,
                )
                first += piece.rows
            rest -= raw.rows
            if not rest:
                break
        left[part.split] = rest
    if not sum(part.rows for part in reading.parts):
        raise UserError("the source has no rows", "see fetch.path and fetch.options in params.yaml")


def _mapped_positions(raw: Raw, columns: Columns) -> set[int | None]:
    return {position(raw.names, column) for column in wanted(columns, [])}


def _media_positions(raw: Raw, source: str, columns: Columns) -> dict[int, str]:
    named = [name for name in media.COLUMNS if name in columns]
    found = {position(raw.names, _one(columns, name)): f"{source}: fetch.columns.{name}" for name in named}
    return {at: where for at, where in found.items() if at is not None}


def _one(columns: Columns, name: str) -> Column:
    return cast(Column, columns[name])  # `wanted` has refused lists for media


def to_samples(
    raw: Raw,
    source: str,
    *,
    first_row: int,
    split: str | None,
    columns: Columns,
    extra: Extra,
    splits: Mapping[str, str],
    labels: Mapping[str, str],
    ids: Ids,
    root: Path | None,
) -> pa.Table:
    """One batch as samples. A bad row becomes a sample without inputs: its text stands in `extra["raw"]`.

    `first_row` is the number of its first row in the source, from 1; headers and blank lines do not count.
    """
    texts = [name for name in columns if name not in media.COLUMNS]
    found = {name: _mapped(raw, columns[name], f"{source}: fetch.columns.{name}") for name in texts}
    found |= {name: empty_to_null(found[name]) for name in ("label", "value", "group", "split") if name in found}
    issues = [["row.malformed"] if i in raw.bad else [] for i in range(raw.rows)]
    for name in media.COLUMNS:
        if name in columns:
            where = f"{source}: fetch.columns.{name}"
            found[name], missing = media.media(_column(raw, _one(columns, name)), root, where)
            for index in missing:
                issues[index].append(f"{name}.missing")
    if "value" in found:
        found["value"], invalid = numbers(found["value"])
        for index in invalid:
            issues[index].append("value.invalid")
    if "label" in found:
        found["label"] = _renamed(found["label"], labels)
    answered = [found[name].is_valid() for name in ("label", "value") if name in found]
    if answered:
        found["label_source"] = pc.if_else(pc.or_(answered[0], answered[-1]), "gold", None)
    given = pa.array([split] * raw.rows, pa.string())
    found["split"] = pc.coalesce(_split_column(found["split"], splits), given) if "split" in found else given
    found["id"] = _ids(raw, found, ids)
    found["group"] = pc.coalesce(found["group"], found["id"]) if "group" in found else found["id"]
    found["source"] = pa.array([source] * raw.rows)
    found["row"] = pa.array(range(first_row, first_row + raw.rows), pa.int64())
    found["extra"] = _extra(raw, _extra_positions(raw, columns, extra), f"{source}: fetch.extra")
    return samples.table({**found, "issues": issues})


def _mapped(raw: Raw, column: Column | list[Column], where: str) -> pa.Array:
    if isinstance(column, list):
        return joined([as_text(_column(raw, one), where) for one in column])
    return as_text(_column(raw, column), where)


def _column(raw: Raw, column: Column) -> pa.Array:
    at = position(raw.names, column)
    return pa.nulls(raw.rows, pa.string()) if at is None else raw.columns[at]  # a JSON key that a batch lacks


def _ids(raw: Raw, found: Mapping[str, pa.Array], ids: Ids) -> pa.Array:
    inputs: list[list[Any]] = [_told_apart(name, found.get(name), raw.rows) for name in INPUTS]
    for index, row in raw.bad.items():
        inputs[0][index] = row.raw  # bad rows have no inputs: they are told apart by their text
    return pa.array(ids(zip(*inputs, strict=True)), pa.string())


def _told_apart(name: str, column: pa.Array | None, rows: int) -> list[Any]:
    if column is None:
        return [None] * rows
    return media.identities(column) if name in media.COLUMNS else column.to_pylist()


def split_name(name: str | None, splits: Mapping[str, str]) -> str | None:
    """The split that the source's own name stands for.

    Raises:
        UserError: a name that is neither mapped nor one of the three.
    """
    if name is None or name in splits:
        return name and splits[name]
    if name not in SPLITS:
        raise UserError(
            f"params.yaml: fetch.splits: the source's split '{name}' is not mapped",
            f"set fetch.splits: {{{name}: {' | '.join(SPLITS)}}}",
        )
    return name


def _renamed(column: pa.Array, names: Mapping[str, str]) -> pa.Array:
    coded = column.dictionary_encode()
    known = [names.get(name, name) for name in coded.dictionary.to_pylist()]
    return pa.array(known, pa.string()).take(coded.indices)


def _split_column(column: pa.Array, splits: Mapping[str, str]) -> pa.Array:
    coded = column.dictionary_encode()
    names = [split_name(name, splits) for name in coded.dictionary.to_pylist()]
    return pa.array(names, pa.string()).take(coded.indices)


def _extra_positions(raw: Raw, columns: Columns, extra: Extra) -> list[int]:
    if not isinstance(extra, str):
        return [at for at in (position(raw.names, column) for column in extra) if at is not None]
    mapped = _mapped_positions(raw, columns)
    return [i for i, column in enumerate(raw.columns) if i not in mapped and not holds_bytes(column.type)]


def _extra(raw: Raw, chosen: Sequence[int], where: str) -> pa.Array:
    """The map column: K columns of N values, laid out row by row without the nulls."""
    keys, values = [raw.names[i] for i in chosen], [as_text(raw.columns[i], where) for i in chosen]
    if raw.bad:
        keys.append("raw")
        values.append(pa.array([raw.bad[i].raw if i in raw.bad else None for i in range(raw.rows)], pa.string()))
    if not keys:
        return pa.array(repeat([], raw.rows), EXTRA)
    by_row = np.arange(len(keys) * raw.rows).reshape(len(keys), raw.rows).T.ravel()
    items = pa.concat_arrays(values).take(pa.array(by_row))
    there = items.is_valid()
    lengths = there.to_numpy(zero_copy_only=False).reshape(raw.rows, len(keys)).sum(axis=1)
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())
    names = pa.array(keys).take(pa.array(by_row // raw.rows)).filter(there)
    return pa.MapArray.from_arrays(offsets, names, items.filter(there))
