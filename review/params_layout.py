"""The layout of params.yaml: as DVC writes it, so that `dvc exp run -S key=value` changes the lines of one value.

DVC's writer has each list as a block, null as nothing and long lines folded, and keeps comments but for two places: one
on the line of a list's key makes `-S key=[]` write broken YAML, and one on a line below a list is deleted. Comments
in these places are moved to the nearest one that is safe.
"""

import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

COLUMN = 32
"""Where comments begin, if there is room."""
WIDTH = 78
"""Characters of a mapping on one line, without its comment: DVC folds longer ones."""
COMMENTED = re.compile(
    r"""^(?P<code>(?:[^#'"]|'[^']*'|"[^"]*"|(?<=\S)#)*?)(?P<space>\s*)(?P<comment>(?:^|(?<=\s))#.*)$"""
)
"""A line with a comment; # within quotes or a word is none."""
KEY = re.compile(r"^(?P<indent>\s*)(?:- )?(?P<key>[^\s#'\"-][^:#]*|'[^']*'|\"[^\"]*\"):(?=\s|$)")
ITEM = re.compile(r"^\s*-(\s|$)")


@dataclass(frozen=True)
class Layout:
    """A params file laid out anew, and the comments of the old one that found no place in it."""

    text: str
    lost: list[str] = field(default_factory=list)


def lay_out(text: str) -> Layout:
    """The text as DVC writes it, with the same values; a text that is laid out so stays as it is.

    Raises:
        ruamel.yaml.error.YAMLError: it is no YAML.
    """
    final, before = text, ""
    while final != before:  # a blank line below a list is gone only when DVC has written it twice
        before = final
        safe = _comments_off_lines_below_lists(before)
        final = _comments_off_lists(_written_by_dvc(_unfolded(safe)))
    return Layout(final, _missing(comments(text), comments(final)))


def is_laid_out(text: str) -> bool:
    """Whether DVC would leave the text as it is."""
    return lay_out(text).text == text


def comments(text: str) -> list[str]:
    """The comments of a YAML text, in order, each from its # on."""
    return [found["comment"] for line in text.splitlines() if (found := COMMENTED.match(line))]


def _missing(before: list[str], after: list[str]) -> list[str]:
    """Comments that are not there any more; one that was moved has the key before it that it is about."""
    left = [comment.strip() for comment in after]
    lost = []
    for comment in before:
        words = comment.lstrip("# ").strip()
        found = next((other for other in left if other.endswith(words)), None)
        if found is None:
            lost.append(comment)
        else:
            left.remove(found)
    return lost


def _written_by_dvc(text: str) -> str:
    """The text after an override of DVC that changes no value."""
    from dvc.utils.hydra import apply_overrides

    with tempfile.TemporaryDirectory(prefix="layout-") as folder:
        path = Path(folder) / "params.yaml"
        path.write_text(text, encoding="utf-8")
        apply_overrides(path, [])
        return path.read_text(encoding="utf-8")


def _unfolded(text: str) -> str:
    """Mappings on one line that DVC would fold, as blocks."""
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.width = 10_000
    content = yaml.load(text)
    if not _set_blocks(content, yaml, depth=0):
        return text
    written = StringIO()
    yaml.dump(content, written)
    return "\n".join(_aligned(line) for line in written.getvalue().splitlines()) + "\n"


def _set_blocks(content: Any, yaml: Any, *, depth: int) -> bool:
    """Make blocks of the mappings in `content` that are too long for a line; whether there were any."""
    if not hasattr(content, "fa") or not isinstance(content, dict):
        return False
    changed = False
    for key, value in content.items():
        if not isinstance(value, dict) or not hasattr(value, "fa"):
            continue
        if value.fa.flow_style():
            line = StringIO()
            yaml.dump({"x": value}, line)
            code = _code(line.getvalue().splitlines()[0]).rstrip()
            if 2 * depth + len(str(key)) + len(code) - 1 > WIDTH:
                value.fa.set_block_style()
                changed = True
        changed |= _set_blocks(value, yaml, depth=depth + 1)
    return changed


