"""The lines of a params file, key by key, so that two files can be put together with their comments."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node

from review.params_lines import COLUMN, COMMENTED, code_of


@dataclass(frozen=True)
class Entry:
    """A key and its lines, without those of the keys inside it.

    `above` and `below` are the comment lines before and after the key's own line, `code` and `comment` the parts of
    that line, `column` where the comment begins, `rest` the further lines of a value that has no keys of its own here
    (items of a list, a long text).
    """

    key: str
    code: str
    comment: str = ""
    column: int = COLUMN
    above: tuple[str, ...] = ()
    below: tuple[str, ...] = ()
    rest: tuple[str, ...] = ()
    inside: tuple["Entry", ...] | None = None
    on_one_line: bool = False

    def lines(self, depth: int) -> list[str]:
        """The entry as lines of a file, `depth` levels in."""
        indent = "  " * depth
        if self.on_one_line and self.inside is not None:
            values = ", ".join(entry.code for entry in self.inside)
            return [*self.above, self._commented(f"{indent}{self.code} {{{values}}}"), *self.below]
        own = [*self.above, self._commented(f"{indent}{self.code}"), *self.below, *self.rest]
        return own + [line for entry in self.inside or () for line in entry.lines(depth + 1)]

    def one_level_up(self) -> "Entry":
        """The entry with lines as they stand a level further out."""
        above, below, rest = (
            tuple(line.removeprefix("  ") for line in lines) for lines in (self.above, self.below, self.rest)
        )
        inside = None if self.inside is None else tuple(entry.one_level_up() for entry in self.inside)
        return replace(self, above=above, below=below, rest=rest, inside=inside)

    def _commented(self, code: str) -> str:
        return f"{code:<{self.column - 1}} {self.comment}" if self.comment else code


@dataclass(frozen=True)
class Entries:
    """A params file: the lines before its first key, and its entries."""

    head: tuple[str, ...]
    inside: tuple[Entry, ...] = field(default=())

    @classmethod
    def of(cls, text: str) -> "Entries":
        """The entries of a YAML text whose top is a mapping of keys on lines of their own."""
        lines = text.splitlines()
        node = YAML().compose(text)
        if not isinstance(node, MappingNode) or node.flow_style or not node.value:
            return cls(tuple(lines))
        first = node.value[0][0].start_mark.line
        start = _start_of_comments(lines, 0, first, _word(node.value[0][0]))
        return cls(tuple(lines[:start]), tuple(_entries(node, lines, start, len(lines))))

    def text(self) -> str:
        """The file."""
        return "\n".join([*self.head, *(line for entry in self.inside for line in entry.lines(0))]) + "\n"


def _entries(node: MappingNode, lines: list[str], start: int, end: int) -> Iterable[Entry]:
    """The entries of a mapping whose lines, with their comments, are `start` to `end`."""
    for number, (key, value) in enumerate(node.value):
        line = key.start_mark.line
        last = len(node.value) - 1
        stop = end if number == last else _end_of_value(lines, line, node.value[number + 1][0])
        yield _entry(key, value, lines, (start, line, stop))
        start = stop


def _entry(key: Node, value: Node, lines: list[str], span: tuple[int, int, int]) -> Entry:
    start, line, stop = span
    code = code_of(lines[line]).strip()
    commented = COMMENTED.match(lines[line])
    comment, column = (commented["comment"], commented.start("comment")) if commented else ("", COLUMN)
    above = tuple(lines[start:line])
    if isinstance(value, MappingNode) and value.value and not value.flow_style:
        first = value.value[0][0]
        inner = _end_of_value(lines, line, first)
        below, inside = tuple(lines[line + 1 : inner]), tuple(_entries(value, lines, inner, stop))
        return Entry(_word(key), code, comment, column, above, below, inside=inside)
    if isinstance(value, MappingNode) and value.flow_style and value.end_mark.line == line:
        inside = tuple(_of_one_line(pair) for pair in value.value)
        head = code[: value.start_mark.column - key.start_mark.column].rstrip()
        return Entry(
            _word(key), head, comment, column, above, tuple(lines[line + 1 : stop]), inside=inside, on_one_line=True
        )
    start_of_rest = next((at for at in range(line + 1, stop) if code_of(lines[at]).strip()), stop)
    below, rest = tuple(lines[line + 1 : start_of_rest]), tuple(lines[start_of_rest:stop])
    return Entry(_word(key), code, comment, column, above, below, rest)


def _of_one_line(pair: tuple[Node, Node]) -> Entry:
    key, value = pair
    source = key.start_mark.buffer or ""
    return Entry(_word(key), source[key.start_mark.index : value.end_mark.index])


def _word(key: Node) -> str:
    return str(key.value)


def _end_of_value(lines: list[str], line: int, following: Node) -> int:
    """Where the lines end that belong to the key in `line`: comments before the next key may belong to either."""
    return _start_of_comments(lines, line + 1, following.start_mark.line, _word(following), lines[line])


def _start_of_comments(lines: list[str], first: int, line: int, key: str, before: str = "") -> int:
    """Where the comments of the key in `line` begin, not before line `first`.

    They begin with an empty line, or with the key's name; others go on with the comment of the key before, where that
    has one.
    """
    start = line
    while start > first and not code_of(lines[start - 1]).strip():
        start -= 1
    block = lines[start:line]
    begin = next((number for number, text in enumerate(block) if _begins(text, key)), None)
    if begin is not None:
        return start + begin
    goes_on = start == first and COMMENTED.match(before) is not None
    return line if goes_on else start


def _begins(line: str, key: str) -> bool:
    words = line.strip().lstrip("# ")
    return not words or words.startswith(f"{key}:")
