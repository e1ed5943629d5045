"""Cleaners of sounds: factories whose options come from params.yaml, each returning `Sound -> Sound`.

A sound that a cleaner does not change comes back as the same object. `mono`, `resample`, `trim` and `loudness`
leave alone what they have made; `denoise`, `pre_emphasis` and `band_limit` act again each time.
Samples may leave -1..1 on the way: they are clipped when the sound is stored, so `loudness` belongs last.
"""

import importlib
import sys
from collections.abc import Callable
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from stages.core.blocks import Share
from stages.core.errors import UserError
from stages.modalities.sound import Samples, Sound

SoundCleaner = Callable[[Sound], Sound]
Decibels = Annotated[float, Field(gt=0, le=120)]
Hertz = Annotated[float, Field(gt=0)]

FRAME_S = 0.032
HOP_S = 0.008
"""Of the frames whose loudness `trim` compares."""
LOUDNESS_BLOCK_S = 0.4
"""ITU-R BS.1770-4: a shorter sound has no loudness in LUFS."""
LUFS_CHANNELS = 5
TOLERANCE_DB = 0.1
"""Below what anybody hears; more than what 16 bits change."""
DENOISE_WINDOW_S = 0.064
BUTTERWORTH_ORDER = 4


def mono() -> SoundCleaner:
    """One channel, the mean of all. Idempotent."""

    def clean(sound: Sound) -> Sound:
        return sound if sound.channels == 1 else _replaced(sound, sound.samples.mean(axis=1, keepdims=True))

    return clean


def resample(*, sampling_rate: Annotated[int, Field(ge=1_000, le=192_000)]) -> SoundCleaner:
    """Another sampling rate (Hz), by soxr in its high quality: what the new rate cannot hold is filtered out first.

    Idempotent.
    """

    def clean(sound: Sound) -> Sound:
        if sound.sampling_rate == sampling_rate:
            return sound
        import soxr

        return Sound(soxr.resample(sound.samples, sound.sampling_rate, sampling_rate, quality="HQ"), sampling_rate)

    return clean


def trim(*, top_db: Decibels) -> SoundCleaner:
    """Cut the ends off whose frames of 32 ms are more than `top_db` below the loudest frame (root mean square).

    As librosa.effects.trim does it, with frames in seconds, again until nothing more goes, so idempotent.
    (librosa itself takes 3 s to import, and 30 s the first time, in every process.)
    """
    share = 10 ** (-top_db / 20)

    def clean(sound: Sound) -> Sound:
        samples = sound.samples
        while True:
            start, end = _loud_part(samples.mean(axis=1), sound.sampling_rate, share)
            if end - start == len(samples):
                return sound if len(samples) == len(sound.samples) else _replaced(sound, samples)
            samples = samples[start:end]

    return clean


