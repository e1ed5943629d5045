"""The lines of params.yaml: which have comments, where lists stand, and where a comment survives DVC's writer."""

import re

from ruamel.yaml import YAML
from ruamel.yaml.nodes import CollectionNode, MappingNode, Node, SequenceNode

COLUMN = 32
"""Where comments begin, if there is room."""
COMMENTED = re.compile(
    r"""^(?P<code>(?:[^#'"]|'[^']*'|"[^"]*"|(?<=\S)#)*?)(?P<space>\s*)(?P<comment>(?:^|(?<=\s))#.*)$"""
)
"""A line with a comment; # within quotes or a word is none."""
KEY = re.compile(r"^(?P<indent>\s*)(?:- )?(?P<key>[^\s#'\"-][^:#]*|'[^']*'|\"[^\"]*\"):(?=\s|$)")
ITEM = re.compile(r"^\s*-(\s|$)")


def comments(text: str) -> list[str]:
    """The comments of a YAML text, in order, each from its # on."""
    return [found["comment"] for line in text.splitlines() if (found := COMMENTED.match(line))]


def ends_list(lines: list[str], number: int) -> bool:
    """Whether a list ends in a line: of a block its last item, of a list on one line that line."""
    code = code_of(lines[number]).rstrip()
    if ITEM.match(code):
        return True
    return code.endswith("]") and not code.lstrip().startswith("#") and "{" not in code


def code_of(line: str) -> str:
    found = COMMENTED.match(line)
    return found["code"] if found else line


def is_list(lines: list[str], number: int) -> bool:
    """Whether the value of the key in a line is a list."""
    found = KEY.match(lines[number])
    if not found:
        return False
    value = code_of(lines[number])[found.end() :].strip()
    if value:
        return value.startswith("[")
    below = next((line for line in lines[number + 1 :] if code_of(line).strip()), "")
    indent = len(below) - len(below.lstrip())
    return bool(ITEM.match(below)) and indent >= len(found["indent"])


def find_safe_place(lines: list[str], number: int) -> int:
    """The position at or above `number` where comment lines survive: neither inside a list nor below one."""
    while number > 0 and list_is_above(lines, number):
        number -= 1
        while number > 0 and ITEM.match(lines[number]):
            number -= 1  # to the key of the list
    return number


def list_is_above(lines: list[str], number: int) -> bool:
    """Whether a list ends above line `number`, with nothing but comments and blank lines between."""
    above = number - 1
    while above > 0 and not code_of(lines[above]).strip():
        above -= 1
    return above >= 0 and ends_list(lines, above)


def find_lists(text: str) -> list[tuple[int, int]]:
    """First and last line of each list that DVC writes as a block, and of what is in brackets over several lines."""
    spans = []
    waiting = [YAML().compose(text)]
    while waiting:
        node = waiting.pop()
        if not isinstance(node, MappingNode) or node.flow_style:
            continue
        for key, value in node.value:
            waiting.append(value)
            first, last = key.start_mark.line, _last_line(value)
            in_brackets = isinstance(value, CollectionNode) and value.flow_style and last > first
            if isinstance(value, SequenceNode) or in_brackets:
                spans.append((first, last))
    return sorted(spans)


def _last_line(node: Node) -> int:
    """The line of the end of a value, without the comments and blank lines that follow it."""
    if not isinstance(node, CollectionNode) or node.flow_style or not node.value:
        return int(node.end_mark.line)
    last = node.value[-1]
    return _last_line(last[1] if isinstance(last, tuple) else last)
