"""Audio: waveforms or spectral features in, classes of transformers that take them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from stages.core import models
from stages.core.errors import UserError
from stages.modalities.inputs import Encoder, Stored, stored
from stages.modalities.processors import build_processor, load_processor


def processor(source: models.Source, options: Mapping[str, Any]) -> Any:
    """The feature extractor of the model; `options` replace its own settings.

    Which features there are goes by the kind of model: log-mel spectrograms for Whisper and AST, normalised
    waveforms for Wav2Vec2 and its kin. A model from scratch has the class of its kind, with `options` alone.

    Raises:
        UserError: the model has none, or it has no such option.
    """
    if source.scratch:
        from transformers.models.auto.feature_extraction_auto import FEATURE_EXTRACTOR_MAPPING_NAMES

        return build_processor(FEATURE_EXTRACTOR_MAPPING_NAMES.get(source.location), source, options)
    from transformers import AutoFeatureExtractor

    return load_processor(AutoFeatureExtractor, source, options)


def make_encoder(*, folder: str, dtype: str) -> Encoder:
    """A function from N stored sounds to their features, as `dtype`, and seconds; of one shape, or waveforms (T,).

    `folder` holds the feature extractor, as `save_pretrained` wrote it. It computes in one thread, so that several
    processes do not get into each other's way and sums do not depend on their number.
    """
    import torch
    from transformers import AutoFeatureExtractor

    from stages.modalities.sound import decode

    torch.set_num_threads(1)
    used: Any = AutoFeatureExtractor.from_pretrained(folder)
    name = used.model_input_names[0]

    def encode(sounds: Sequence[bytes]) -> Stored:
        waves = [_wave(decode(data), used.sampling_rate) for data in sounds]
        found = used(waves, sampling_rate=used.sampling_rate, return_tensors=None)[name]
        return stored([cast(row, dtype) for row in found], [len(wave) / used.sampling_rate for wave in waves])

    return encode


def cast(features: Any, dtype: str) -> npt.NDArray[Any]:
    """Numbers as `dtype`.

    Raises:
        UserError: one is not finite, or too large for it.
    """
    with np.errstate(over="ignore"):
        found = np.asarray(features, dtype)
    if not np.isfinite(found).all():
        raise UserError(f"encode.cache_dtype: {dtype}: features of a sound are not finite in it", "float32")
    return found


def _wave(sound: Any, sampling_rate: int) -> npt.NDArray[np.float32]:
    if sound.sampling_rate != sampling_rate:
        raise UserError(
            f"the model takes sounds of {sampling_rate} Hz, and clean leaves {sound.sampling_rate} Hz",
            f"clean.audio.steps.resample: {{enabled: true, sampling_rate: {sampling_rate}}}",
        )
    if sound.samples.shape[1] != 1:
        raise UserError(
            f"the model takes sounds of one channel, and clean leaves {sound.samples.shape[1]}",
            "clean.audio.steps.mono: {enabled: true}",
        )
    return np.ascontiguousarray(sound.samples[:, 0])


def limit_s(processor: Any) -> float | None:
    """The seconds after which the feature extractor cuts a sound off; None where it takes any length."""
    if hasattr(processor, "n_samples"):
        return float(processor.n_samples / processor.sampling_rate)
    if hasattr(processor, "num_mel_bins"):  # AST: frames every 10 ms
        return float(processor.max_length) / 100
    return None


def masks(processor: Any) -> bool:
    """Whether the model wants to be told where a padded waveform ends."""
    return bool(getattr(processor, "return_attention_mask", False))
