"""Files of synonym groups: one group a line, words and phrases separated by commas, `#` for comments."""

from pathlib import Path

from stages.core.errors import UserError

KEY = "augment.text.steps.synonym.groups"


def read_groups(path: str | Path) -> list[list[str]]:
    """The groups of a file, each of two words or more; a word stands in one group only.

    Raises:
        UserError: no such file, not UTF-8, no group in it, a group of one, or a word in two places.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except (FileNotFoundError, IsADirectoryError):
        raise UserError(f"params.yaml: {KEY}: {path}: no such file", "see stages/augmenters/synonyms.txt") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 (byte {error.start})", "save the file as UTF-8") from None
    groups: list[list[str]] = []
    place: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        if not (content := line.partition("#")[0].strip()):
            continue
        group = [" ".join(word.split()) for word in content.split(",") if word.strip()]
        if len(group) < 2:
            raise UserError(
                f"{path}, line {number}: {content!r}: a group needs two words", "separate words with commas"
            )
        for word in group:
            if word.lower() in place:  # nlpaug keeps one group a word: the last, without a word about it
                raise UserError(
                    f"{path}, line {number}: {word!r} stands in line {place[word.lower()]} already",
                    "keep it in one of the groups",
                )
            place[word.lower()] = number
        groups.append(group)
    if not groups:
        raise UserError(f"{path}: no group of synonyms in it", "write one group a line: parcel, package")
    return groups
