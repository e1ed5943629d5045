"""Samples in, samples with model inputs out: what encode does for a modality, behind one face."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from stages.core import models, parallel, tables
from stages.core.errors import UserError
from stages.modalities import audio, image, text
from stages.modalities.inputs import TYPES, Stored, check_shape, length_statistics

FIXED = ["id", "parent", "label", "value"]
FOLDERS = ("data/cleaned", "data/augmented")
PROCESSES_PAY_FROM = 12_000
"""Images or sounds: a process loads transformers first, which takes some seconds."""


class Inputs(Protocol):
    """The inputs of one modality.

    `stream` gives the originals, then the derived samples, with `length` and the inputs `names` as columns; after
    it `meta` says what there is to know of the inputs, and `statistics` sums up the lengths of a split's samples;
    `unknown_share` is that of tokens which stand for something that the vocabulary lacks, None where there are none.
    """

    names: list[str]

    def save(self, folder: Path) -> None: ...
    def stream(self) -> Iterator[tuple[pa.Table, Sequence[float]]]: ...
    def meta(self) -> dict[str, Any]: ...
    def statistics(self, lengths: Sequence[float]) -> dict[str, Any]: ...
    def unknown_share(self) -> float | None: ...


class Texts:
    """Token ids, truncated at `max_length_tokens` or where the model ends."""

    def __init__(self, source: models.Source, *, max_length_tokens: int, batch_rows: int, pairs: bool) -> None:
        self._tokenizer = text.processor(source)
        self._limit = min(max_length_tokens, self._tokenizer.model_max_length)
        self._batch_rows, self._pairs = batch_rows, pairs
        self.names = text.input_names(self._tokenizer, pairs=pairs)
        self._unknown = text.unknown_id(self._tokenizer)
        self._tokens = self._unknown_tokens = 0

    def save(self, folder: Path) -> None:
        """Write the tokenizer."""
        self._tokenizer.save_pretrained(folder)
        models.forget_circumstances(folder)

    def stream(self) -> Iterator[tuple[pa.Table, Sequence[float]]]:
        """See `Inputs`; lengths are tokens before truncation."""
        for batch in _samples([*FIXED, "text", "text_pair"], lambda _: self._batch_rows):
            fields = text.fields(batch, pairs=self._pairs)
            columns, lengths = text.encode(self._tokenizer, *fields, names=self.names, limit=self._limit)
            self._tokens += sum(map(len, columns["input_ids"]))
            if self._unknown is not None:
                self._unknown_tokens += sum(ids.count(self._unknown) for ids in columns["input_ids"])
            arrays = {name: pa.array(rows, TYPES[name]) for name, rows in columns.items()}
            yield _with(batch, arrays, [len(row) for row in columns["input_ids"]]), lengths

    def meta(self) -> dict[str, Any]:
        """What training needs to know to pad."""
        return {
            "model_inputs": self.names,
            "pad_token_id": self._tokenizer.pad_token_id,
            "max_length_tokens": self._limit,
        }

    def statistics(self, lengths: Sequence[float]) -> dict[str, Any]:
        """Of the lengths in tokens before truncation."""
        return length_statistics([int(length) for length in lengths], self._limit)

    def unknown_share(self) -> float | None:
        """Of all tokens, those of the texts' beginnings and ends included."""
        return None if self._unknown is None else self._unknown_tokens / max(self._tokens, 1)


class Media:
    """Images as pixels, sounds as features, all computed by the model's own processor, in `workers` processes."""

    def __init__(
        self,
        modality: str,
        source: models.Source,
        *,
        options: Mapping[str, Any],
        batch_rows: int,
        workers: int,
        cache_dtype: str,
    ) -> None:
        self._modality, self._batch_rows, self._workers = modality, batch_rows, workers
        self._cache_dtype = cache_dtype
        self._processor = (image if modality == "image" else audio).processor(source, options)
        self._make: Callable[..., Any] = image.make_encoder if modality == "image" else audio.make_encoder
        self._folder = ""
        self._form: dict[str, Any] = {}
        self.names = [self._processor.model_input_names[0]]

    def save(self, folder: Path) -> None:
        """Write the processor, from where the processes load it."""
        self._processor.save_pretrained(folder)
        models.forget_circumstances(folder)
        self._folder = str(folder)

    def stream(self) -> Iterator[tuple[pa.Table, Sequence[float]]]:
        """See `Inputs`; lengths are seconds of sound."""
        total = sum(tables.rows(folder, "samples") for folder in FOLDERS)
        workers = parallel.processes(self._workers, total, PROCESSES_PAY_FROM)
        waiting: list[pa.Table] = []

        def jobs() -> Iterator[list[bytes]]:
            for batch in _samples([*FIXED, self._modality], self._rows):
                waiting.append(batch.select(FIXED))
                yield batch[self._modality].combine_chunks().field("bytes").to_pylist()

        arguments = {"folder": self._folder}
        if self._modality == "audio":
            arguments["dtype"] = self._cache_dtype
        with closing(parallel.ordered_map(self._make, arguments, jobs(), workers=workers)) as results:
            for found in results:
                self._remember(found)
                sizes = found.counts if found.shape == [-1] else [1] * len(found.counts)
                yield _with(waiting.pop(0), {self.names[0]: found.column()}, sizes), found.seconds

    def _rows(self, folder: str) -> int:
        return min(self._batch_rows, tables.comfortable_rows(folder, "samples"))

    def _remember(self, found: Stored) -> None:
        if self._form:
            check_shape(self._form["shape"], found.shape)
            return
        self._form, shape = {"dtype": found.dtype, "shape": found.shape}, found.shape
        means = (image.scaling(self._processor) or {}).get("mean", []) if self._modality == "image" else []
        if len(means) > 1 and len(means) != shape[0]:
            raise UserError(
                f"params.yaml: encode.processor.image_mean: {len(means)} values, channels: {shape[0]}",
                "one value a channel, or clean.image.steps.mode: {enabled: true, target: RGB}",
            )

    def meta(self) -> dict[str, Any]:
        """The form of the stored numbers, and for images the scaling that follows."""
        form = dict(self._form)
        if self._modality == "image" and form.get("dtype") == np.dtype(np.uint8).name:
            form |= {"scaling": image.scaling(self._processor), "differences": True}
        form["mask"] = self._modality == "audio" and audio.masks(self._processor)
        return {"model_inputs": self.names, "arrays": {self.names[0]: form}}

    def statistics(self, lengths: Sequence[float]) -> dict[str, Any]:
        """Of the seconds before they are cut off; of images the number alone."""
        if self._modality == "image":
            return {"rows": len(lengths)}
        return length_statistics(lengths, audio.limit_s(self._processor) or float("inf"))

    def unknown_share(self) -> float | None:
        """Images and sounds have no vocabulary."""
        return None


def _samples(columns: list[str], rows: Callable[[str], int]) -> Iterator[pa.Table]:
    """The originals, then the derived samples."""
    return chain.from_iterable(tables.batches(f, "samples", columns, batch_rows=rows(f)) for f in FOLDERS)


def _with(batch: pa.Table, inputs: Mapping[str, pa.Array], lengths: Sequence[int]) -> pa.Table:
    columns = {name: batch[name] for name in FIXED}
    return pa.table({**columns, "length": pa.array(lengths, pa.int32()), **inputs})
