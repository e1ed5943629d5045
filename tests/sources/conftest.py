"""Reading files as samples, with the options of params.yaml except for those that a test gives."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from stages.core.params import parse
from stages.sources import rows
from stages.sources.files import files

SHIPPED = parse(Path(__file__).parents[2] / "params.yaml")["fetch"]["options"]


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., pa.Table]:
    """`read(path, columns=…, extra=…, splits=…, labels=…, limit_rows=…, **options)`, in `tmp_path`."""
    monkeypatch.chdir(tmp_path)

    def read_files(path: str, **given: Any) -> pa.Table:
        mapping = {"columns": {"text": "text"}, "extra": [], "splits": {}, "labels": {}, "limit_rows": None}
        mapping |= {key: given.pop(key) for key in mapping if key in given}
        source = files(**{**SHIPPED, "files": [], **given})
        reading = source(path, rows.wanted(mapping["columns"], mapping["extra"]))
        return pa.concat_tables(rows.read(reading, **mapping))

    return read_files
