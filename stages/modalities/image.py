"""Images: pixel values in, classes of transformers that take them.

Legend: C channels, H height, W width in pixels.
"""

import multiprocessing
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from stages.core import models
from stages.modalities.inputs import Encoder, Stored, stored
from stages.modalities.processors import build_processor, load_processor, values_taken

INPUT = "pixel_values"


def processor(source: models.Source, options: Mapping[str, Any]) -> Any:
    """The image processor of the model, by Pillow; `options` replace its own settings.

    A model from scratch has the processor class of its kind, with `options` alone.

    Raises:
        UserError: the model has none, it has no such option, or it does not take its value.
    """
    made = _processor(source, options)
    with values_taken(type(made).__name__):
        scaling(made)
    return made


def _processor(source: models.Source, options: Mapping[str, Any]) -> Any:
    if source.scratch:
        from transformers.models.auto.image_processing_auto import IMAGE_PROCESSOR_MAPPING_NAMES

        return build_processor(IMAGE_PROCESSOR_MAPPING_NAMES.get(source.location), source, options)
    from transformers import AutoImageProcessor

    return load_processor(AutoImageProcessor, source, options, backend="pil")


def make_encoder(*, folder: str) -> Encoder:
    """A function from N stored images to pixel values (C, H, W), bytes (uint8) before scaling where possible.

    `folder` holds the processor, as `save_pretrained` wrote it. Processors by Pillow do without torch, of which a
    process of its own is spared 300 MiB and seconds.
    """
    if multiprocessing.parent_process() is not None:
        sys.modules.setdefault("torch", None)  # type: ignore[arg-type]  # so it counts as not installed
    from transformers import AutoImageProcessor

    from stages.modalities.picture import decode, to_array

    used: Any = AutoImageProcessor.from_pretrained(folder, backend="pil")
    raw = {"do_rescale": False, "do_normalize": False} if scales(used) else {}

    def encode(images: Sequence[bytes]) -> Stored:
        arrays = [to_array(decode(data)) for data in images]
        channels = [array[None] if array.ndim == 2 else array.transpose(2, 0, 1) for array in arrays]
        found = used(channels, input_data_format="channels_first", return_tensors="np", **raw)
        return stored([np.asarray(pixels) for pixels in found[INPUT]])

    return encode


def scales(processor: Any) -> bool:
    """Whether the processor ends in the usual scaling, so that whole bytes can be stored before it."""
    return bool(getattr(processor, "do_rescale", False)) and hasattr(processor, "image_mean")


def scaling(processor: Any) -> dict[str, Any] | None:
    """The scaling that follows on stored bytes: (value * factor - mean) / std a channel; None where they are final."""
    if not scales(processor):
        return None
    normalised = bool(processor.do_normalize)
    return {
        "factor": float(processor.rescale_factor),
        "mean": [float(value) for value in processor.image_mean] if normalised else [0.0],
        "std": [float(value) for value in processor.image_std] if normalised else [1.0],
    }
