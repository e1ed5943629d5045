"""The best values as a change of params.yaml, every comment kept."""

import difflib
import json
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node

from review.trials.space import PLAIN, WORDS, changed


def patch(text: str, values: Mapping[str, Any]) -> str:
    """The unified diff that `git apply` takes; empty where nothing changes."""
    before, after = (whole.splitlines(keepends=True) for whole in (text, edited(text, values)))
    diff = difflib.unified_diff(before, after, "a/params.yaml", "b/params.yaml")
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in diff)


def edited(text: str, values: Mapping[str, Any]) -> str:
    """The text of params.yaml with other values for some dotted keys, and nothing else changed."""
    yaml = YAML(typ="safe", pure=True)
    before = yaml.load(text)
    root = yaml.compose(text)
    places = {key: place(root, key.split(".")) for key in values if look(before, key) != values[key]}
    for key, node in sorted(places.items(), key=lambda item: -item[1].start_mark.index):
        text = replaced(text, node.start_mark.index, node.end_mark.index, flow(values[key]))
    after = yaml.load(text)
    if after != changed(before, values):
        raise ValueError(f"params.yaml cannot be edited by text: {', '.join(places)}")
    return text


def look(content: Any, key: str) -> Any:
    """The value of a dotted key that is there."""
    for part in key.split("."):
        content = content[part]
    return content


def place(node: Node, path: list[str]) -> Node:
    """The node of a dotted key."""
    for part in path:
        assert isinstance(node, MappingNode)
        node = next(value for name, value in node.value if name.value == part)
    return node


def replaced(text: str, start: int, end: int, new: str) -> str:
    """Text with another piece in place; a comment after it stays in its column where there is room."""
    end = start + len(text[start:end].rstrip())  # a block ends where the next key begins
    rest = text[end:]
    spaces = len(rest) - len(rest.lstrip(" "))
    if spaces > 1 and rest[spaces : spaces + 1] == "#":
        kept = max(1, spaces - (len(new) - (end - start)))
        rest = " " * kept + rest[spaces:]
    return text[:start] + new + rest


def flow(value: Any) -> str:
    """A value as flow YAML 1.2 on one line."""
    if isinstance(value, list):
        return f"[{', '.join(flow(one) for one in value)}]"
    if isinstance(value, str):
        plain = PLAIN.fullmatch(value) and value.lower() not in WORDS
        return value if plain else "'" + value.replace("'", "''") + "'"
    return number(value) if type(value) is float else json.dumps(value)


def number(value: float) -> str:
    """As people write it: 3.1e-5, 0.01."""
    mantissa, _, exponent = repr(value).partition("e")
    return f"{mantissa}e{int(exponent)}" if exponent else mantissa
