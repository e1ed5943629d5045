"""Samples to model inputs: images and sounds come in order, with lengths and the form in which they are stored."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from stages.core import models
from stages.core.errors import UserError
from stages.modalities.streams import Media
from tests import workplace
from tests.pictures import KINDS, png
from tests.sounds import coded, tone

VIT = {"size": {"height": 8, "width": 8}}
IMAGES = {f"{kind}{seed}": png(kind, seed) for kind in KINDS for seed in range(2)}
SOUNDS = {f"s{n}": coded(tone(200.0 * (n + 1), seconds=0.1 * (n + 1), rate=16_000)) for n in range(5)}


@pytest.fixture(autouse=True)
def _working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def put(modality: str, originals: dict[str, bytes], derived: dict[str, bytes]) -> None:
    for stage, contents in (("cleaned", originals), ("augmented", derived)):
        rows = [
            {"id": i, "label": "a", modality: {"bytes": data, "path": i}, "parent": i if stage == "augmented" else None}
            for i, data in contents.items()
        ]
        workplace.put(stage, "samples", workplace.table(rows))


def opened(modality: str, kind: str, *, batch_rows: int = 2, **options: Any) -> Media:
    source = models.resolve(f"scratch:{kind}")
    found = Media(modality, source, options=options, batch_rows=batch_rows, workers=1, cache_dtype="float32")
    Path("processor").mkdir(exist_ok=True)
    found.save(Path("processor"))
    return found


def streamed(given: Media) -> tuple[pa.Table, list[float]]:
    batches = list(given.stream())
    return pa.concat_tables([batch for batch, _ in batches]), [size for _, sizes in batches for size in sizes]


def test_images_are_stored_as_bytes_originals_first(tmp_path: Path) -> None:
    del tmp_path
    put("image", IMAGES, {"across0+1": IMAGES["down0"]})
    given = opened("image", "vit", **VIT)
    table, sizes = streamed(given)
    assert table.column_names == ["id", "parent", "label", "value", "length", "pixel_values"]
    assert table["id"].to_pylist() == [*IMAGES, "across0+1"]
    assert table["length"].to_pylist() == [1] * 7 and sizes == [0.0] * 7
    contents = table["pixel_values"].to_pylist()
    assert {len(content) for content in contents} == {3 * 8 * 8}
    assert contents[6] == contents[list(IMAGES).index("down0")] != contents[0]
    half = [0.5, 0.5, 0.5]
    form = {"dtype": "uint8", "shape": [3, 8, 8], "mask": False}
    form |= {"scaling": {"factor": pytest.approx(1 / 255), "mean": half, "std": half}, "differences": True}
    assert given.meta() == {"model_inputs": ["pixel_values"], "arrays": {"pixel_values": form}}
    assert given.statistics(sizes) == {"rows": 7}


@pytest.mark.parametrize("batch_rows", [1, 4, 100])
def test_batches_do_not_show(batch_rows: int) -> None:
    put("image", IMAGES, {})
    expected = streamed(opened("image", "vit", **VIT))
    found = streamed(opened("image", "vit", batch_rows=batch_rows, **VIT))
    assert (found[0].to_pylist(), found[1]) == (expected[0].to_pylist(), expected[1])


def test_waveforms_differ_in_length_and_statistics_are_in_seconds() -> None:
    put("audio", SOUNDS, {})
    given = opened("audio", "wav2vec2", return_attention_mask=True)
    table, sizes = streamed(given)
    assert table["length"].to_pylist() == [1_600, 3_200, 4_800, 6_400, 8_000]
    assert [len(content) // 4 for content in table["input_values"].to_pylist()] == table["length"].to_pylist()
    assert sizes == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5])
    form = {"dtype": "float32", "shape": [-1], "mask": True}
    assert given.meta() == {"model_inputs": ["input_values"], "arrays": {"input_values": form}}
    expected = {"rows": 5, "mean": 0.3, "median": 0.3, "p95": 0.48, "max": 0.5, "truncated": 0}
    assert given.statistics(sizes) == pytest.approx(expected)


def test_spectra_have_one_shape_and_what_is_cut_off_is_counted() -> None:
    put("audio", SOUNDS | {"long": coded(tone(seconds=1.2, rate=16_000))}, {})
    given = opened("audio", "whisper", feature_size=16, chunk_length=1)
    table, sizes = streamed(given)
    assert table["length"].to_pylist() == [1] * 6
    assert given.meta()["arrays"] == {"input_features": {"dtype": "float32", "shape": [16, 100], "mask": False}}
    assert given.statistics(sizes)["truncated"] == 1
    first = np.frombuffer(table["input_features"][0].as_py(), np.float32)
    assert first.reshape(16, 100)[:, :10].std() > 0


def wide(pictures: dict[str, bytes]) -> Iterator[tuple[str, bytes]]:
    from tests.broken import encoded, noise

    yield from pictures.items()
    yield "wide", encoded(noise(16, 32), "PNG")


def test_images_of_different_shapes_are_told_with_what_to_set() -> None:
    put("image", dict(wide(IMAGES)), {})
    with pytest.raises(UserError) as caught:
        streamed(opened("image", "vit", size={"shortest_edge": 8}))
    assert str(caught.value) == ("params.yaml: encode.processor: inputs of different shapes: [3, 8, 8] and [3, 8, 16]")
    assert caught.value.hint == "set a size (images: size: {height: …, width: …}), or clean.image.steps.resize"


def test_grey_and_coloured_images_side_by_side_are_of_different_shapes() -> None:
    put("image", {"colour": png("down", 0), "grey": png("down", 0, channels=1)}, {})
    with pytest.raises(UserError, match=r"inputs of different shapes: \[3, 8, 8\] and \[1, 8, 8\]"):
        streamed(opened("image", "vit", **VIT))
