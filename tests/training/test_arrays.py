"""Arrays of numbers in batches: scaled pixels, padded waveforms, and what augmentation on the fly is given."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch

from stages.training.arrays import Arrays
from stages.training.batches import Encoded

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 3, 4, 6), dtype=np.uint8)
SCALING = {"factor": 1 / 255, "mean": [0.2, 0.5, 0.6], "std": [0.3, 0.5, 0.1]}
FORM = {"dtype": "uint8", "shape": [3, 4, 6], "mask": False, "scaling": SCALING}
WAVES = [np.arange(1, n + 1, dtype=np.float32) / 8 for n in (3, 5, 1, 4)]
WAVEFORM = {"dtype": "float32", "shape": [-1], "mask": True}


def column(arrays: Sequence[Any]) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array([array.tobytes() for array in arrays], pa.large_binary())], pa.large_binary())


def table(name: str, arrays: Sequence[Any]) -> pa.Table:
    numbers = range(len(arrays))
    lengths = [array.size if array.ndim == 1 else 1 for array in arrays]
    columns = {"id": [f"s{n}" for n in numbers], "parent": pa.nulls(len(arrays), pa.string())}
    columns |= {"label": pa.array([n % 3 for n in numbers], pa.int32()), "fold": pa.nulls(len(arrays), pa.int32())}
    return pa.table({**columns, "length": pa.array(lengths, pa.int32()), name: column(arrays)})


def pieces(whole: pa.Table, sizes: Sequence[int]) -> pa.Table:
    """The same rows in several chunks."""
    starts = np.cumsum([0, *sizes])[:-1]
    return pa.concat_tables([whole.slice(start, size) for start, size in zip(starts, sizes, strict=True)])


def scaled(pixels: np.ndarray) -> np.ndarray:
    mean, std = (np.array(SCALING[name]).reshape(3, 1, 1) for name in ("mean", "std"))
    return (pixels / 255 - mean) / std


def test_pixels_come_scaled_in_the_order_of_the_rows() -> None:
    found = Arrays(column(PIXELS), FORM).batch("pixel_values", np.array([3, 0, 3]))
    assert list(found) == ["pixel_values"] and found["pixel_values"].dtype == torch.float32
    np.testing.assert_allclose(found["pixel_values"].numpy(), scaled(PIXELS[[3, 0, 3]]), rtol=1e-5, atol=1e-6)


def test_raw_pixels_are_the_stored_bytes() -> None:
    found = Arrays(column(PIXELS), FORM).raw(np.array([4, 1]))
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, PIXELS[[4, 1]])


def test_one_scale_holds_for_all_channels() -> None:
    form = FORM | {"scaling": {"factor": 1 / 255, "mean": [0.0], "std": [1.0]}}
    found = Arrays(column(PIXELS), form).batch("pixel_values", np.array([2]))["pixel_values"].numpy()
    np.testing.assert_allclose(found, PIXELS[[2]] / 255, rtol=1e-6)


def test_spectra_come_as_they_are() -> None:
    spectra = np.random.default_rng(1).standard_normal((4, 16, 10)).astype(np.float32)
    form = {"dtype": "float32", "shape": [16, 10], "mask": False}
    found = Arrays(column(spectra), form).batch("input_features", np.array([1, 3]))
    np.testing.assert_array_equal(found["input_features"].numpy(), spectra[[1, 3]])


@pytest.mark.parametrize("mask", [True, False])
def test_waveforms_are_padded_to_the_longest_of_the_batch(mask: bool) -> None:
    found = Arrays(column(WAVES), WAVEFORM | {"mask": mask}).batch("input_values", np.array([2, 0, 3]))
    expected = [[0.125, 0, 0, 0], [0.125, 0.25, 0.375, 0], [0.125, 0.25, 0.375, 0.5]]
    assert found["input_values"].tolist() == expected and found["input_values"].dtype == torch.float32
    if mask:
        assert found["attention_mask"].tolist() == [[1, 0, 0, 0], [1, 1, 1, 0], [1, 1, 1, 1]]
        assert found["attention_mask"].dtype == torch.int64
    assert ("attention_mask" in found) == mask


@pytest.mark.parametrize("sizes", [(5,), (2, 3), (1, 1, 0, 3)])
@pytest.mark.parametrize("start", [0, 1, 4])
def test_chunks_and_slices_do_not_show(sizes: tuple[int, ...], start: int) -> None:
    given = pieces(table("pixel_values", PIXELS), sizes).slice(start)
    encoded = Encoded(given, arrays={"pixel_values": FORM})
    rows = np.arange(len(given))[::-1].copy()
    batch = encoded.batch(rows)
    assert set(batch) == {"pixel_values", "labels"}
    expected = scaled(PIXELS[start:][::-1])
    np.testing.assert_allclose(batch["pixel_values"].numpy(), expected, rtol=1e-5, atol=1e-6)
    assert batch["labels"].tolist() == [n % 3 for n in range(start, 5)][::-1]


@pytest.mark.parametrize("sizes", [(4,), (1, 3), (2, 2)])
@pytest.mark.parametrize("start", [0, 1, 3])
def test_nor_do_they_with_waveforms(sizes: tuple[int, ...], start: int) -> None:
    given = pieces(table("input_values", WAVES), sizes).slice(start)
    encoded = Encoded(given, arrays={"input_values": WAVEFORM})
    batch = encoded.batch(np.arange(len(given)))
    for row, mask, wave in zip(batch["input_values"], batch["attention_mask"], WAVES[start:], strict=True):
        assert row[mask.bool()].tolist() == wave.tolist()
        assert not row[~mask.bool()].any()


def test_an_empty_split_has_no_rows() -> None:
    for given in (table("pixel_values", PIXELS).slice(0, 0), table("pixel_values", [])):
        assert len(Encoded(given, arrays={"pixel_values": FORM})) == 0
    nothing = table("pixel_values", []).schema.empty_table()
    assert len(Encoded(nothing, arrays={"pixel_values": FORM})) == 0


def test_augmentation_is_given_stored_bytes_ids_and_epoch_and_its_result_is_scaled() -> None:
    calls: list[tuple[np.ndarray, list[str], int]] = []

    def augment(pixels: np.ndarray, ids: Sequence[str], epoch: int) -> np.ndarray:
        calls.append((pixels.copy(), list(ids), epoch))
        return 255 - pixels

    given = pieces(table("pixel_values", PIXELS), (2, 3)).slice(1)
    encoded = Encoded(given, arrays={"pixel_values": FORM}, augment=augment)
    encoded.batch(np.array([0]))
    encoded.epoch = 7
    batch = encoded.batch(np.array([3, 1]))
    assert [(ids, epoch) for _, ids, epoch in calls] == [(["s1"], 0), (["s4", "s2"], 7)]
    np.testing.assert_array_equal(calls[1][0], PIXELS[[4, 2]])
    np.testing.assert_allclose(batch["pixel_values"].numpy(), scaled(255 - PIXELS[[4, 2]]), rtol=1e-5, atol=1e-6)


def test_augmentation_leaves_what_is_stored_alone() -> None:
    def blacken(pixels: np.ndarray, _ids: Sequence[str], _epoch: int) -> np.ndarray:
        pixels[...] = 0
        return pixels

    encoded = Encoded(table("pixel_values", PIXELS), arrays={"pixel_values": FORM}, augment=blacken)
    first = encoded.batch(np.arange(5))["pixel_values"]
    np.testing.assert_allclose(first.numpy(), scaled(np.zeros_like(PIXELS)), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(Arrays(column(PIXELS), FORM).raw(np.arange(5)), PIXELS)


def test_pixels_stored_as_differences_come_back_as_they_were() -> None:
    from stages.modalities.inputs import stored

    pixels = np.random.default_rng(1).integers(0, 256, (3, 2, 4, 5), dtype=np.uint8)
    column = pa.chunked_array([stored(list(pixels)).column()])
    form = {"dtype": "uint8", "shape": [2, 4, 5], "mask": False, "differences": True}
    assert np.array_equal(Arrays(column, form).raw(np.array([2, 0, 1])), pixels[[2, 0, 1]])
