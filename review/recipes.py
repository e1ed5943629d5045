"""Recipes: what differs from the params of their modality, completed to all of params.yaml.

`recipes/texts.yaml` holds every key; `images.yaml` and `sounds.yaml` hold what differs from it, and any other recipe
what differs from the one of its `modality`. None of the three names data, classes or words, so that no recipe inherits
those of another one. A recipe of data that the Hub has may say under `local` what differs for a folder of files.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from review.params_entries import Entries
from review.params_layout import lay_out
from review.params_merge import combine, combine_text
from stages.core.errors import UserError
from stages.core.params import parse, parse_text
from stages.core.registry import nearest

RECIPES = Path("recipes")
SHIPPED = Path(__file__).parents[1] / RECIPES
"""The folder that holds what all recipes differ from, wherever they are."""
BASES = {"text": "texts", "image": "images", "audio": "sounds"}
"""Modality -> the recipe that its others differ from."""
COMPLETE = BASES["text"]
"""The recipe that needs no other one."""
LOCAL = "local"
"""The key of a recipe that holds what differs where the data are files."""
Content = dict[str, Any]


def names(folder: Path = RECIPES) -> list[str]:
    """The recipes of data there are, in order of the alphabet."""
    return sorted(path.stem for path in folder.glob("*.yaml") if path.stem not in BASES.values())


def find(name: str, folder: Path = RECIPES) -> Path:
    """The file of a recipe, by its name or path.

    Raises:
        UserError: there is none; the nearest name.
    """
    path = Path(name) if name.endswith(".yaml") else folder / f"{name}.yaml"
    if not path.is_file():
        known = [*names(folder), *BASES.values()]
        raise UserError(f"{name}: no such recipe{nearest(Path(name).stem, known)}", f"known: {', '.join(known)}")
    return path


def complete(path: str | Path, data: str | None = None) -> Content:
    """All of params.yaml as a recipe has it, for the recipe's own source or for `data`: a file or folder.

    Raises:
        UserError: no such file, not YAML, or a modality that does not exist.
    """
    return parse_text(_put_together(Path(path), data), path)


def complete_text(path: str | Path, data: str | None = None) -> str:
    """`complete`, as the text of a params.yaml: with the comments of both, laid out as DVC writes it.

    Raises:
        UserError: as `complete`.
    """
    return lay_out(_put_together(Path(path), data)).text


def _put_together(path: Path, data: str | None) -> str:
    content = parse(path)
    text = path.read_text(encoding="utf-8")
    base = _base(path, content)
    text, of_files = _without_local(text)
    if base:
        text = merge_text(_put_together(base, None), text)
    if data is None:
        return text
    if of_files:
        text = merge_text(text, of_files)
    return merge_text(text, f"fetch:\n  path: {data}\n")


def merge_text(base: str, changes: str) -> str:
    """The text of a params file with what another one has otherwise, each key with its comment.

    Raises:
        UserError: one of them is not YAML.
        RuntimeError: the text has other values than `combine` gives.
    """
    merged = combine_text(base, changes)
    if parse_text(merged) != combine(parse_text(base), parse_text(changes)):
        raise RuntimeError("the lines put together have other values than the two files; please report it")
    return merged


def _without_local(text: str) -> tuple[str, str]:
    """A recipe's text without the key `local`, and what stands under it as a text of its own."""
    entries = Entries.of(text)
    inside = [entry for entry in entries.inside if entry.key == LOCAL and entry.inside]
    if not inside:
        return text, ""
    kept = tuple(entry for entry in entries.inside if entry.key != LOCAL)
    under = tuple(entry.one_level_up() for entry in inside[0].inside or ())
    return replace(entries, inside=kept).text(), Entries((), under).text()


def _base(path: Path, content: Content) -> Path | None:
    """The recipe that another one differs from; None for the one that is complete."""
    modality = content.get("modality", "text")
    if modality not in BASES:
        raise UserError(f"{path}: modality: {modality!r}{nearest(str(modality), BASES)}", f"one of: {', '.join(BASES)}")
    if path.stem == COMPLETE:
        return None
    return SHIPPED / f"{COMPLETE if path.stem in BASES.values() else BASES[modality]}.yaml"
