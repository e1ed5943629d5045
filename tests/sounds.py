"""Sounds for tests: tones and noises of half a second, and files of them, whole and broken."""

import io
import struct

import numpy as np
import soundfile

from stages.modalities.sound import Samples, Sound

RATE = 8_000


def tone(hz: float = 440.0, level: float = 0.5, *, seconds: float = 0.5, rate: int = RATE, channels: int = 1) -> Sound:
    """A sine, the same in all channels."""
    samples = level * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)
    return Sound(np.repeat(samples[:, None], channels, axis=1).astype(np.float32), rate)


def speech(seed: int = 0, *, seconds: float = 0.5, rate: int = RATE) -> Sound:
    """What changes like speech: harmonics under an envelope that comes and goes, and a little noise."""
    rng = np.random.default_rng(seed)
    times = np.arange(round(seconds * rate)) / rate
    pitch = rng.uniform(90, 200) * (1 + 0.2 * np.sin(2 * np.pi * rng.uniform(1, 4) * times))
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    parts = [np.sin(n * phase) * np.interp(times, np.linspace(0, seconds, 9), rng.random(9)) / n for n in range(1, 20)]
    samples = np.sum(parts, axis=0) * 0.15 + 0.001 * rng.standard_normal(len(times))
    return Sound(samples[:, None].astype(np.float32), rate)


def silence(samples: int = RATE // 2, channels: int = 1) -> Sound:
    """Zeros."""
    return Sound(np.zeros((samples, channels), np.float32), RATE)


def coded(sound: Sound, kind: str = "WAV", subtype: str | None = None) -> bytes:
    """The bytes of a file."""
    buffer = io.BytesIO()
    soundfile.write(buffer, sound.samples, sound.sampling_rate, format=kind, subtype=subtype)
    return buffer.getvalue()


def floats(samples: Samples) -> bytes:
    """A WAV file of 32-bit floating-point numbers (T,), which can hold NaN and infinity."""
    return coded(Sound(np.asarray(samples, np.float32)[:, None], RATE), "WAV", "FLOAT")


def with_size(wav: bytes, size: int) -> bytes:
    """The WAV file with another number of bytes in the header of its samples."""
    place = wav.index(b"data") + 4
    return wav[:place] + struct.pack("<I", size) + wav[place + 4 :]