def _aligned(line: str) -> str:
    """The line with its comment where comments begin, unless it is there already or the line is a comment."""
    found = COMMENTED.match(line)
    if not found or not found["code"].strip() or len(found["code"]) + len(found["space"]) <= COLUMN + 40:
        return line
    return f"{found['code'].rstrip():<{COLUMN - 1}} {found['comment']}"


def _comments_off_lines_below_lists(text: str) -> str:
    """Comment lines below a list become the comment of the key that follows, or stand above the list."""
    lines = text.splitlines()
    number = 0
    while number < len(lines):
        end = number
        while end < len(lines) and lines[end].lstrip().startswith("#"):
            end += 1
        if end > number and number and _ends_list(lines, number - 1):
            block = lines[number:end]
            del lines[number:end]
            _put_elsewhere(lines, number, [line.strip() for line in block])
            continue
        number = max(end, number + 1)
    return "\n".join(lines) + "\n"


def _ends_list(lines: list[str], number: int) -> bool:
    """Whether a list ends in a line: of a block its last item, of a list on one line that line."""
    code = _code(lines[number]).rstrip()
    if ITEM.match(code):
        return True
    return code.endswith("]") and not code.lstrip().startswith("#") and "{" not in code


def _code(line: str) -> str:
    found = COMMENTED.match(line)
    return found["code"] if found else line


def _put_elsewhere(lines: list[str], number: int, block: list[str]) -> None:
    """Give comment lines that stood before line `number` to the key there, if it can take them; else they go up."""
    following = lines[number] if number < len(lines) else ""
    if KEY.match(following) and not COMMENTED.match(following) and not _is_list(lines, number):
        first, *rest = block
        lines[number] = f"{following.rstrip():<{COLUMN - 1}} {first}"
        lines[number + 1 : number + 1] = [f"{'':<{COLUMN}}{line}" for line in rest]
        return
    place = _safe_place(lines, number)
    lines[place:place] = [f"{'':<{COLUMN}}{line}" for line in block]


def _is_list(lines: list[str], number: int) -> bool:
    """Whether the value of the key in a line is a list."""
    found = KEY.match(lines[number])
    if not found:
        return False
    value = _code(lines[number])[found.end() :].strip()
    if value:
        return value.startswith("[")
    below = next((line for line in lines[number + 1 :] if _code(line).strip()), "")
    indent = len(below) - len(below.lstrip())
    return bool(ITEM.match(below)) and indent >= len(found["indent"])


def _comments_off_lists(text: str) -> str:
    """Comments on the line of a list's key, and below it before its first item, stand above the key."""
    lines = text.splitlines()
    for number in _lists_with_comments(lines):
        found = COMMENTED.match(lines[number])
        assert found is not None
        block = [found["comment"]]
        lines[number] = found["code"].rstrip()
        while number + 1 < len(lines) and lines[number + 1].lstrip().startswith("#"):
            block.append(lines.pop(number + 1).strip())
        place = _safe_place(lines, number)
        key = KEY.match(lines[number])
        assert key is not None
        block[0] = f"# {key['key']}: {block[0].lstrip('# ')}"  # it stands below another key now
        lines[place:place] = [f"{'':<{COLUMN}}{line}" for line in block]
    return "\n".join(lines) + "\n"


def _lists_with_comments(lines: list[str]) -> Iterator[int]:
    """Positions of such keys, from the last to the first: what is put in above moves none that is still to come."""
    for number in range(len(lines) - 1, -1, -1):
        if COMMENTED.match(lines[number]) and _is_list(lines, number):
            yield number


def _safe_place(lines: list[str], number: int) -> int:
    """The position at or above `number` where comment lines survive: not directly below a list."""
    while number > 0 and (not _code(lines[number - 1]).strip() or _ends_list(lines, number - 1)):
        if lines[number - 1].lstrip().startswith("#") and not _below_list(lines, number - 1):
            break
        number -= 1
        while number > 0 and (ITEM.match(lines[number]) or _is_list(lines, number)):
            number -= 1
    return number


def _below_list(lines: list[str], number: int) -> bool:
    """Whether a comment line, with those above it, stands below a list."""
    while number > 0 and lines[number].lstrip().startswith("#"):
        number -= 1
    return _ends_list(lines, number)
