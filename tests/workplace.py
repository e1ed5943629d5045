"""A place to run stages in: a folder, the shipped params.yaml with changes, and samples as `fetch` would give them."""

import contextlib
import copy
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import pyarrow as pa
from hypothesis import settings

from review import recipes
from stages.core import samples, tables

ROOT = Path(__file__).parents[1]
Row = dict[str, Any]

quick = settings(max_examples=50, deadline=None, derandomize=True)
"""For property tests: the same examples in every run, however slow the machine."""
few = settings(quick, max_examples=20)
"""For those that run whole stages."""

LAX = {
    "validate.contract.min_rows": 0,
    "validate.contract.min_rows_per_class": 0,
    "validate.contract.max_imbalance": 1e9,
    "validate.contract.max_shares": {},
}
"""A contract that nothing breaks."""


@cache
def shipped(name: str) -> dict[str, Any]:
    return recipes.complete(ROOT / name)


@cache
def text(name: str = "recipes/messages.yaml") -> str:
    """The params.yaml that a recipe makes: the shipped one, or another."""
    return recipes.complete_text(ROOT / name)


def params(changes: Mapping[str, Any], recipe: str = "recipes/messages.yaml") -> dict[str, Any]:
    """The content of the shipped params.yaml, or of a recipe, with other values for some dotted keys.

    Few rows are trained for as few epochs as a test says: `finetune.min_updates` is off unless it asks for it.
    """
    content = copy.deepcopy(shipped(recipe))
    content["finetune"]["min_updates"] = 0
    for key, value in changes.items():
        *path, last = key.split(".")
        block = content
        for name in path:
            block = block[name]
        block[last] = value
    return content


@contextlib.contextmanager
def working_in(folder: Path | str, changes: Mapping[str, Any], recipe: str = "recipes/messages.yaml") -> Iterator[None]:
    """Stages run in `folder`, with the changed params (handed over as what YAML would give)."""
    content = params(changes, recipe)
    with contextlib.chdir(folder), mock.patch("stages.core.params.parse", lambda _: content):
        yield


def table(rows: Sequence[Row]) -> pa.Table:
    """Samples from rows with some of the columns; labels that are given are gold."""
    ids = samples.Ids()([[row.get("text"), row.get("text_pair"), None, None] for row in rows])
    full = [
        {"id": i, "group": i, "source": "test", "issues": [], "label_source": row.get("label") and "gold", **row}
        for i, row in zip(ids, rows, strict=True)
    ]
    return samples.table({name: [row.get(name) for row in full] for name in samples.SCHEMA.names})


def put(stage: str, name: str, content: pa.Table) -> None:
    """Write a table where a stage would."""
    with tables.new_folder(f"data/{stage}") as folder:
        tables.write(folder, name, content)


def rows(stage: str, name: str) -> list[Row]:
    """What a stage wrote."""
    found: list[Row] = tables.read(f"data/{stage}", name).to_pylist()
    return found


def leftovers() -> list[str]:
    """Files and folders that a stage had begun."""
    return sorted(path.as_posix() for path in Path().rglob("*.partial"))
