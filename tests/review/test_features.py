"""Samples as points, from what encode stores."""

import numpy as np
import pyarrow as pa
import pytest

from review.features import read_vectors, stored_form, to_vector
from stages.core import tables
from tests import folders

PIXELS = {"pixel_values": {"dtype": "uint8", "shape": [1, 16, 16], "mask": False}}
HEAD = {
    "last_layers": 0,
    "cached": True,
    "arrays": {"inputs_embeds": {"dtype": "float32", "shape": [1, 4], "mask": False}},
}


def test_a_picture_becomes_the_means_of_its_parts() -> None:
    array = np.repeat(np.repeat(np.arange(64, dtype=np.uint8).reshape(8, 8), 2, axis=0), 2, axis=1)
    vector = to_vector(array.tobytes(), PIXELS["pixel_values"])
    assert vector.tolist() == list(range(64))


def test_parts_of_different_sizes_keep_the_mean() -> None:
    values = np.random.default_rng(1).normal(size=(11, 3)).astype(np.float32)
    vector = to_vector(values.tobytes(), {"dtype": "float32", "shape": [11, 3]}).reshape(8, 3)
    sizes = np.diff([*np.linspace(0, 11, 8, endpoint=False).astype(int), 11])
    np.testing.assert_allclose((vector * sizes[:, None]).sum(0), values.sum(0), rtol=1e-5)


def test_pixels_stored_as_differences_are_put_together() -> None:
    array = np.random.default_rng(1).integers(0, 256, (8, 8), dtype=np.uint8)
    stored = np.diff(array, axis=1, prepend=np.zeros((8, 1), np.uint8))
    form = {"dtype": "uint8", "shape": [8, 8], "differences": True}
    assert to_vector(stored.tobytes(), form).tolist() == array.astype(float).ravel().tolist()


@pytest.mark.parametrize(
    ("shape", "array", "size"),
    [([-1], np.ones(100), 32), ([-1, 4], np.ones((7, 4)), 4), ([1, 4], np.ones((1, 4)), 4), ([-1], np.ones(5), 32)],
)
def test_every_form_has_vectors_of_one_size(shape: list[int], array: np.ndarray, size: int) -> None:
    vector = to_vector(array.astype(np.float32).tobytes(), {"dtype": "float32", "shape": shape})
    assert len(vector) == size
    assert np.isfinite(vector).all()


def test_features_are_compared_only_where_both_sides_made_them_alike() -> None:
    head = {"model": "a", "cut": HEAD}
    assert stored_form(head, head, "train") == ("inputs_embeds", HEAD["arrays"]["inputs_embeds"])
    assert stored_form(head, {**head, "model": "b"}, "train") is None
    assert stored_form(head, head, "test") is None
    assert stored_form({"arrays": PIXELS}, {"arrays": PIXELS}, "test") == ("pixel_values", PIXELS["pixel_values"])
    assert stored_form({"arrays": PIXELS}, {}, "train") is None
    assert stored_form({"arrays": PIXELS, **head}, {"arrays": PIXELS}, "train") is None


def test_only_wanted_samples_are_read(tmp_path) -> None:
    folder = tmp_path / "data/encoded/train"
    folder.mkdir(parents=True)
    rows = [np.full(4, number, dtype=np.float32).tobytes() for number in range(3)]
    tables.write(folder, "inputs", pa.table({"id": ["a", "b", "c"], "x": pa.array(rows, pa.large_binary())}))
    found = read_vectors(folders.side(tmp_path), "train", "x", {"dtype": "float32", "shape": [1, 4]}, {"b"})
    assert {one: vector.tolist() for one, vector in found.items()} == {"b": [1, 1, 1, 1]}
