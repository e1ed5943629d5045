"""Images to pixels: what is stored and then scaled is what the processor itself gives."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from transformers import ResNetConfig, ResNetForImageClassification, ViTImageProcessorPil

from stages.core import models
from stages.core.errors import UserError
from stages.modalities import image
from stages.training.arrays import Arrays
from tests.pictures import KINDS, png

PNGS = {channels: [png(kind, 0, channels=channels) for kind in KINDS] for channels in (1, 3)}
UNEVEN = {"image_mean": [0.2, 0.5, 0.6], "image_std": [0.3, 0.5, 0.1]}


def scratch(kind: str, **options: Any) -> Any:
    return image.processor(models.resolve(f"scratch:{kind}"), options)


def stored(processor: Any, folder: Path, files: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
    """What encode stores, and what training makes of it."""
    processor.save_pretrained(folder)
    encoded = image.make_encoder(folder=str(folder))(files)
    form = {"dtype": encoded.dtype, "shape": encoded.shape, "mask": False}
    if encoded.dtype == "uint8":
        form |= {"scaling": image.scaling(processor), "differences": True}
    arrays, rows = Arrays(pa.chunked_array([encoded.column()]), form), np.arange(len(files))
    return arrays.raw(rows), arrays.batch("pixel_values", rows)["pixel_values"].numpy()


def by_itself(processor: Any, files: list[bytes]) -> np.ndarray:
    """The processor's own call on images as Pillow opens them."""
    arrays = [np.asarray(Image.open(io.BytesIO(data))) for data in files]
    first = [array[None] if array.ndim == 2 else array.transpose(2, 0, 1) for array in arrays]
    return np.asarray(processor(first, input_data_format="channels_first", return_tensors="np")["pixel_values"])


@pytest.mark.parametrize(
    ("kind", "channels", "options"),
    [
        ("resnet", 3, {"size": {"shortest_edge": 16}, "crop_pct": 1.0, **UNEVEN}),
        ("vit", 3, {"size": {"height": 20, "width": 12}, **UNEVEN}),
        ("vit", 3, {"size": {"height": 8, "width": 8}, "do_normalize": False}),
        ("vit", 3, {"do_resize": False, "rescale_factor": 0.5, **UNEVEN}),
        ("vit", 1, {"size": {"height": 16, "width": 16}, "image_mean": [0.3], "image_std": [0.25]}),
        ("vit", 1, {"do_resize": False, "do_normalize": False}),
    ],
)
def test_bytes_that_are_scaled_later_are_what_the_processor_gives(
    kind: str, channels: int, options: dict[str, Any], tmp_path: Path
) -> None:
    processor = scratch(kind, **options)
    found, scaled = stored(processor, tmp_path, PNGS[channels])
    assert (found.dtype, found.shape[:2]) == (np.uint8, (3, channels))
    np.testing.assert_allclose(scaled, by_itself(processor, PNGS[channels]), rtol=1e-6, atol=1e-6)


def test_without_rescaling_the_processors_floats_are_stored(tmp_path: Path) -> None:
    processor = scratch("vit", size={"height": 8, "width": 8}, do_rescale=False, **UNEVEN)
    found, scaled = stored(processor, tmp_path, PNGS[3])
    assert found.dtype == np.float32
    np.testing.assert_allclose(scaled, by_itself(processor, PNGS[3]), rtol=1e-6)
    assert image.scaling(processor) is None


def test_a_pretrained_models_processor_keeps_its_settings_but_those_that_are_given(tmp_path: Path) -> None:
    saved_model(tmp_path)
    source = models.resolve(str(tmp_path))
    own, changed = image.processor(source, {}), image.processor(source, {"size": {"height": 8, "width": 8}})
    assert (own.size["height"], changed.size["height"]) == (12, 8)
    assert own.image_mean == changed.image_mean == tuple(UNEVEN["image_mean"])


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("resnet", {"sise": 16}, "encode.processor.sise: ConvNextImageProcessorPil has no such option, did you mean"),
        ("vit", {"image_maen": [0.5]}, "ViTImageProcessorPil has no such option, did you mean 'image_mean'?"),
        ("vit", {"return_tensors": "pt"}, "encode.processor.return_tensors: ViTImageProcessorPil has no such option"),
        ("vit", {"size": {"heigth": 8}}, "ViTImageProcessorPil does not take these values: size must have one of"),
        ("vit", {"image_mean": ["dark"]}, "does not take these values: could not convert string to float: 'dark'"),
        ("resnett", {}, "model: 'scratch:resnett' takes no such inputs, did you mean 'resnet'?"),
        ("whisper", {}, "model: 'scratch:whisper' takes no such inputs"),
    ],
)
def test_what_a_processor_does_not_take_is_told(kind: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        scratch(kind, **options)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sise": 16}, "encode.processor.sise: ViTImageProcessorPil has no such option, did you mean 'size'?"),
        ({"size": {"heigth": 8}}, "encode.processor: ViTImageProcessorPil does not take these values: size must"),
    ],
)
def test_nor_does_that_of_a_pretrained_model(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    saved_model(tmp_path)
    with pytest.raises(UserError) as caught:
        image.processor(models.resolve(str(tmp_path)), options)
    assert message in str(caught.value)


def saved_model(folder: Path) -> None:
    config = ResNetConfig(embedding_size=4, hidden_sizes=[4], depths=[1], layer_type="basic")
    ResNetForImageClassification(config).save_pretrained(folder)
    ViTImageProcessorPil(size={"height": 12, "width": 12}, **UNEVEN).save_pretrained(folder)
