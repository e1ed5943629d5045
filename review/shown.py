"""What samples hold: the texts, paths and sizes that people look at beside numbers."""

import io
from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from review.sides import Side
from stages.core.samples import name_of

FOLDER, NAME = "data/cleaned", "samples"
SHOWN_CHARACTERS = 300
MEASURED_BYTES = 512 * 2**20
"""Of shards with images or sounds: larger ones are not read for their sizes."""


def texts(side: Side, ids: Sequence[str], modality: str) -> dict[str, tuple[str, str]]:
    """By id, of the samples that the side's cleaned data has: the name, and the text with its pair or the path."""
    media = modality != "text"
    columns = ["id", "source", "row", *([f"{modality}.path"] if media else ["text", "text_pair"])]
    found = {}
    for row in of(side, ids, columns).to_pylist():
        parts = [row[modality]["path"] if row[modality] else None] if media else [row["text"], row["text_pair"]]
        text = " / ".join(part for part in parts if part)
        text = text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 1]}…"
        found[row["id"]] = (name_of(row), text)
    return found


def of(side: Side, ids: Sequence[str], columns: Sequence[str]) -> pa.Table:
    """Rows of the cleaned samples with these ids."""
    table = side.table(FOLDER, NAME, columns)
    return table.filter(pc.is_in(table["id"], pa.array(ids, pa.string())))


def sizes(side: Side, ids: Sequence[str], modality: str) -> dict[str, float]:
    """By id: words of a text and its pair, seconds of a sound, pixels of an image; {} where reading them takes long.

    Of media, headers alone are read.
    """
    if modality == "text":
        rows = of(side, ids, ["id", "text", "text_pair"]).to_pylist()
        return {row["id"]: len(f"{row['text'] or ''} {row['text_pair'] or ''}".split()) for row in rows}
    measure = _seconds if modality == "audio" else _pixels
    wanted = pa.array(ids, pa.string())
    return {
        row["id"]: measure(row[modality]["bytes"])
        for batch in _batches(side, ["id", f"{modality}.bytes"])
        for row in batch.filter(pc.is_in(batch["id"], wanted)).to_pylist()
        if row[modality] and row[modality]["bytes"]
    }


def _batches(side: Side, columns: list[str]) -> Iterable[Any]:
    for name in side.names(FOLDER):
        if name.startswith(f"{NAME}-"):
            with side.open(f"{FOLDER}/{name}") as source, pq.ParquetFile(source) as file:
                footer = file.metadata
                total = sum(footer.row_group(i).total_byte_size for i in range(footer.num_row_groups))
                if total <= MEASURED_BYTES:
                    yield from file.iter_batches(256, columns=columns)


def _seconds(data: bytes) -> float:
    import soundfile

    return float(soundfile.info(io.BytesIO(data)).duration)


def _pixels(data: bytes) -> float:
    from PIL import Image

    with Image.open(io.BytesIO(data)) as image:
        return float(image.width * image.height)
