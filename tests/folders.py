"""Two sides of a review without Git: folders with the tables, metrics and params that a run leaves."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from ruamel.yaml import YAML

from review.sides import NoOutputs, Side
from stages.core import samples, tables
from stages.split import SCHEMA
from tests import workplace
from tests.workplace import Row


def side(folder: Path, title: str = "head") -> Side:
    """The side that a folder holds."""
    return Side(title, None, title, folder, NoOutputs())


def lay_out(
    folder: Path,
    kept: Sequence[Row] | pa.Table,
    *,
    derived: Sequence[Row] | pa.Table = (),
    fetched: Sequence[Row] | pa.Table | None = None,
    dropped: Mapping[str, str] | None = None,
    changes: Mapping[str, Any] | None = None,
    recipe: str = "recipes/messages.yaml",
    metrics: Mapping[str, Any] | None = None,
) -> Path:
    """Write what the stages up to split leave. The `split` of a kept row is where it is; `dropped`: id -> reason."""
    cleaned = kept if isinstance(kept, pa.Table) else workplace.table(kept)
    source = cleaned if fetched is None else fetched if isinstance(fetched, pa.Table) else workplace.table(fetched)
    augmented = derived if isinstance(derived, pa.Table) else workplace.table(derived) if derived else None
    left = [{"id": one, "text": "", "issues": [reason]} for one, reason in (dropped or {}).items()]
    count = len(cleaned)
    assignment = [cleaned["id"], cleaned["split"], pa.nulls(count, pa.int32()), pa.nulls(count, pa.string())]
    empty = samples.SCHEMA.empty_table()
    written = {
        "fetched": {"samples": source},
        "validated": {"rejected": empty},
        "cleaned": {"samples": cleaned, "dropped": workplace.table(left) if left else empty},
        "augmented": {"samples": augmented or empty},
        "split": {"assignment": pa.table(assignment, schema=SCHEMA)},
    }
    for name, content in written.items():
        with tables.new_folder(folder / "data" / name) as place:
            for table, rows in content.items():
                tables.write(place, table, rows)
    params = workplace.params(changes or {}, recipe)
    with (folder / "params.yaml").open("w", encoding="utf-8") as file:
        YAML().dump(params, file)
    clean = {
        "clean": {
            "rows": count + len(left),
            "dropped": len(left),
            "reasons": dict.fromkeys((dropped or {}).values(), 1),
        }
    }
    for stage, content in {**clean, **(metrics or {})}.items():
        tables.write_json(folder / f"metrics/{stage}.json", content)
    return folder
