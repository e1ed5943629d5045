"""Two params files put together, as values and as lines, by the types of params.yaml.

Blocks merge key by key. Everything else replaces: mappings of the user's own entries (columns, map, splits, options),
lists, values. Steps merge by name, and those stay that the merged `order` names. Keys of another modality go.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from ruamel.yaml import YAML

from review.params_entries import Entries, Entry
from review.params_lines import COLUMN
from stages.core.blocks import Only, Ordered, block_of, is_mapping, keys
from stages.core.params import Params

Content = dict[str, Any]


def combine(base: Mapping[str, Any], recipe: Mapping[str, Any]) -> Content:
    """The values of the base with what the recipe has otherwise; nothing, in place of a mapping, is an empty one."""
    return _combine(dict(base), dict(recipe), Params, recipe.get("modality"))


def _combine(base: Content, recipe: Content, block: type[BaseModel], modality: str | None) -> Content:
    fields = dict(keys(block))
    merged = {key: value for key, value in base.items() if key in recipe or _belongs(fields.get(key), modality)}
    for key, value in recipe.items():
        field = fields.get(key)
        inner = block_of(field) if field else None
        if inner and isinstance(value, dict) and isinstance(base.get(key), dict):
            merged[key] = _combine(base[key], value, inner, modality)
        else:
            merged[key] = {} if value is None and field and is_mapping(field) else value
    if issubclass(block, Ordered):
        steps = (base.get("steps") or {}) | (recipe.get("steps") or {})
        merged["steps"] = {name: steps[name] for name in _remaining(steps, merged["order"], recipe.get("steps"))}
    return merged


def combine_text(base: str, recipe: str) -> str:
    """The lines of the base with what the recipe has otherwise. A key has the recipe's comment, if there is one."""
    ours, others = Entries.of(base), Entries.of(recipe)
    modality = next((_value(entry) for entry in others.inside if entry.key == "modality"), None)
    return Entries(others.head, _merge(ours.inside, others.inside, Params, modality)).text()


def _merge(
    base: Sequence[Entry], recipe: Sequence[Entry], block: type[BaseModel], modality: str | None
) -> tuple[Entry, ...]:
    fields = dict(keys(block))
    others = {entry.key: entry for entry in recipe}
    merged = []
    for entry in base:
        if entry.key in others:
            merged.append(_merge_one(entry, others[entry.key], fields.get(entry.key), modality))
        elif _belongs(fields.get(entry.key), modality):
            merged.append(entry)
    for entry in recipe:
        if all(entry.key != other.key for other in merged):
            merged.insert(_place(entry.key, merged, list(fields)), entry)
    return _with_steps(merged, base, others) if issubclass(block, Ordered) else tuple(merged)


def _merge_one(base: Entry, recipe: Entry, field: FieldInfo | None, modality: str | None) -> Entry:
    inner = block_of(field) if field else None
    if inner and base.inside is not None and recipe.inside is not None:
        inside = _merge(base.inside, recipe.inside, inner, modality)
        return _commented(replace(base, inside=inside, comment="", above=(), below=()), recipe, base)
    empty = field is not None and is_mapping(field) and _value(recipe) is None
    return _with_comments(replace(recipe, code=f"{recipe.code} {{}}") if empty else recipe, base)


def _with_comments(entry: Entry, base: Entry) -> Entry:
    """An entry that replaces another one, with the comments of the other where it has none, also inside."""
    others = {inner.key: inner for inner in base.inside or ()}
    inside = entry.inside and tuple(
        _with_comments(inner, others[inner.key]) if inner.key in others else inner for inner in entry.inside
    )
    return _commented(replace(entry, inside=inside), base)


def _commented(entry: Entry, *others: Entry) -> Entry:
    """An entry with comments: its own, or else those of the first of the others that has some."""
    told = next((other for other in (entry, *others) if other.comment), entry)
    above = next((other.above for other in (entry, *others) if other.above), ())
    column = told.column if entry.on_one_line or not entry.inside else COLUMN
    return replace(entry, comment=told.comment, column=column, below=told.below, above=above)


def _with_steps(merged: Iterable[Entry], base: Iterable[Entry], recipe: Mapping[str, Entry]) -> tuple[Entry, ...]:
    """Entries of an `Ordered` block, with the steps of both sides that its order names."""
    by_key = {entry.key: entry for entry in merged}
    ours = next((entry for entry in base if entry.key == "steps"), by_key["steps"])
    others = {step.key: step for step in recipe["steps"].inside or ()} if "steps" in recipe else {}
    steps = {step.key: step for step in ours.inside or ()} | others
    inside = tuple(steps[name] for name in _remaining(steps, _value(by_key["order"]), others))
    return tuple(replace(entry, inside=inside) if entry.key == "steps" else entry for entry in merged)


def _remaining(steps: Mapping[str, Any], order: Any, recipe: Mapping[str, Any] | None) -> list[str]:
    """The names of the steps that stay: those in the order, and what only the recipe has, for the check to tell."""
    named = [name for name in order or () if name in steps]
    return named + [name for name in recipe or () if name not in named]


def _value(entry: Entry) -> Any:
    """The value that the lines of an entry have."""
    return YAML(typ="safe", pure=True).load("\n".join(entry.lines(0))).get(entry.key)


def _place(key: str, entries: Sequence[Entry], order: Sequence[str]) -> int:
    """Where a new key goes: behind the last one that the types have before it."""
    before = order[: order.index(key)] if key in order else order
    return max((number + 1 for number, entry in enumerate(entries) if entry.key in before), default=0)


def _belongs(field: FieldInfo | None, modality: Any) -> bool:
    """Whether a key of the base belongs to the recipe's modality."""
    marks = [mark for mark in field.metadata if isinstance(mark, Only)] if field else []
    return modality is None or all(modality in mark.modalities for mark in marks)
