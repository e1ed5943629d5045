"""The source `hub`: a data set of the Hugging Face Hub, or a local folder in its layout, streamed."""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from stages.core import report
from stages.core.blocks import Column
from stages.core.errors import UserError
from stages.core.tables import BATCH_ROWS
from stages.sources.locate import locate
from stages.sources.media import MAX_FILE_BYTES
from stages.sources.reading import Part, Raw, Reading, Source, require
from stages.sources.values import holds_bytes

MEDIA_ROWS = 64
"""Rows at a time where they hold images or sounds: a few MiB each at most."""

OFFLINE = (
    "check the name and the network; HF_TOKEN is needed for private data sets, HF_HUB_OFFLINE must be unset; "
    "or download the files and set fetch.source: files"
)


def hub(*, dataset: str, config: str | None, revision: str | None, splits: list[str]) -> Source:
    """`dataset`: a Hub id or a local folder; `splits`: those to read, by the data set's names, all if empty.

    `revision` is a commit, tag or branch; provenance records the commit that it stood for. Class numbers
    become class names, and -1, the Hub's mark for a missing label, null. Images and sounds stay encoded, with bytes
    and path; where the data set has single files, they are read one by one. No code of the data set is run.
    """

    def open_hub(_path: str, columns: Sequence[Column]) -> Reading:
        described = _local(dataset) if Path(dataset).is_dir() else _remote(dataset, revision)
        commit = described["revision"]
        names = splits or _asked(dataset, _split_names, dataset, config, commit)
        streams = {name: _asked(dataset, _stream, dataset, config, commit, name) for name in names}
        parts = [
            Part(dataset, name, _checked(dataset, f"{dataset}: split {name}", stream, columns), {"name": name})
            for name, stream in streams.items()
        ]
        root = Path(dataset) if Path(dataset).is_dir() else None
        return Reading(parts, "dataset_splits", {"dataset": dataset, "config": config, **described}, root)

    return open_hub


def _local(dataset: str) -> dict[str, Any]:
    found = locate(dataset, ["**/*"])
    return {"revision": None, "bytes": sum(f.bytes for f in found), "files": [f.described() for f in found]}


def _remote(dataset: str, revision: str | None) -> dict[str, Any]:
    from huggingface_hub import HfApi

    if revision is None:
        report.note(f"{dataset}: fetch.options.revision is null: the newest is taken; pin it to get the same again")
    info = _asked(dataset, partial(HfApi().dataset_info, dataset, revision=revision, files_metadata=True))
    return {"revision": info.sha, "bytes": sum(file.size or 0 for file in info.siblings or [])}


def _split_names(dataset: str, config: str | None, commit: str | None) -> list[str]:
    from datasets import get_dataset_split_names

    return [str(name) for name in get_dataset_split_names(dataset, config, revision=commit)]


def _stream(dataset: str, config: str | None, commit: str | None, split: str) -> Any:
    from datasets import load_dataset

    return load_dataset(dataset, config, revision=commit, split=split, streaming=True)


def _asked(dataset: str, ask: Callable[..., Any], *given: Any) -> Any:
    """What `ask` returns, or a `UserError` for what the Hub, the network or the data set's layout refuses."""
    from datasets.exceptions import DatasetsError
    from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined]  # its client's: no network, too

    try:
        return ask(*given)
    except (OSError, HTTPError, DatasetsError) as error:
        raise UserError(f"{dataset}: {_first_line(error)}", OFFLINE) from None
    except (
        ValueError,
        RuntimeError,
        pa.ArrowException,
    ) as error:  # what datasets raises for configs, splits, scripts
        raise UserError(
            f"{dataset}: {_first_line(error)}", "see fetch.options.config, revision and splits in params.yaml"
        ) from None


def _checked(dataset: str, where: str, stream: Any, columns: Sequence[Column]) -> Iterator[Raw]:
    batches = _batches(dataset, stream, where, columns)
    while (raw := _asked(dataset, next, batches, None)) is not None:
        yield raw


def _batches(dataset: str, stream: Any, where: str, columns: Sequence[Column]) -> Iterator[Raw]:
    from datasets import Audio, ClassLabel, Features, Image

    features = Features(stream.features or {})
    media = [name for name, feature in features.items() if isinstance(feature, Audio | Image)]
    for name in media:
        stream = stream.cast_column(name, type(features[name])(decode=False))
    classes = {name: feature.names for name, feature in features.items() if isinstance(feature, ClassLabel)}
    rows = MEDIA_ROWS if any(holds_bytes(field.type) for field in features.arrow_schema) else BATCH_ROWS
    for table in stream.with_format("arrow").iter(batch_size=rows):
        names = table.column_names
        require(names, columns, where)
        arrays = [_named(_whole(table.column(name)), classes.get(name)) for name in names]
        wanted = [
            _filled(array, dataset) if name in media else array for name, array in zip(names, arrays, strict=True)
        ]
        yield Raw(names, wanted, len(table))


def _filled(column: pa.Array, dataset: str) -> pa.Array:
    """Media with the bytes of files that the data set gives by their address in its own repository."""
    if not pc.any(pc.struct_field(column, "bytes").is_null()).as_py():
        return column
    import fsspec

    own = re.compile(rf"(?:zip://[^:]*::)?hf://datasets/{re.escape(dataset)}[@/]")
    cells = column.to_pylist()
    for cell in cells:
        if cell and cell["bytes"] is None and own.match(cell["path"] or ""):
            with fsspec.open(cell["path"], "rb") as file:
                content: bytes = file.read(MAX_FILE_BYTES + 1)
            if len(content) > MAX_FILE_BYTES:
                raise UserError(f"{cell['path']}: more than {MAX_FILE_BYTES:,} bytes", "download what you need of it")
            cell["bytes"] = content
    return pa.array(cells, column.type)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return pa.concat_arrays(column.chunks) if column.num_chunks != 1 else column.chunk(0)


def _named(column: pa.Array, classes: Sequence[str] | None) -> pa.Array:
    if classes is None or not pa.types.is_integer(column.type):
        return column
    numbers = [None if number is None or number < 0 else number for number in column.to_pylist()]
    return pa.array(classes, pa.string()).take(pa.array(numbers, pa.int64()))


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