def _loud_part(samples: Samples, sampling_rate: int, share: float) -> tuple[int, int]:
    """Where (T,) the first frame of at least `share` of the loudest one's level has its centre, and the last."""
    size, hop = (max(1, round(seconds * sampling_rate)) for seconds in (FRAME_S, HOP_S))
    energy = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
    centres = np.arange(0, len(samples) + 1, hop)
    ends = [np.clip(centres + offset, 0, len(samples)) for offset in (-(size // 2), size - size // 2)]
    levels = np.sqrt(np.maximum(energy[ends[1]] - energy[ends[0]], 0))
    loud = np.flatnonzero(levels >= share * levels.max())
    if levels.max() == 0:
        return 0, len(samples)
    return int(centres[loud[0]]), min(len(samples), int(centres[loud[-1]]) + hop)


def loudness(*, method: Literal["peak", "rms", "lufs"], target_db: Annotated[float, Field(le=0)]) -> SoundCleaner:
    """One gain for the whole sound, so that its peak, root mean square (dBFS) or loudness (LUFS) is `target_db`.

    The gain stops where the peak would pass full scale, so that nothing is clipped. LUFS are measured by
    pyloudnorm after ITU-R BS.1770-4, whose block is 0.4 s: a shorter sound, one of more than five channels and
    one that is too quiet to be measured take their root mean square instead. Silence stays. Idempotent: a gain of
    less than 0.1 dB is not applied.
    """

    def clean(sound: Sound) -> Sound:
        peak = float(np.abs(sound.samples).max())
        if peak == 0:
            return sound
        level = _db(peak) if method == "peak" else _level(sound, method)
        gain_db = min(target_db - level, -_db(peak))
        return sound if abs(gain_db) < TOLERANCE_DB else _replaced(sound, sound.samples * 10 ** (gain_db / 20))

    return clean


def _level(sound: Sound, method: str) -> float:
    if method == "lufs" and sound.duration_s >= LOUDNESS_BLOCK_S and sound.channels <= LUFS_CHANNELS:
        import pyloudnorm

        meter = pyloudnorm.Meter(sound.sampling_rate, block_size=LOUDNESS_BLOCK_S)
        measured = float(meter.integrated_loudness(sound.samples.astype(np.float64)))
        if np.isfinite(measured):
            return measured
    return _db(float(np.sqrt(np.mean(np.square(sound.samples, dtype=np.float64)))))


def _db(level: float) -> float:
    return 20 * float(np.log10(max(level, 1e-12)))


def denoise(*, strength: Share) -> SoundCleaner:
    """Spectral gating by noisereduce: what stays near a frequency's own average over 2 s is taken for noise.

    `strength` is the share of it that is removed. Steady tones count as noise too. Not idempotent.
    """

    def clean(sound: Sound) -> Sound:
        if not strength or not sound.samples.any():
            return sound
        window = 2 ** round(np.log2(max(DENOISE_WINDOW_S * sound.sampling_rate, 64)))
        with np.errstate(divide="ignore", invalid="ignore"):  # a silent channel has no average to compare with
            samples = (
                _noisereduce()
                .reduce_noise(
                    y=sound.samples.T,
                    sr=sound.sampling_rate,
                    prop_decrease=strength,
                    n_fft=window,
                    time_mask_smooth_ms=max(50, 1000 * window / sound.sampling_rate),  # a hop at least, or it raises
                    chunk_size=None,  # else long sounds go through a file
                )
                .T
            )
        return _replaced(sound, np.where(np.isfinite(samples), samples, sound.samples))

    return clean


def _noisereduce() -> Any:
    """noisereduce without torch, which it imports where it finds it, and does not need: 0.1 s, not 4."""
    for name in ("scipy.signal", "joblib", "tqdm.auto"):  # these must not meet the gap below
        importlib.import_module(name)
    hidden = "torch" not in sys.modules
    if hidden:
        sys.modules["torch"] = None  # type: ignore[assignment]  # `import torch` then raises ImportError
    try:
        return importlib.import_module("noisereduce")
    finally:
        if hidden:
            del sys.modules["torch"]


def pre_emphasis(*, coefficient: Share) -> SoundCleaner:
    """Each sample less `coefficient` times the one before it: a high-pass filter of the first order.

    The first sample stays. Not idempotent.
    """

    def clean(sound: Sound) -> Sound:
        if not coefficient:
            return sound
        samples = sound.samples.copy()
        samples[1:] -= np.float32(coefficient) * sound.samples[:-1]
        return _replaced(sound, samples)

    return clean


def band_limit(*, low_hz: Hertz | None, high_hz: Hertz | None) -> SoundCleaner:
    """Only what lies between two frequencies (null: no limit), by a Butterworth filter run forwards and backwards.

    A limit at or above half the sampling rate does nothing as `high_hz`, and leaves silence as `low_hz`.
    Not idempotent: at the limits, and near them, each run takes away as much again.

    Raises:
        UserError: no limit at all, or the lower one not below the upper one.
    """
    if low_hz is None and high_hz is None:
        raise UserError("params.yaml: band_limit: low_hz and high_hz are both null", "give one, or enabled: false")
    if low_hz is not None and high_hz is not None and low_hz >= high_hz:
        raise UserError(f"params.yaml: band_limit: low_hz {low_hz:g} is not below high_hz {high_hz:g}", "swap them")

    def clean(sound: Sound) -> Sound:
        half = sound.sampling_rate / 2
        if low_hz is not None and low_hz >= half:
            return _replaced(sound, np.zeros_like(sound.samples))
        if high_hz is None or high_hz >= half:
            return sound if low_hz is None else _filtered(sound, low_hz, "highpass")
        if low_hz is None:
            return _filtered(sound, high_hz, "lowpass")
        return _filtered(sound, [low_hz, high_hz], "bandpass")

    return clean


def _filtered(sound: Sound, limits_hz: float | list[float], kind: str) -> Sound:
    from scipy.signal import butter, sosfiltfilt

    sections = butter(BUTTERWORTH_ORDER, limits_hz, kind, fs=sound.sampling_rate, output="sos")
    padding = min(3 * (2 * len(sections) + 1), len(sound.samples) - 1)
    return _replaced(sound, sosfiltfilt(sections, sound.samples, axis=0, padlen=padding))


def _replaced(sound: Sound, samples: npt.NDArray[Any]) -> Sound:
    """The sound with other samples (T', C); itself if they are the same."""
    samples = samples.astype(np.float32, copy=False)
    return sound if np.array_equal(samples, sound.samples) else Sound(samples, sound.sampling_rate)
