"""Reading files as samples, with the options of params.yaml except for those that a test gives; tiny media."""

import io
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from stages.sources import rows
from stages.sources.files import files
from stages.sources.folder import folder
from stages.sources.reading import Reading
from tests.workplace import params

SHIPPED = params({})["fetch"]["options"]


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


FOLDER = {
    "suffixes": [],
    "index": None,
    "file_column": "file",
    "splits_from_folders": False,
    "max_files": 100,
    "max_file_bytes": 2**20,
    "max_total_bytes": 2**23,
}


@pytest.fixture
def open_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Reading]:
    """`open_folder(path, columns, **options)`, in `tmp_path`."""
    monkeypatch.chdir(tmp_path)

    def open_it(path: str, columns: tuple[str, ...] = (), /, **options: Any) -> Reading:
        return folder(**{**FOLDER, **options})(path, columns)

    return open_it


@pytest.fixture
def as_samples() -> Callable[..., pa.Table]:
    """`as_samples(reading, columns, extra=…, splits=…, labels=…, limit_rows=…)`."""

    def read_it(reading: Reading, columns: dict[str, Any], **given: Any) -> pa.Table:
        mapping = {"extra": [], "splits": {}, "labels": {}, "limit_rows": None, **given}
        return pa.concat_tables(rows.read(reading, columns=columns, **mapping))

    return read_it


@pytest.fixture
def png() -> Callable[[int], bytes]:
    """`png(grey)`: an 8x8 picture."""
    from PIL import Image

    def make(grey: int) -> bytes:
        file = io.BytesIO()
        Image.new("L", (8, 8), grey).save(file, "PNG")
        return file.getvalue()

    return make


@pytest.fixture
def wav() -> Callable[[int], bytes]:
    """`wav(value)`: eight samples, mono, 16 bit, 8 kHz."""

    def make(value: int) -> bytes:
        file = io.BytesIO()
        with wave.open(file, "wb") as sound:
            sound.setparams((1, 2, 8_000, 0, "NONE", "not compressed"))
            sound.writeframes(value.to_bytes(2, "little") * 8)
        return file.getvalue()

    return make
