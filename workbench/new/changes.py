"""What params.yaml says otherwise than its recipe: values by dotted key, written as a text of its own."""

import copy
from collections.abc import Mapping
from io import StringIO
from typing import Any

from pydantic import BaseModel
from ruamel.yaml import YAML

from review.params_lines import COLUMN
from stages.core.blocks import Ordered, block_of, keys
from stages.core.params import Params

Content = dict[str, Any]


class Changes:
    """Values that differ from a complete `base`. Mappings of the user's own entries are written whole."""

    def __init__(self, base: Mapping[str, Any]) -> None:
        self._base = base
        self._values: dict[str, Any] = {}
        self._comments: dict[str, str] = {}

    def put(self, key: str, value: Any, comment: str = "") -> None:
        """Set a dotted key, and say beside it why."""
        self._values[key] = value
        if comment:
            self._comments[key] = comment

    def get(self, key: str) -> Any:
        """The value of a dotted key as it will be: a copy."""
        found: Any = self.content()
        for part in key.split("."):
            found = found[part]
        return found

    def content(self) -> Content:
        """The base with all changes."""
        whole = copy.deepcopy(dict(self._base))
        for key, value in self._values.items():
            _set(whole, key, copy.deepcopy(value))
        return whole

    def text(self, head: str) -> str:
        """The changes alone as YAML, under `head` as a comment."""
        whole, part = self.content(), Content()
        for key in self._values:
            _copy_to_the_last_block(whole, part, key.split("."))
        part = {"version": whole["version"]} | part
        yaml, written = YAML(), StringIO()
        yaml.width = 10_000
        yaml.representer.add_representer(type(None), _write_nothing)
        yaml.dump(part, written)
        lines = _with_comments(written.getvalue().splitlines(), self._comments)
        return "\n".join([*(f"# {line}".rstrip() for line in head.splitlines()), "", *lines, ""])


def _set(content: Content, key: str, value: Any) -> None:
    *path, last = key.split(".")
    for part in path:
        content = content.setdefault(part, {})
    content[last] = value


def _copy_to_the_last_block(whole: Any, part: Content, path: list[str]) -> None:
    """Copy the value at `path`, or the mapping of the user's own entries that it stands in."""
    block: type[BaseModel] = Params
    for number, name in enumerate(path):
        field = dict(keys(block)).get(name)
        inner = block_of(field) if field else None
        if issubclass(block, Ordered) and name == "steps" and number == len(path) - 2:
            part[name] = {path[-1]: copy.deepcopy(whole[name][path[-1]])}  # steps merge by name
            return
        if inner is None or number == len(path) - 1:
            part[name] = copy.deepcopy(whole[name])
            return
        part = part.setdefault(name, {})
        whole, block = whole[name], inner


def _write_nothing(dump: Any, _: None) -> Any:
    return dump.represent_scalar("tag:yaml.org,2002:null", "")


def _with_comments(lines: list[str], comments: Mapping[str, str]) -> list[str]:
    """Each comment behind the line of its key."""
    path: list[str] = []
    found = []
    for line in lines:
        name, colon, _ = line.strip().partition(":")
        if colon and not line.strip().startswith("- "):
            depth = (len(line) - len(line.lstrip())) // 2
            path = [*path[:depth], name]
            comment = comments.get(".".join(path))
            line = f"{line:<{COLUMN - 1}} # {comment}" if comment else line
        found.append(line)
    return found
