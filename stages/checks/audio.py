"""Checks of sounds: of the column, and of each clip as it was opened. Scales are dBFS: 0 is full scale."""

from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Annotated

import numpy as np
import pyarrow.compute as pc
from pydantic import Field

from stages.checks.text import Check, Mask, mask
from stages.core.blocks import Positive, Share
from stages.modalities.sound import Clip, Samples

ClipCheck = Callable[[Clip], bool]
Seconds = Annotated[float, Field(gt=0)]

SUFFIXES = {
    "WAV": (".wav", ".wave"),
    "WAVEX": (".wav", ".wave"),
    "RF64": (".wav", ".wave", ".rf64"),
    "W64": (".w64",),
    "FLAC": (".flac",),
    "OGG": (".ogg", ".oga", ".opus", ".spx"),
    "MP3": (".mp3", ".mp2", ".mpga"),
    "AIFF": (".aif", ".aiff", ".aifc"),
    "AU": (".au", ".snd"),
    "CAF": (".caf",),
    "NIST": (".sph", ".nist"),
    "VOC": (".voc",),
}
"""libsndfile's formats and what their files are called; for other formats any suffix will do."""

FULL_SCALE = {"PCM_U8": 127 / 128, "PCM_S8": 127 / 128}
"""The greatest positive sample, by coding, as float: of 8 bits, else of 16."""
FULL_SCALE_16 = 32767 / 32768


def missing() -> Check:
    """No sound at all."""
    return lambda samples, _: mask(pc.is_null(pc.struct_field(samples["audio"], "bytes")))


def unreadable() -> ClipCheck:
    """No sound file, or one of which nothing can be decoded; an empty file is one."""
    return lambda clip: clip.problem == "unreadable"


def truncated() -> ClipCheck:
    """The file ends, or breaks, before the samples that its header promises."""
    return lambda clip: clip.is_truncated


def empty() -> ClipCheck:
    """A sound file of 0 samples."""
    return lambda clip: clip.sound is not None and not len(clip.sound.samples)


def silent(*, max_peak_db: Annotated[float, Field(le=0)]) -> ClipCheck:
    """No sample is louder than that (dBFS); a sound of 0 samples has a code of its own."""
    most = 10 ** (max_peak_db / 20)

    def check(clip: Clip) -> bool:
        samples = _with_levels(clip)
        return samples is not None and float(np.abs(samples).max()) <= most

    return check


def clipped(*, max_share: Share, min_run: Annotated[int, Field(ge=2)]) -> ClipCheck:
    """More than that share of the samples stands at full scale, in runs of at least `min_run` samples.

    A single sample at full scale is what peak normalisation leaves; a run of them is a cut-off wave.
    """

    def check(clip: Clip) -> bool:
        samples = _with_levels(clip)
        if samples is None:
            return False
        full = FULL_SCALE.get(clip.subtype, FULL_SCALE_16)
        found = sum(_in_runs(np.abs(channel) >= full, min_run) for channel in samples.T)
        return found > max_share * samples.size

    return check


def dc_offset(*, max_offset: Share) -> ClipCheck:
    """The mean of some channel lies further from 0 than that; full scale is 1."""

    def check(clip: Clip) -> bool:
        samples = _with_levels(clip)
        return samples is not None and float(np.abs(samples.mean(axis=0, dtype=np.float64)).max()) > max_offset

    return check


def too_short(*, min_duration_s: Seconds) -> ClipCheck:
    """Shorter than that; a sound of 0 samples has a code of its own."""
    return lambda clip: clip.sound is not None and 0 < clip.duration_s < min_duration_s


def too_long(*, max_duration_s: Seconds) -> ClipCheck:
    """Longer than that, or than `decode.max_duration_s`: such a file is not decoded at all."""
    return lambda clip: clip.problem == "too_long_to_decode" or clip.duration_s > max_duration_s


def sampling_rate(*, min_hz: Positive) -> ClipCheck:
    """A lower sampling rate than that."""
    return lambda clip: 0 < clip.sampling_rate < min_hz


def channels(*, max_channels: Positive) -> ClipCheck:
    """More channels than that."""
    return lambda clip: clip.channels > max_channels


def non_finite() -> ClipCheck:
    """NaN or infinity among the samples, as files of floating-point numbers can hold."""
    return lambda clip: clip.sound is not None and not clip.is_finite


def wrong_suffix() -> ClipCheck:
    """The name ends like another format's; a name without a suffix says nothing wrong."""

    def check(clip: Clip) -> bool:
        suffix = PurePosixPath(clip.path or "").suffix.lower()
        return bool(suffix) and suffix not in SUFFIXES.get(clip.format, (suffix,))

    return check


def timeout() -> ClipCheck:
    """Decoding took longer than `decode.timeout_s`: found by the process that had to wait, not here."""
    return lambda _: False


def memory() -> ClipCheck:
    """Decoding took more than `decode.memory_mib`: found by the process's limit, not here."""
    return lambda _: False


def crash() -> ClipCheck:
    """Decoding ended its process: found by the process that started it, not here."""
    return lambda _: False


def _with_levels(clip: Clip) -> Samples | None:
    """The samples, unless there are none or one is not a finite number: those have codes of their own."""
    return clip.sound.samples if clip.sound is not None and len(clip.sound.samples) and clip.is_finite else None


def _in_runs(hits: Mask, least: int) -> int:
    """How many of the hits (T,) stand in runs of at least `least`."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], hits, [False]])))
    lengths = edges[1::2] - edges[::2]
    return int(lengths[lengths >= least].sum())
