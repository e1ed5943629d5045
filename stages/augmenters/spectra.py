"""Waveforms to spectrograms and back."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from stages.modalities.sound import Samples

Spectrum = npt.NDArray[np.complex64]
"""(F, N): bins from 0 Hz to half the sampling rate, frames of `WINDOW_S`, three quarters of which overlap."""

WINDOW_S = 0.032
HOP_SHARE = 0.25
FORMANTS_HZ = 4_800
"""Below it lie the formants that matter; above, a warped axis bends back to half the sampling rate."""
FORMANTS_SHARE = 0.6
"""Of half the sampling rate at most: 4,800 Hz of 8,000."""


def window(seconds: float, sampling_rate: int) -> int:
    """The power of two that comes next to that many seconds, 16 at least."""
    return max(16, 1 << max(0, round(math.log2(seconds * sampling_rate))))


def padded(samples: Samples, size: int) -> Samples:
    """The samples (T,), with zeros at the end up to `size` if they are fewer."""
    return np.pad(samples, (0, max(0, size - len(samples))))


def changed(samples: Samples, sampling_rate: int, change: Callable[[Spectrum], Any]) -> Any:
    """The waveform (T,) of the changed spectrogram."""
    from scipy.signal import istft, stft

    size = window(WINDOW_S, sampling_rate)
    shape = {"nperseg": size, "noverlap": size - int(size * HOP_SHARE)}
    spectrum = stft(padded(samples, size), **shape)[2]
    return istft(change(spectrum), **shape)[1][: len(samples)]


def warped(samples: Samples, sampling_rate: int, factor: float) -> Any:
    """The waveform with its frequencies times `factor` up to the formants' limit, and evenly from there on.

    Its level is kept: bins that fall between two others lose some of it.
    """

    def warp(spectrum: Spectrum) -> Any:
        count, frames = spectrum.shape
        bins = warped_bins(count, sampling_rate, factor)
        # A frequency that moves turns further from frame to frame; else the overlapping frames cancel each other.
        turns = np.outer(bins - np.arange(count), np.arange(frames)) * HOP_SHARE
        # Phases are counted from the middle of the frame: from its start, neighbouring bins have opposite signs.
        middle = (-1.0) ** np.arange(count)[:, None]
        spectrum = spectrum * middle * np.exp(2j * np.pi * turns)
        lower = np.minimum(bins.astype(int), count - 2)
        share = (bins - lower)[:, None]
        moved = np.zeros_like(spectrum)
        np.add.at(moved, lower, (1 - share) * spectrum)
        np.add.at(moved, lower + 1, share * spectrum)
        return moved * middle

    moved = changed(samples, sampling_rate, warp)
    level, before = (np.sqrt(np.mean(np.square(part, dtype=np.float64))) for part in (moved, samples))
    return moved * (before / level) if level else moved


def warped_bins(count: int, sampling_rate: int, factor: float) -> npt.NDArray[np.float64]:
    """Where each of `count` bins from 0 to half the sampling rate goes; the first and the last stay.

    The piecewise linear map of Jaitly and Hinton, 2013.
    """
    half = sampling_rate / 2
    limit = min(FORMANTS_HZ, FORMANTS_SHARE * half) * min(factor, 1)
    moved = np.interp(np.linspace(0, half, count), [0, limit / factor, half], [0, limit, half])
    return np.asarray(moved / half * (count - 1))
