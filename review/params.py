"""`python -m review.params`: check params.yaml and the recipes whole, options of every member included.

With `--write-schema` it writes recipes/params.schema.json, which editors use for completion and hints; without,
it checks that the file there is the one that the code gives.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.markup import escape

from review import recipes
from review.params_layout import lay_out
from review.params_sense import account_for, check_sense, look_for_data
from review.params_sentences import describe, sentences
from review.recipes import RECIPES
from review.trials import space
from stages import augmenters as augmenting
from stages import cleaners as cleaning
from stages.checks import CHECKS
from stages.core import report, tables
from stages.core.blocks import Ordered
from stages.core.errors import UserError
from stages.core.params import PATH, Params, checked, parse
from stages.core.registry import member, option_model, options
from stages.sources import SOURCES
from stages.splitters import SPLITTERS

FAMILIES = (
    ("text", cleaning.TEXT, augmenting.TEXT),
    ("image", cleaning.IMAGE, augmenting.IMAGE),
    ("audio", cleaning.AUDIO, augmenting.AUDIO),
)
OUTLIERS = cleaning.OUTLIERS
IMAGE_AUGMENTERS = augmenting.IMAGE
SCHEMA = Path("recipes/params.schema.json")


def check(path: Path) -> None:
    """Check one params file: its keys, the options of every member that it names, switched on or not, and its search.

    A recipe is completed first, for its own source and, where it says how, for files.

    Raises:
        UserError: what is wrong, by dotted key.
    """
    if path.absolute().parent.name != RECIPES.name:
        check_content(parse(path))
        return
    check_content(recipes.complete(path))
    if recipes.LOCAL in parse(path):
        check_content(recipes.complete(path, "data/source"))


def check_content(content: dict[str, Any]) -> None:
    """Check what a complete params file holds, as `check` does.

    Raises:
        UserError: what is wrong, by dotted key.
    """
    accept(content)
    searched = space.dimensions(content, checked(content).search.space)
    space.check(content, searched, accept)


def accept(content: dict[str, Any]) -> None:
    """Check the content of a params file, but for what its search would try.

    Raises:
        UserError: what is wrong, by dotted key.
    """
    params = checked(content)
    check_sense(params)
    _chosen(SOURCES, params.fetch.source, params.fetch.options, "fetch", "source")
    for family, checks in params.validating.checks.items():
        given = {f"{family}.{name}": options for name, options in checks.items()}
        _members(CHECKS, given, "validate.checks")
    for name, cleaners, augmenters in FAMILIES:
        _members(cleaners, _options(getattr(params.clean, name)), f"clean.{name}.steps")
        _members(augmenters, _options(getattr(params.augment, name)), f"augment.{name}.steps")
    given = {name: step.options for name, step in params.clean.outliers.checks.items()}
    _members(OUTLIERS, given, "clean.outliers.checks")
    _members(IMAGE_AUGMENTERS, _options(params.finetune.online), "finetune.online.steps")
    _chosen(SPLITTERS, params.split.method, params.split.options, "split", "method")


def _options(family: Ordered | None) -> dict[str, dict[str, Any]]:
    return {name: step.options for name, step in family.steps.items()} if family else {}


def _members(registry: Mapping[str, str], given: Mapping[str, Mapping[str, Any]], where: str) -> None:
    for name, values in given.items():
        key = f"{where}.{name}"
        options(member(registry, name, key), values, key)


def _chosen(registry: Mapping[str, str], name: str, values: Mapping[str, Any], block: str, key: str) -> None:
    """Check the member that `block.key` names, and its options in `block.options`."""
    options(member(registry, name, f"{block}.{key}"), values, f"{block}.options")


def schema() -> dict[str, Any]:
    """The JSON schema of params.yaml and of recipes, with the options of the steps that can be named in it.

    Each key has what the recipes' comments say of it, and the value of the default. No key is required, since a
    recipe holds what differs; what params.yaml lacks is told by whatever reads it.
    """
    whole = Params.model_json_schema(by_alias=True)
    whole["properties"][recipes.LOCAL] = {
        "type": "object",
        "description": "Of a recipe: what differs for data in files, make use RECIPE=NAME DATA=FOLDER.",
    }
    parts = whole["$defs"]
    for part in (whole, *parts.values()):
        part.pop("required", None)
    for name, cleaners, augmenters in FAMILIES:
        for block, registry in (("Clean", cleaners), ("Augment", augmenters)):
            parts[f"{block}{name.title()}"] = _ordered(registry)
            parts[block]["properties"][name] = {"$ref": f"#/$defs/{block}{name.title()}"}
    parts["Finetune"]["properties"]["online"] = {"anyOf": [{"$ref": "#/$defs/AugmentImage"}, {"type": "null"}]}
    parts["Outliers"]["properties"]["checks"] = _steps(OUTLIERS)
    parts["Fetch"]["properties"]["source"]["enum"] = sorted(SOURCES)
    parts["Split"]["properties"]["method"]["enum"] = sorted(SPLITTERS)
    bases = [RECIPES / f"{name}.yaml" for name in recipes.KINDS]
    for path in (*bases, *sorted(RECIPES.glob("*.yaml"))):  # first those of all texts, then of other modalities
        describe(whole, sentences(path.read_text(encoding="utf-8")), {})
    describe(whole, {}, parse(bases[0]))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | whole


def _ordered(registry: Mapping[str, str]) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "order": {"type": "array", "items": {"enum": sorted(registry)}},
            "steps": _steps(registry),
        },
    }


def _steps(registry: Mapping[str, str]) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {name: _step(registry, name) for name in registry},
    }


def _step(registry: Mapping[str, str], name: str) -> dict[str, Any]:
    function = member(registry, name, name)
    one = option_model(function).model_json_schema()
    summary = (function.__doc__ or "").split("\n\n")[0]
    one["description"] = " ".join(summary.split())
    one["properties"] = {"enabled": {"type": "boolean"}, **one.get("properties", {})}
    one.pop("required", None)
    return one


def look_at_layout(path: Path, *, write: bool) -> None:
    """Tell of a file that `dvc exp run -S` would rewrite in more places than one; with `write` lay it out."""
    text = path.read_text(encoding="utf-8")
    layout = lay_out(text)
    if layout.text == text:
        for remark in layout.remarks():
            report.note(f"{path}: {remark}")
        return
    if not write:
        report.note(
            f"{path}: dvc exp run -S would rewrite more than the value: python -m review.params --lay-out {path}"
        )
        return
    with tables.new_file(path) as partial:
        partial.write_text(layout.text, encoding="utf-8")
    report.note(f"{path}: laid out as DVC writes it")
    for remark in layout.remarks():
        report.note(f"  {remark}")


def main(arguments: Iterable[str] | None = None) -> int:
    """Check everything; 0 where all is well."""
    parser = argparse.ArgumentParser(prog="python -m review.params", description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, help="params files (default: params.yaml and recipes/*.yaml)")
    parser.add_argument(
        "--lay-out", action="store_true", help="write them as DVC does, values and comments as they are"
    )
    parser.add_argument("--write-schema", action="store_true", help=f"write {SCHEMA}")
    given = parser.parse_args(None if arguments is None else list(arguments))
    current = json.dumps(schema(), indent=2) + "\n"
    if given.write_schema:
        SCHEMA.write_text(current, encoding="utf-8")
    paths = given.files or [PATH, *sorted(RECIPES.glob("*.yaml"))]
    right = [path for path in paths if _is_right(path, write=given.lay_out)]
    tell_right(right)
    wrong = len(right) < len(paths)
    if not SCHEMA.exists() or SCHEMA.read_text(encoding="utf-8") != current:
        wrong = True
        report.errors.print(
            f"{SCHEMA} is not what the code says: python -m review.params --write-schema", soft_wrap=True
        )
    return int(wrong)


def _is_right(path: Path, *, write: bool) -> bool:
    """Whether a file is right; what is wrong is told as an error."""
    try:
        check(path)
        look_at_layout(path, write=write)
    except UserError as error:
        report.errors.print(escape(str(error).replace("params.yaml:", f"{path}:")), soft_wrap=True)
        report.errors.print(f"  {escape(error.hint)}", soft_wrap=True)
        return False
    return True


def tell_right(paths: Sequence[Path]) -> None:
    """What the files that are right ask for: a line for each that is no recipe, and how many recipes there are."""
    known = [path for path in paths if path.absolute().parent.name == RECIPES.name]
    for path in (path for path in paths if path not in known):
        params = checked(parse(path))
        report.note(f"{path} is right: {account_for(params)}")
        if absent := look_for_data(params):
            report.note(f"{path}: {absent}; if it lies in a DVC remote: dvc pull")
    if known:
        report.note(f"{len(known)} {'recipe is' if len(known) == 1 else 'recipes are'} right")


if __name__ == "__main__":
    sys.exit(main())
