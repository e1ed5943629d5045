"""The layout of params.yaml: as DVC writes it, so that `dvc exp run -S key=value` changes the lines of one value.

DVC's writer has each list as a block, null as nothing and long lines folded, and keeps comments but for three places:
one on the line of a list's key makes `-S key=[]` write broken YAML, and those inside a list, or below it before the
next key, are deleted. Comments in these places are moved to the nearest one that is safe.
"""

import tempfile
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

from review.params_lines import (
    COLUMN,
    COMMENTED,
    ITEM,
    KEY,
    code_of,
    comments,
    find_lists,
    find_safe_place,
    is_list,
    list_is_above,
)

WIDTH = 78
"""Characters of a mapping on one line, without its comment: DVC folds longer ones."""


@dataclass(frozen=True)
class Layout:
    """A params file laid out anew, and the comments of the old one that found no place in it.

    `refused`: the text is the old one, since a value would have become another one.
    """

    text: str
    lost: list[str] = field(default_factory=list)
    refused: bool = False

    def remarks(self) -> list[str]:
        """What its reader has to know of it, a line each."""
        if self.refused:
            return ["not laid out as DVC writes it: write texts of several lines on one, with \\n in double quotes"]
        return [f"without this comment, for which there is no place: {comment}" for comment in self.lost]


def lay_out(text: str) -> Layout:
    """The text as DVC writes it, with the same values; a text that is laid out so stays as it is.

    Raises:
        ruamel.yaml.error.YAMLError: it is no YAML.
    """
    final, before = text, ""
    while final != before:  # a blank line below a list is gone only when DVC has written it twice
        before = final
        safe = _comments_off_lines_below_lists(_comments_off_lists(before))
        if not _same_values(text, safe):  # lines of a text over several lines look like comments and items
            return Layout(text, refused=True)
        final = _written_by_dvc(_unfolded(safe))
        if not _same_values(text, final):
            return Layout(text, refused=True)
    return Layout(final, _missing(comments(text), comments(final)))


def is_laid_out(text: str) -> bool:
    """Whether DVC would leave the text as it is."""
    layout = lay_out(text)
    return layout.text == text and not layout.refused


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


def _same_values(before: str, after: str) -> bool:
    """Whether both texts hold the same values; a text that is no YAML any more holds others."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        # as text, since 1 == 1.0 == True
        return repr(YAML(typ="safe", pure=True).load(before)) == repr(YAML(typ="safe", pure=True).load(after))
    except YAMLError:
        return False


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
            code = code_of(line.getvalue().splitlines()[0]).rstrip()
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


def _comments_off_lists(text: str) -> str:
    """Comments on the lines of a list stand above its key, with the items that they are about."""
    lines = text.splitlines()
    before = len(lines)
    for first, last in find_lists(text):
        moved = len(lines) - before  # by what was put in, and taken out, for the lists above
        _clear_list(lines, first + moved, last + moved)
    return "\n".join(lines) + "\n"


def _clear_list(lines: list[str], first: int, last: int) -> None:
    """Move the comments on lines `first` (that of the key) to `last` above the key."""
    key = KEY.match(lines[first])
    if not key:
        return
    block = []
    kept = []
    for number in range(first, last + 1):
        found = COMMENTED.match(lines[number])
        if not found:
            kept.append(lines[number])
            continue
        code, words = found["code"].rstrip(), found["comment"].lstrip("# ")
        item = code.strip().removeprefix("- ").rstrip(",")
        about_item = item and number > first and not item.endswith(("]", "}"))
        block.append(f"# {item}: {words}" if about_item else f"# {words}")
        if code:
            kept.append(code)
    if len(kept) > 1 and not ITEM.match(next(filter(str.strip, kept[1:]), "")):  # in brackets: nothing is put between
        kept = [" ".join([kept[0], *(line.strip() for line in kept[1:])])]
    lines[first : last + 1] = kept
    if block:
        place = find_safe_place(lines, first)
        named = [f"# {key['key']}: {block[0].lstrip('# ')}", *block[1:]]  # they stand below another key now
        lines[place:place] = [f"{'':<{COLUMN}}{line}" for line in named]


def _comments_off_lines_below_lists(text: str) -> str:
    """Comment lines below a list become the comment of the key that follows, or stand above the list."""
    lines = text.splitlines()
    number = 0
    while number < len(lines):
        end = number
        while end < len(lines) and lines[end].lstrip().startswith("#"):
            end += 1
        if end > number and list_is_above(lines, number):
            block = lines[number:end]
            del lines[number:end]
            _put_elsewhere(lines, number, [line.strip() for line in block])
            continue
        number = max(end, number + 1)
    return "\n".join(lines) + "\n"


def _put_elsewhere(lines: list[str], number: int, block: list[str]) -> None:
    """Give comment lines that stood before line `number` to the key there, if it can take them; else they go up."""
    following = lines[number] if number < len(lines) else ""
    if KEY.match(following) and not COMMENTED.match(following) and not is_list(lines, number):
        first, *rest = block
        lines[number] = f"{following.rstrip():<{COLUMN - 1}} {first}"
        lines[number + 1 : number + 1] = [f"{'':<{COLUMN}}{line}" for line in rest]
        return
    place = find_safe_place(lines, number)
    lines[place:place] = [f"{'':<{COLUMN}}{line}" for line in block]
