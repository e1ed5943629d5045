"""Fingerprints of sounds: 64 bits that stay when a clip is made louder, coded anew or a little noisier."""

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from stages.modalities.sound import Samples, Sound

Floats = npt.NDArray[np.float64]

BANDS = 9
SEGMENTS = 9
LOW_HZ, HIGH_HZ = 150.0, 3_600.0
"""What 8 kHz recordings hold too."""
WINDOW_S, HOP_S = 0.064, 0.016
FRAMES = 512
"""Held in memory at a time."""
FLOOR_DB = 40.0
"""Below the loudest cell, where faint noise decides what is left: taken for silence."""


def fingerprint(sound: Sound) -> int | None:
    """A number of 64 bits, never 0; None for silence. Unrelated sounds differ in about half of the bits.

    The whole clip becomes a grid of its mean energies in dB, nine bands of the mel scale by nine parts of its
    time. A bit says whether the difference between neighbouring bands rises or falls from one part to the next
    (more than the median of all does): J. Haitsma and T. Kalker, "A highly robust audio fingerprinting system",
    2002, for a whole clip instead of each 12 ms.
    """
    samples = sound.samples.mean(axis=1)
    if not samples.any():
        return None
    energies = 10 * np.log10(_grid(samples, sound.sampling_rate) + 1e-20)
    energies = np.maximum(energies, energies.max() - FLOOR_DB)
    rises = np.diff(np.diff(energies, axis=0), axis=1).ravel()
    bits = rises > np.median(rises)
    return int.from_bytes(np.packbits(bits).tobytes(), "big") or 1


def _grid(samples: Samples, sampling_rate: int) -> Floats:
    """Mean energies (BANDS, SEGMENTS); the parts of the time overlap by half."""
    size = max(64, 2 ** round(np.log2(WINDOW_S * sampling_rate)))
    frames = max(2 * SEGMENTS, round(len(samples) / (HOP_S * sampling_rate)))
    frequencies = np.linspace(0, sampling_rate / 2, size // 2 + 1)
    places = np.interp(frequencies, _edges_hz(), np.arange(BANDS + 2), left=-1, right=BANDS + 2)
    bands = _shares(places, BANDS)
    windows = sliding_window_view(np.pad(samples, size // 2), size)
    starts = np.linspace(0, len(windows) - 1, frames).astype(int)
    energies = np.concatenate([_energies(windows[starts[i : i + FRAMES]], bands) for i in range(0, frames, FRAMES)])
    parts = (np.arange(frames) + 0.5) / frames * (SEGMENTS + 1)
    return np.asarray((_shares(parts, SEGMENTS) @ energies).T)


def _energies(windows: Samples, bands: Floats) -> Floats:
    """Of windows (N, W): (N, BANDS)."""
    return np.asarray(np.abs(np.fft.rfft(windows * np.hanning(windows.shape[1]), axis=1)) ** 2 @ bands.T)


def _edges_hz() -> Floats:
    """Where the bands begin, have their middle and end: evenly spaced in mel."""
    low, high = (2595 * np.log10(1 + edge / 700) for edge in (LOW_HZ, HIGH_HZ))
    return np.asarray(700 * (10 ** (np.linspace(low, high, BANDS + 2) / 2595) - 1))


def _shares(places: Floats, cells: int) -> Floats:
    """Triangular weights (cells, N) of places on a scale where cell i has its middle at i + 1; rows sum to 1."""
    weights = np.maximum(0, 1 - np.abs(places[None] - np.arange(1, cells + 1)[:, None]))
    return np.asarray(weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-12))
