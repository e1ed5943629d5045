"""Audio augmenters of pitch, speed and spectra, by nlpaug; what holds for audio.py holds here."""

from typing import Annotated, Any

import numpy as np
from pydantic import Field

from stages.augmenters import spectra
from stages.augmenters.audio_step import AUDIO, ZONE, AudioAugmenter, at_rate, ordered, run
from stages.augmenters.library import light
from stages.core.blocks import Share
from stages.modalities.sound import Samples

Stretch = Annotated[float, Field(ge=0.25, le=4)]
Warp = Annotated[float, Field(ge=0.5, le=2)]
Semitones = Annotated[float, Field(ge=-24, le=24)]
Part = Annotated[float, Field(gt=0, lt=1)]

SPECTROGRAM = "nlpaug.augmenter.spectrogram"
WINDOW_S = 0.064
"""Of the phase vocoder behind `pitch` and `speed`. librosa's own, 2048 samples, smears speech at 8 kHz."""


def pitch(*, p: Share, min_semitones: Semitones, max_semitones: Semitones) -> AudioAugmenter:
    """Higher (above 0) or lower, at the same length, by librosa's phase vocoder."""
    ordered("pitch", min_semitones, max_semitones)
    aug = light(AUDIO).PitchAug(sampling_rate=1, factor=(min_semitones, max_semitones), **ZONE)

    class Pitch(type(aug.model)):  # type: ignore[misc]  # nlpaug is untyped
        """nlpaug's has one window for all sampling rates, and warns about sounds that are shorter."""

        def manipulate(self, data: Samples, _: int, __: int, pitch_level: float, sampling_rate: int) -> Any:
            import librosa.effects as effects

            size = spectra.window(WINDOW_S, sampling_rate)
            padded = spectra.padded(data, size)
            return effects.pitch_shift(padded, sr=sampling_rate, n_steps=pitch_level, n_fft=size)[: len(data)]

    aug.model = Pitch()
    return at_rate(p, aug)


def speed(*, p: Share, min_factor: Stretch, max_factor: Stretch) -> AudioAugmenter:
    """Faster (above 1, so shorter) or slower, at the same pitch, by librosa's phase vocoder."""
    ordered("speed", min_factor, max_factor)
    aug = light(AUDIO).SpeedAug(factor=(min_factor, max_factor), **ZONE)

    class Speed(type(aug.model)):  # type: ignore[misc]
        """As with `pitch`; it is told no sampling rate, so the augmenter's is used."""

        def manipulate(self, data: Samples, start_pos: int, end_pos: int, speed: float) -> Any:  # noqa: ARG002
            import librosa.effects as effects

            size = spectra.window(WINDOW_S, aug.sampling_rate)
            stretched = effects.time_stretch(spectra.padded(data, size), rate=speed, n_fft=size)
            return stretched[: max(1, round(len(data) / speed))]

    aug.model = Speed()
    return at_rate(p, aug)


def vtlp(*, p: Share, min_factor: Warp, max_factor: Warp) -> AudioAugmenter:
    """Another length of the vocal tract: the frequencies of the formants times a factor, at the same pitch steps.

    N. Jaitly and G. Hinton, "Vocal tract length perturbation (VTLP) improves speech recognition", 2013.
    """
    ordered("vtlp", min_factor, max_factor)
    aug = light(AUDIO).VtlpAug(sampling_rate=1, factor=(min_factor, max_factor), **ZONE)

    class Vtlp(type(aug.model)):  # type: ignore[misc]
        """nlpaug's takes the bins to reach twice as high as they do: asked for 1.1 at 8 kHz, it warps by 0.7.

        It also cuts the end off, and warps bin by bin in Python.
        """

        def _manipulate(self, audio: Samples, sampling_rate: int, factor: float) -> Any:
            return spectra.warped(audio, sampling_rate, factor)

    aug.model = Vtlp()
    return at_rate(p, aug)


def time_mask(*, p: Share, max_share: Part) -> AudioAugmenter:
    """SpecAugment on a waveform: up to `max_share` of the frames of its spectrogram set to 0, and back to a waveform.

    D. Park and others, "SpecAugment", 2019. nlpaug masks the frames of 32 ms; their neighbours' overlap fades
    the edges. Frames before and after keep their samples.
    """

    class TimeMask(light(SPECTROGRAM).TimeMaskingAug):  # type: ignore[misc]
        """nlpaug draws the width of the mask up to the end of its zone, whatever the coverage."""

        frames = 1

        def get_random_factor(self, low: Any = None, high: Any = None, dtype: str = "int") -> int:  # noqa: ARG002
            return int(np.random.randint(1, max(1, int(self.frames * max_share)) + 1))

    aug = TimeMask(zone=(0.0, 1.0), coverage=max_share, silence=True)

    def mask_frames(spectrum: Any, rng: np.random.Generator) -> Any:
        aug.frames = spectrum.shape[1]
        return run(aug, spectrum, rng)

    return AudioAugmenter(p, lambda samples, rate, rng: spectra.changed(samples, rate, lambda s: mask_frames(s, rng)))


def frequency_mask(*, p: Share, max_share: Part) -> AudioAugmenter:
    """SpecAugment on a waveform: up to `max_share` of the frequencies of its spectrogram set to 0, and back.

    As `time_mask`, but for the bins of the spectrogram: they are evenly spaced in Hz, not in mel.
    """
    spectrogram = light(SPECTROGRAM)

    def mask_bins(spectrum: Any, rng: np.random.Generator) -> Any:
        most = max(1, int(len(spectrum) * max_share))
        return run(spectrogram.FrequencyMaskingAug(factor=(1, most + 1), silence=True, **ZONE), spectrum, rng)

    return AudioAugmenter(p, lambda samples, rate, rng: spectra.changed(samples, rate, lambda s: mask_bins(s, rng)))
