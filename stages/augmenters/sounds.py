"""From sounds to derived sounds: FLAC in and out, augmenters applied to each channel alike."""

from collections.abc import Mapping

import numpy as np

from stages.augmenters import AUDIO
from stages.augmenters.audio_step import AudioAugmenter
from stages.augmenters.media import MediaDeriver
from stages.augmenters.steps import build_steps
from stages.core.blocks import Options
from stages.modalities.sound import Samples, Sound, decode, quantised, to_flac

KEY = "augment.audio.steps"


def make_sound_deriver(*, steps: Mapping[str, Options], seed: int) -> MediaDeriver[AudioAugmenter, Sound]:
    """The deriver of sounds with its augmenters built: a second or more, so once a process.

    Args:
        steps: name -> options, in the order of application.

    Raises:
        UserError: no step, or none with a probability above 0; what the augmenters find wrong.
    """
    built: dict[str, AudioAugmenter] = build_steps(AUDIO, steps, KEY)
    return MediaDeriver(seed, built, decode, to_flac, apply)


def apply(step: AudioAugmenter, sound: Sound, rng: np.random.Generator) -> Sound:
    """The sound changed by `step`; itself where no sample of 16 bits has changed.

    Each channel is changed from the same state of the generator: all are moved, cut and stretched alike.
    """
    state = rng.bit_generator.state
    channels = []
    for samples in sound.samples.T:
        rng.bit_generator.state = state
        channels.append(step(np.ascontiguousarray(samples), sound.sampling_rate, rng))
    changed = np.stack(_equally_long(channels), axis=1)
    return (
        sound if np.array_equal(quantised(changed), quantised(sound.samples)) else Sound(changed, sound.sampling_rate)
    )


def _equally_long(channels: list[Samples]) -> list[Samples]:
    """A silent channel is left alone by steps that shorten or lengthen the others: it follows them."""
    length = next((len(samples) for samples in channels if samples.any()), len(channels[0]))
    return [samples if len(samples) == length else np.zeros(length, np.float32) for samples in channels]
