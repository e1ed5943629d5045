"""Audio augmenters by nlpaug: factories whose options come from params.yaml, each returning an `AudioAugmenter`.

In all of them `p` is the probability that the step is applied to a derived sound; amounts are drawn evenly
between the limits that the options give. Samples are one channel, (T,) float32 in -1..1; what a step drives
beyond is clipped. Silence, and what is too short for a step, comes back unchanged.
"""

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from stages.augmenters import noises
from stages.augmenters.audio_step import AUDIO, ZONE, AudioAugmenter, at_rate, ordered, run
from stages.augmenters.library import light
from stages.core.blocks import Share
from stages.modalities.sound import Samples

Factor = Annotated[float, Field(gt=0, le=10)]
Decibels = Annotated[float, Field(ge=-20, le=100)]
Part = Annotated[float, Field(gt=0, lt=1)]


def noise(*, p: Share, min_snr_db: Decibels, max_snr_db: Decibels) -> AudioAugmenter:
    """White noise over the whole sound, at a signal-to-noise ratio between the two."""
    ordered("noise", min_snr_db, max_snr_db)
    aug = light(AUDIO).NoiseAug(**ZONE)

    def change(samples: Samples, _: int, rng: np.random.Generator) -> Any:
        return _with_noise(aug, samples, rng.standard_normal(len(samples)), rng.uniform(min_snr_db, max_snr_db), rng)

    return AudioAugmenter(p, change)


def noise_folder(*, p: Share, folder: str | None, min_snr_db: Decibels, max_snr_db: Decibels) -> AudioAugmenter:
    """A part of a recording from `folder`, at a signal-to-noise ratio between the two; short ones are repeated.

    Raises:
        UserError: no folder, no recordings in it, or one that cannot be read or is silent.
    """
    ordered("noise_folder", min_snr_db, max_snr_db)
    aug, recordings = light(AUDIO).NoiseAug(**ZONE), noises.Recordings(folder)

    def change(samples: Samples, sampling_rate: int, rng: np.random.Generator) -> Any:
        part = recordings.part(len(samples), sampling_rate, rng)
        snr_db = rng.uniform(min_snr_db, max_snr_db)
        return _with_noise(aug, samples, part, snr_db, rng) if part.any() else samples

    return AudioAugmenter(p, change)


def _with_noise(aug: Any, samples: Samples, added: Any, snr_db: float, rng: np.random.Generator) -> Any:
    # nlpaug's own noise has no level to choose, and mirrors itself in the middle of the sound; of a recording
    # it always takes the beginning. So it is given the very samples to add.
    level = np.sqrt(np.mean(np.square(samples, dtype=np.float64)) / np.mean(np.square(added))) * 10 ** (-snr_db / 20)
    aug.noises = [added * level]
    return run(aug, samples, rng)


def loudness(*, p: Share, min_factor: Factor, max_factor: Factor) -> AudioAugmenter:
    """Louder (above 1) or quieter, the whole sound alike."""
    ordered("loudness", min_factor, max_factor)
    return at_rate(p, light(AUDIO).LoudnessAug(factor=(min_factor, max_factor), **ZONE))


def shift(*, p: Share, max_s: Annotated[float, Field(gt=0)]) -> AudioAugmenter:
    """Earlier or later by up to `max_s` seconds, and by half the sound's length at most; silence fills the gap."""
    aug = light(AUDIO).ShiftAug(sampling_rate=1, direction="random")

    def change(samples: Samples, sampling_rate: int, rng: np.random.Generator) -> Any:
        most = min(round(max_s * sampling_rate), len(samples) // 2)
        if most < 1:  # nlpaug takes a shift of 0 for silence from the beginning on
            return samples
        aug.duration = int(rng.integers(1, most + 1))  # in samples: it always shifts by all of its duration
        return run(aug, samples, rng)

    return AudioAugmenter(p, change)


def crop(*, p: Share, max_share: Part) -> AudioAugmenter:
    """A part of up to `max_share` of the sound taken out, anywhere; the rest closes up."""
    aug = light(AUDIO).CropAug(zone=(0.0, 1.0))

    def change(samples: Samples, _: int, rng: np.random.Generator) -> Any:
        return run(aug, samples, rng) if _covers(aug, samples, rng.uniform(0, max_share)) else samples

    return AudioAugmenter(p, change)


def mask(*, p: Share, max_share: Part, fill: Literal["silence", "noise"]) -> AudioAugmenter:
    """A part of up to `max_share` of the sound silenced, or replaced by white noise as loud as the sound on average."""
    aug = light(AUDIO).MaskAug(zone=(0.0, 1.0), mask_with_noise=fill == "noise", stateless=False)

    def change(samples: Samples, _: int, rng: np.random.Generator) -> Any:
        if not _covers(aug, samples, rng.uniform(0, max_share)):
            return samples
        masked = run(aug, samples, rng)
        # nlpaug's noise has a standard deviation of 1, whatever the sound is like.
        masked[aug.start_pos : aug.end_pos] *= np.sqrt(np.mean(np.square(samples)))
        return masked

    return AudioAugmenter(p, change)


def _covers(aug: Any, samples: Samples, share: float) -> bool:
    """Set the share that is touched; False where nlpaug, having no place to choose from, would take all of it."""
    aug.coverage = share
    return int(len(samples) * (1 - share)) >= 1


def normalise(*, p: Share) -> AudioAugmenter:
    """As loud as it gets: the peak to full scale. It always gives the same, so it belongs with other steps."""
    return at_rate(p, light(AUDIO).NormalizeAug(method="max", **ZONE))


def polarity(*, p: Share) -> AudioAugmenter:
    """Upside down, which nobody hears. It always gives the same, so it belongs with other steps."""
    return at_rate(p, light(AUDIO).PolarityInverseAug(**ZONE))
