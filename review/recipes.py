"""Recipes: what differs from the params of their kind of data, completed to all of params.yaml.

`recipes/texts.yaml` holds every key; `values.yaml` (texts with a value), `images.yaml` and `sounds.yaml` hold what
differs from it, and any other recipe what differs from the one of its `modality` and `task`. None of the four names
data, classes or words, so that no recipe inherits those of another one. A recipe of data that the Hub has may say under
`local` what differs for a folder of files.
"""

from dataclasses import replace
from functools import lru_cache
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
VALUES = "values"
"""The recipe that others of texts with a value differ from."""
KINDS = (*BASES.values(), VALUES)
"""The recipes that name no data."""
LOCAL = "local"
"""The key of a recipe that holds what differs where the data are files."""
Content = dict[str, Any]


def names(folder: Path = RECIPES) -> list[str]:
    """The recipes of data there are, in order of the alphabet."""
    return sorted(path.stem for path in folder.glob("*.yaml") if path.stem not in KINDS)


def find(name: str, folder: Path = RECIPES) -> Path:
    """The file of a recipe, by its name or path.

    Raises:
        UserError: there is none; the nearest name.
    """
    path = Path(name) if name.endswith(".yaml") else folder / f"{name}.yaml"
    if not path.is_file():
        known = [*names(folder), *KINDS]
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
    return _laid_out(_put_together(Path(path), data))


@lru_cache(maxsize=64)
def _laid_out(text: str) -> str:
    return lay_out(text).text


def _put_together(path: Path, data: str | None) -> str:
    parse(path)  # which tells of a file that is not there
    return _read_together(path.resolve(), path.stat().st_mtime_ns, data)


@lru_cache(maxsize=64)
def _read_together(path: Path, changed_ns: int, data: str | None) -> str:  # noqa: ARG001
    """A recipe and what it differs from as one text: kept, since the lines of a few hundred keys take a while."""
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
    return SHIPPED / f"{COMPLETE if path.stem in KINDS else kind_of(modality, content.get('task'))}.yaml"


def kind_of(modality: str, task: str | None) -> str:
    """The name of the recipe that holds what such data have in common."""
    return VALUES if modality == "text" and task == "regression" else BASES[modality]
