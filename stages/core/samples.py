"""The sample: one Arrow schema from fetch to encode. Stages fill columns; none adds any."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

MEDIA = pa.struct([("bytes", pa.binary()), ("path", pa.string())])

SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("group", pa.string(), nullable=False),
        ("parent", pa.string()),
        pa.field("source", pa.string(), nullable=False),
        ("row", pa.int64()),
        ("text", pa.string()),
        ("text_pair", pa.string()),
        ("image", MEDIA),
        ("audio", MEDIA),
        ("label", pa.string()),
        ("value", pa.float64()),
        ("target", pa.string()),
        ("label_source", pa.string()),
        ("label_confidence", pa.float32()),
        ("split", pa.string()),
        ("extra", pa.map_(pa.string(), pa.string())),
        pa.field("issues", pa.list_(pa.string()), nullable=False),
    ]
)

INPUTS = ("text", "text_pair", "image", "audio")
"""The columns that a model sees; their content makes the id."""

SPLITS = ("train", "validation", "test")


def content_digest(inputs: Sequence[str | bytes | None]) -> str:
    """16 hexadecimal digits of BLAKE2b over the inputs; None and the empty text differ."""
    return digest(inputs).hex()


def digest(inputs: Iterable[str | bytes | None]) -> bytes:
    """The 8 bytes that `content_digest` writes as digits."""
    parts = []
    for value in inputs:
        if value is None:
            parts.append(b"-")
        else:
            data = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
            parts.append(b"+%d:%b" % (len(data), data))
    return hashlib.blake2b(b"".join(parts), digest_size=8).digest()


class Ids:
    """Gives each sample its id: the digest of its content, and `-1`, `-2`, … for exact repeats, in order.

    Memory: about 100 bytes a distinct sample (the digests already seen).
    """

    def __init__(self) -> None:
        self._seen: set[bytes] = set()
        self._repeats: dict[bytes, int] = {}

    def __call__(self, rows: Iterable[Sequence[str | bytes | None]]) -> list[str]:
        return [self._one(digest(row)) for row in rows]

    def _one(self, key: bytes) -> str:
        if key not in self._seen:
            self._seen.add(key)
            return key.hex()
        self._repeats[key] = ordinal = self._repeats.get(key, 0) + 1
        return f"{key.hex()}-{ordinal}"


def is_repeat(sample_id: str) -> bool:
    """Whether the id says that the same content came earlier from the source."""
    return "-" in sample_id


def table(columns: Mapping[str, Any]) -> pa.Table:
    """A table in the schema from some of its columns (lists or arrays of one length N); the rest are null or empty.

    Raises:
        KeyError: a column that the schema does not have.
    """
    unknown = set(columns) - set(SCHEMA.names)
    if unknown:
        raise KeyError(f"not columns of a sample: {sorted(unknown)}")
    rows = len(next(iter(columns.values())))
    return pa.table([_column(field, columns.get(field.name), rows) for field in SCHEMA], schema=SCHEMA)


def replace(samples: pa.Table, **columns: Any) -> pa.Table:
    """The table with some columns replaced (lists or arrays of its length)."""
    for name, values in columns.items():
        field = SCHEMA.field(name)
        samples = samples.set_column(samples.schema.get_field_index(name), field, _column(field, values, len(samples)))
    return samples


def _column(field: pa.Field, values: Any, rows: int) -> pa.Array | pa.ChunkedArray:
    if values is None:
        return pa.array([[]] * rows, field.type) if field.name == "issues" else pa.nulls(rows, field.type)
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values.cast(field.type)
    return pa.array(values, field.type)


def name_of(sample: Mapping[str, Any]) -> str:
    """What people call a sample: the path of its picture or sound, or its source and row there; else its id.

    Args:
        sample: some of its columns; of image and audio the path alone is enough.
    """
    path = next(
        (media["path"] for media in (sample.get("image"), sample.get("audio")) if media and media["path"]), None
    )
    if path is None and sample.get("row") is None:
        return str(sample["id"])
    name = path or f"{sample['source']} row {sample['row']}"
    return f"{name} copy {sample['id'].rpartition('+')[2]}" if sample.get("parent") and path is None else name


LONGEST_NAME, MOST_NAMES = 60, 1000
OTHERS = "(other labels)"


def short_names(classes: Mapping[str, int]) -> dict[str, int]:
    """Counts of labels, those that are no names of classes together: metrics are in Git, and texts should not be.

    That is a label of more than `LONGEST_NAME` characters, as where a column of texts was taken for the labels, and
    the rarest where there are more than `MOST_NAMES`.
    """
    named = {name: count for name, count in classes.items() if len(name) <= LONGEST_NAME}
    kept = dict(sorted(named.items(), key=lambda item: (-item[1], item[0]))[:MOST_NAMES])
    others = sum(classes.values()) - sum(kept.values())
    return dict(sorted((kept | ({OTHERS: others} if others else {})).items()))
