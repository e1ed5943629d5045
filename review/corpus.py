"""The data of one side of a review, as its stages left it: what was fetched, kept, derived, and in which split."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from stages.cleaners.survey import joined_texts
from stages.core.samples import SPLITS, name_of

if TYPE_CHECKING:
    from review.sides import Side

Place = str | None
"""A split, or None: unused, or not there."""


def block(content: dict[str, Any], key: str, default: Any = None) -> Any:
    """The value at a dotted key, or the default."""
    for name in key.split("."):
        if not isinstance(content, dict) or name not in content:
            return default
        content = content[name]
    return content


@dataclass(frozen=True)
class Corpus:
    """Samples by id. `content` is a sample's text (with its pair), or the path of its image or sound.

    Args:
        params: the content of params.yaml.
        fetched: id, label, value, of all samples; the label as it came.
        left: id -> why it left the line before split.
        kept: id, name (what people call it), content, label, value, and `extra` (name -> value), of cleaned samples.
        places: id -> its split; None: unused.
        derived: id, name, parent, content, of all derived samples.
    """

    params: dict[str, Any]
    fetched: pa.Table
    left: dict[str, str]
    kept: pa.Table
    places: dict[str, Place]
    derived: pa.Table
    texts: bool = field(default=True)
    """Whether `content` is what the model sees."""

    @cached_property
    def rows(self) -> dict[str, int]:
        """Id -> its row in `kept`."""
        return {one: row for row, one in enumerate(self.kept["id"].to_pylist())}

    @cached_property
    def ids(self) -> list[str]:
        """The ids of the kept samples."""
        return list(self.rows)

    @cached_property
    def contents(self) -> list[str]:
        """`content` of the kept samples."""
        found: list[str] = self.kept["content"].to_pylist()
        return found

    @cached_property
    def answers(self) -> list[str | float | None]:
        """The labels of the kept samples, or their values, where the task is regression."""
        found: list[str | float | None] = self.kept["value" if self.valued else "label"].to_pylist()
        return found

    @cached_property
    def _derived_rows(self) -> dict[str, int]:
        return {one: row for row, one in enumerate(self.derived["id"].to_pylist())}

    def name_of(self, one: str) -> str:
        """What people call a kept or derived sample."""
        table, row = (self.kept, self.rows[one]) if one in self.rows else (self.derived, self._derived_rows[one])
        return str(table["name"][row].as_py())

    def content_of(self, one: str) -> str:
        """The content of a kept or derived sample."""
        if one in self.rows:
            return self.contents[self.rows[one]]
        return str(self.derived["content"][self._derived_rows[one]].as_py())

    @property
    def valued(self) -> bool:
        """Whether answers are values."""
        return bool(self.params.get("task") == "regression")

    @cached_property
    def _members(self) -> dict[Place, list[int]]:
        found: dict[Place, list[int]] = {}
        for row, one in enumerate(self.ids):
            found.setdefault(self.places.get(one), []).append(row)
        return found

    def members(self, split: str) -> list[int]:
        """Rows of `kept` in a split."""
        return self._members.get(split, [])

    def ids_of(self, split: str) -> dict[str, int]:
        """Ids of the samples in a split, with their rows."""
        return {self.ids[row]: row for row in self.members(split)}

    @cached_property
    def trained_derived(self) -> list[int]:
        """Rows of `derived` that are trained on: a derived sample follows its parent, and only into training."""
        parents = self.derived["parent"].to_pylist()
        return [row for row, parent in enumerate(parents) if self.places.get(parent) == SPLITS[0]]


def read_corpus(side: "Side") -> Corpus:
    """Read what the data diff needs; images and sounds are not read, only their paths."""
    params = side.params()
    modality = str(params.get("modality", "text"))
    columns = ["source", "row", *(["text", "text_pair"] if modality == "text" else [f"{modality}.path"])]
    cleaned = side.table("data/cleaned", "samples", ["id", "label", "value", "extra", *columns])
    derived = side.table("data/augmented", "samples", ["id", "parent", *columns])
    assigned = side.table("data/split", "assignment", ["id", "split"])
    metrics = side.json("metrics/clean.json") if side.exists("metrics/clean.json") else {}
    codes = {*(block(params, "validate.reject") or ()), *metrics.get("reasons", {})}
    left = _left(side, "data/validated", "rejected", codes) | _left(side, "data/cleaned", "dropped", codes)
    return Corpus(
        params=params,
        fetched=side.table("data/fetched", "samples", ["id", "label", "value"]),
        left=left,
        kept=_with_content(cleaned, modality).select(["id", "name", "content", "label", "value", "extra"]),
        places=dict(zip(assigned["id"].to_pylist(), assigned["split"].to_pylist(), strict=True)),
        derived=_with_content(derived, modality).select(["id", "name", "parent", "content"]),
        texts=modality == "text",
    )


def _left(side: "Side", folder: str, name: str, codes: set[str]) -> dict[str, str]:
    """Why each sample of a table left: the first of its issues for which samples leave."""
    found = side.table(folder, name, ["id", "issues"])
    pairs = zip(found["id"].to_pylist(), found["issues"].to_pylist(), strict=True)
    return {one: next((code for code in issues if code in codes), ", ".join(issues)) for one, issues in pairs}


def _with_content(table: pa.Table, modality: str) -> pa.Table:
    """The table with the columns `content` and `name`; the data of other times have no rows, and so ids for names."""
    named = [name for name in ("id", "source", "row", "parent", "image", "audio") if name in table.column_names]
    table = table.append_column("name", pa.array(map(name_of, table.select(named).to_pylist()), pa.string()))
    if modality == "text" and table["text_pair"].null_count == len(table):
        return table.append_column("content", pc.fill_null(table["text"], ""))
    if modality == "text":
        return table.append_column("content", pa.array(joined_texts(table), pa.string()))
    column = table[modality]
    paths = pc.struct_field(column, "path") if len(column) else pa.array([], pa.string())
    return table.append_column("content", pc.fill_null(paths, ""))


def keys_of(table: pa.Table) -> dict[str, list[str]]:
    """The extra columns that tell every row apart: name -> values (N,)."""
    extra = table["extra"].combine_chunks()
    if isinstance(extra, pa.ChunkedArray):
        extra = pa.concat_arrays(extra.chunks) if extra.num_chunks else pa.array([], extra.type)
    names, items = extra.keys, extra.items
    found: dict[str, list[str]] = {}
    for name in pc.unique(names).to_pylist():
        values = items.filter(pc.equal(names, name))
        if len(values) == len(table) and not values.null_count and pc.count_distinct(values).as_py() == len(values):
            found[name] = values.to_pylist()
    return found
