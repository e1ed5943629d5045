"""Hidden states of images and sounds as encode stores them: what finetune reads gives the uncached model's logits."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch

from stages.core import models, tables
from stages.core.errors import UserError
from stages.modalities import inputs
from stages.strategies.apply import prepare
from stages.strategies.bottom import load_bottom
from stages.training.batches import Encoded
from stages.training.features import compute, first_of, lengths_of
from tests.strategies.families import classifier, saved

CPU = torch.device("cpu")
SHAPES: dict[str, list[tuple[int, ...]]] = {
    "vit": [(3, 8, 8)] * 5,
    "ast": [(24, 16)] * 5,
    "wav2vec2": [(320,), (180,), (320,), (250,), (181,)],
    "wav2vec2 stable": [(320,), (180,), (320,), (250,), (181,)],
}
NAMES = {"vit": "pixel_values"}


def written(folder: Path, kind: str) -> tuple[list[np.ndarray], dict[str, Any]]:
    """data/encoded as it stands before: four samples to train on, one to validate."""
    draw = np.random.default_rng(1)
    arrays = [draw.standard_normal(shape).astype(np.float32) for shape in SHAPES[kind]]
    name = NAMES.get(kind, "input_values")
    waves = arrays[0].ndim == 1
    rows = [
        {"id": f"s{i}", "label": i % 3, "length": one.size if waves else 1, name: one.tobytes()}
        for i, one in enumerate(arrays)
    ]
    for split, part in (("train", rows[:4]), ("validation", rows[4:])):
        (folder / split).mkdir(parents=True)
        tables.write(folder / split, "inputs", pa.Table.from_pylist(part, schema=inputs.schema([name])))
    form = {"dtype": "float32", "shape": [-1] if waves else list(arrays[0].shape), "mask": kind == "wav2vec2 stable"}
    return arrays, {"arrays": {name: form}}


@pytest.mark.parametrize("last", [0, 1, 3])
@pytest.mark.parametrize("kind", SHAPES)
def test_training_reads_what_gives_each_samples_own_logits(kind: str, last: int, tmp_path: Path) -> None:
    arrays, meta = written(tmp_path / "encoded", kind)
    source = models.Source("a model", str(saved(kind, tmp_path / "model")))
    bottom, _ = load_bottom(source, last, pooling="native", max_length_tokens=None)
    assert bottom is not None
    folder = tmp_path / "encoded"
    size = bottom.size_gib(lengths_of(folder), first_of(folder, meta, CPU), "float32")
    told = {"name": bottom.input, "width": bottom.width, "dtype": "float32", "device": CPU}
    form = compute(folder, meta, bottom, **told, alike=kind in ("ast", "wav2vec2"))
    table = pa.concat_tables([tables.read(folder / name, "inputs") for name in ("train", "validation")])
    assert sum(len(one) for one in table[bottom.input].to_pylist()) / 2**30 == size
    assert sorted(path.name for path in folder.iterdir()) == ["train", "validation"]
    model = classifier(kind)
    prepare(
        model,
        "last_layers" if last else "head",
        cut={"last_layers": last, "pooling": "native", "cached": True},
        lora=None,
    )
    batch = Encoded(table, arrays=form).batch(np.arange(5))
    with torch.inference_mode():
        found = model.eval()(**{name: value for name, value in batch.items() if name != "labels"}).logits
        expected = [classifier(kind).eval()(torch.from_numpy(one)[None]).logits[0] for one in arrays]
    assert (found - torch.stack(expected)).abs().max() < 1e-5
    assert batch["labels"].tolist() == [0, 1, 2, 0, 1]


def test_values_too_large_for_half_precision_are_told(tmp_path: Path) -> None:
    _, meta = written(tmp_path, "vit")

    def bottom(batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, None]:
        return torch.full((len(batch["pixel_values"]), 2, 4), 1e5), None

    with pytest.raises(UserError, match=r"encode.cache_dtype: float16: values over 65504") as caught:
        compute(tmp_path, meta, bottom, name="x", width=4, dtype="float16", device=CPU, alike=False)
    assert caught.value.hint == "encode.cache_dtype: float32"


def test_empty_splits_stay_empty(tmp_path: Path) -> None:
    schema = inputs.schema(["pixel_values"])
    for split in ("train", "validation"):
        (tmp_path / split).mkdir()
        tables.write(tmp_path / split, "inputs", schema.empty_table())
    meta = {"arrays": {"pixel_values": {"dtype": "float32", "shape": [3, 8, 8], "mask": False}}}
    assert first_of(tmp_path, meta, CPU) is None
    form = compute(
        tmp_path, meta, lambda _: (torch.zeros(0), None), name="x", width=4, dtype="float32", device=CPU, alike=False
    )
    assert form == {"x": {"dtype": "float32", "shape": [-1, 4], "mask": True}}
    assert tables.read(tmp_path / "train", "inputs").column_names == ["id", "parent", "label", "fold", "length", "x"]
