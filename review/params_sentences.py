"""What the comments of params.yaml say of each key, for the schema that editors show."""

from collections.abc import Iterator, Mapping
from typing import Any

from review.params_lines import COMMENTED, KEY

Schema = dict[str, Any]


def sentences(text: str) -> dict[str, str]:
    """By dotted key: its comment, with the lines that go on with it.

    A comment above a list begins with the list's key, since none can stand on its line.
    """
    found: dict[str, list[str]] = {}
    path: list[tuple[int, str]] = []
    above: list[str] = []
    for line in text.splitlines():
        comment = COMMENTED.match(line)
        words = comment["comment"].lstrip("# ").strip() if comment else ""
        key = KEY.match(line)
        if key is None:
            if words and path:
                above.append(words)
            continue
        name = key["key"].strip("'\"")
        own, others = _shared_out(above, name)
        if path:
            found.setdefault(_dotted(path), []).extend(others)
        above = []
        path = [(indent, outer) for indent, outer in path if indent < len(key["indent"])]
        path.append((len(key["indent"]), name))
        found.setdefault(_dotted(path), []).extend([*own, *([words] if words else [])])
    return {key: " ".join(lines) for key, lines in found.items() if lines}


def _shared_out(lines: list[str], key: str) -> tuple[list[str], list[str]]:
    """Comment lines before a key: those of the key, from the one that names it on, and those of the one above."""
    start = next((number for number, line in enumerate(lines) if line.startswith(f"{key}: ")), len(lines))
    own = [line.removeprefix(f"{key}: ") for line in lines[start:]]
    return own, lines[:start]


def _dotted(path: list[tuple[int, str]]) -> str:
    return ".".join(key for _, key in path)


def describe(schema: Schema, told: Mapping[str, str], defaults: Mapping[str, Any]) -> None:
    """Put sentences, and the shipped values, beside the keys of a schema, in place; those that it does not have are
    left out, and descriptions that it has stay.
    """
    for dotted, sentence in told.items():
        for part in _properties(schema, dotted):
            part.setdefault("description", sentence)
    for dotted, value in _flat(defaults):
        for part in _properties(schema, dotted):
            part.setdefault("default", value)


def _properties(schema: Schema, dotted: str) -> Iterator[Schema]:
    """The part of a schema that a dotted key stands for, if there is one."""
    node: Schema = schema
    for name in dotted.split("."):
        known = _resolved(schema, node).get("properties", {})
        if name not in known:
            return
        node = known[name]
    yield node


def _resolved(schema: Schema, node: Schema) -> Schema:
    """What a reference, alone or beside null, refers to."""
    for one in (node, *node.get("anyOf", ())):
        if "$ref" in one:
            found: Schema = schema["$defs"][one["$ref"].rpartition("/")[2]]
            return found
    return node


def _flat(content: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in content.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
