"""Sounds to features: waveforms as long as they are, spectra of one shape, and what does not fit the model."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stages.core import models
from stages.core.errors import UserError
from stages.modalities import audio
from stages.modalities.sound import decode
from tests.sounds import coded, tone

RATE = 16_000
SOUNDS = [
    coded(tone(440, rate=RATE)),
    coded(tone(880, seconds=0.25, rate=RATE)),
    coded(tone(220, level=0.1, rate=RATE)),
]
WHISPER = {"feature_size": 16, "chunk_length": 1}
SPECTROGRAM = {"num_mel_bins": 16, "max_length": 40}


def scratch(kind: str, **options: Any) -> Any:
    return audio.processor(models.resolve(f"scratch:{kind}"), options)


def features(
    processor: Any, folder: Path, files: list[bytes], dtype: str = "float32"
) -> list[tuple[np.ndarray, float]]:
    processor.save_pretrained(folder)
    found = audio.make_encoder(folder=str(folder), dtype=dtype)(files)
    contents = found.column().to_pylist()
    arrays = [np.frombuffer(content, found.dtype).reshape(found.shape) for content in contents]
    return list(zip(arrays, found.seconds, strict=True))


def test_waveforms_are_as_long_as_their_sounds_and_normalised(tmp_path: Path) -> None:
    found = features(scratch("wav2vec2"), tmp_path, SOUNDS)
    assert [(array.shape, array.dtype, seconds) for array, seconds in found] == [
        ((8_000,), np.float32, 0.5),
        ((4_000,), np.float32, 0.25),
        ((8_000,), np.float32, 0.5),
    ]
    for array, _ in found:
        assert (float(array.mean()), float(array.std())) == pytest.approx((0, 1), abs=1e-3)


def test_without_normalisation_a_waveform_is_the_sound_itself(tmp_path: Path) -> None:
    (found, _), *_ = features(scratch("wav2vec2", do_normalize=False), tmp_path, SOUNDS)
    np.testing.assert_array_equal(found, decode(SOUNDS[0]).samples[:, 0])


@pytest.mark.parametrize(
    ("kind", "options", "shape", "limit_s"),
    [
        ("whisper", WHISPER, (16, 100), 1.0),
        ("whisper", WHISPER | {"hop_length": 320, "chunk_length": 2}, (16, 100), 2.0),
        ("audio-spectrogram-transformer", SPECTROGRAM, (40, 16), 0.4),
    ],
)
def test_spectra_are_of_one_shape_and_those_of_the_feature_extractors_own_call(
    kind: str, options: dict[str, Any], shape: tuple[int, int], limit_s: float, tmp_path: Path
) -> None:
    processor = scratch(kind, **options)
    found = features(processor, tmp_path, SOUNDS)
    assert [array.shape for array, _ in found] == [shape] * 3
    assert [seconds for _, seconds in found] == [0.5, 0.25, 0.5]
    name = processor.model_input_names[0]
    for (array, _), data in zip(found, SOUNDS, strict=True):
        alone = processor(decode(data).samples[:, 0], sampling_rate=RATE, return_tensors="np")[name][0]
        np.testing.assert_allclose(array, alone, atol=1e-6)
    assert audio.limit_s(processor) == limit_s


def test_half_precision_takes_half_the_bytes_and_rounds(tmp_path: Path) -> None:
    processor = scratch("whisper", **WHISPER)
    whole, half = (features(processor, tmp_path, SOUNDS, dtype) for dtype in ("float32", "float16"))
    for (wide, _), (narrow, _) in zip(whole, half, strict=True):
        assert narrow.dtype == np.float16
        np.testing.assert_array_equal(narrow, wide.astype(np.float16))


def test_features_that_half_precision_cannot_hold_are_told() -> None:
    with pytest.raises(UserError, match=r"encode\.cache_dtype: float16: features of a sound are not finite in it"):
        audio.cast([1e6], "float16")


def test_a_mask_is_made_where_the_model_wants_one_of_waveforms(tmp_path: Path) -> None:
    del tmp_path
    wanted = {"wav2vec2": False, "hubert": False, "whisper": False}
    assert {kind: audio.masks(scratch(kind)) for kind in wanted} == wanted
    assert audio.masks(scratch("wav2vec2", return_attention_mask=True))
    assert audio.limit_s(scratch("wav2vec2")) is None


def test_another_sampling_rate_is_told_with_the_step_that_mends_it(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        features(scratch("wav2vec2"), tmp_path, [SOUNDS[0], coded(tone(rate=8_000))])
    assert str(caught.value) == "the model takes sounds of 16000 Hz, and clean leaves 8000 Hz"
    assert caught.value.hint == "clean.audio.steps.resample: {enabled: true, sampling_rate: 16000}"


def test_stereo_is_told_with_the_step_that_mends_it(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        features(scratch("whisper", **WHISPER), tmp_path, [coded(tone(rate=RATE, channels=2))])
    assert str(caught.value) == "the model takes sounds of one channel, and clean leaves 2"
    assert caught.value.hint == "clean.audio.steps.mono: {enabled: true}"


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("whisper", {"featur_size": 16}, "encode.processor.featur_size: WhisperFeatureExtractor has no such option, "),
        ("whisper", {"featur_size": 16}, "did you mean 'feature_size'?"),
        ("wav2vec2", {"do_normalise": False}, "Wav2Vec2FeatureExtractor has no such option, did you mean 'do_norm"),
        ("whisper", {"hop_length": 0}, "encode.processor: WhisperFeatureExtractor does not take these values: "),
        ("whisper", {"n_fft": "long"}, "encode.processor: WhisperFeatureExtractor does not take these values: "),
        ("whisperr", {}, "model: 'scratch:whisperr' takes no such inputs, did you mean 'whisper'?"),
        ("resnet", {}, "model: 'scratch:resnet' takes no such inputs"),
    ],
)
def test_what_a_feature_extractor_does_not_take_is_told(kind: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        scratch(kind, **options)
    assert message in str(caught.value)


def test_an_option_of_a_pretrained_model_changes_what_hangs_on_it(tmp_path: Path) -> None:
    from transformers import WhisperConfig, WhisperFeatureExtractor

    WhisperFeatureExtractor(**WHISPER).save_pretrained(tmp_path)
    WhisperConfig().save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").touch()
    source = models.resolve(str(tmp_path))
    own, changed = audio.processor(source, {}), audio.processor(source, {"chunk_length": 2})
    assert [(one.feature_size, audio.limit_s(one)) for one in (own, changed)] == [(16, 1.0), (16, 2.0)]
    with pytest.raises(UserError, match=r"chunk_lenght: WhisperFeatureExtractor has no such option, did you mean 'chu"):
        audio.processor(source, {"chunk_lenght": 2})
