"""Sounds: bytes from outside to samples, with everything that can be wrong on the way as a finding.

soundfile (libsndfile) decodes; it is imported when the first clip is opened, not before.
"""

import io
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from stages.modalities.headers import is_cut_short

Samples = npt.NDArray[np.float32]
Problem = Literal["unreadable", "too_long_to_decode"]

FULL_SCALE = 2**15
"""Of 16 bits: a sample of -1.0 is stored as -32768."""
FLAC_CHANNELS = 8
FLAC_HZ = 655_350
BLOCK_FRAMES = 4096
"""What is lost before an error at most: a frame of FLAC."""
UNKNOWN_FRAMES = 2**62
"""libsndfile gives more frames than this where the header does not say how many there are."""
MP3_SHARE = 0.98
"""Of the frames that an MP3 file promises: it has no exact count, but an estimate by its bit rate."""


@dataclass(frozen=True, eq=False)
class Sound:
    """A sound in memory: samples (T, C), float32, in -1..1 as far as the source keeps to it; rate in Hz."""

    samples: Samples
    sampling_rate: int

    @property
    def duration_s(self) -> float:
        """Seconds."""
        return len(self.samples) / self.sampling_rate

    @property
    def channels(self) -> int:
        """C."""
        return int(self.samples.shape[1])


class Clip:
    """A file's bytes, opened: first its header, then, if that says no more than `max_seconds`, its samples.

    Never raises for what the bytes are (memory may run out: open untrusted bytes in a bounded process). Files
    that break off keep the samples before the break. libsndfile's MP3 decoder writes to standard error.

    Attributes:
        path: as given; only its suffix means something.
        problem: None, "unreadable" (not a sound file, or not one sample of it can be decoded) or
            "too_long_to_decode".
        sound: the samples, None where there is a problem; a file of no samples gives (0, C).
        is_truncated: the file ends before the samples that its header promises.
        sampling_rate, channels, format, subtype: by the header, in libsndfile's names (WAV, PCM_16);
            0 and "" where that is unreadable too.
        duration_s: seconds, by the header where the samples are not decoded.
    """

    def __init__(self, data: bytes, path: str | None, *, max_seconds: float) -> None:
        self.path = path
        self.problem: Problem | None = None
        self.sound: Sound | None = None
        self.is_truncated = False
        self.sampling_rate, self.channels, self.duration_s = 0, 0, 0.0
        self.format = self.subtype = ""
        import soundfile

        try:
            with _file_class()(_Bytes(data)) as file:
                self._read(file, data, max_seconds)
        except (soundfile.LibsndfileError, soundfile.SoundFileRuntimeError):
            self.problem = "unreadable"

    @cached_property
    def is_finite(self) -> bool:
        """Whether there are samples, and neither NaN nor infinity among them."""
        return self.sound is not None and bool(np.isfinite(self.sound.samples).all())

    def _read(self, file: Any, data: bytes, max_seconds: float) -> None:
        self.sampling_rate, self.channels = file.samplerate, file.channels
        self.format, self.subtype = file.format, file.subtype
        limit = int(max_seconds * file.samplerate)
        promised = file.frames if file.frames < UNKNOWN_FRAMES else None
        if promised is not None and promised > limit:
            self._give_up(promised)
            return
        samples = _decoded(file, limit + 1)
        if len(samples) > limit:
            self._give_up(len(samples))
            return
        least = (promised or 0) * (MP3_SHARE if file.format == "MP3" else 1)
        self.is_truncated = is_cut_short(data) or len(samples) < least
        if promised and not len(samples):
            self.problem = "unreadable"
            return
        self.sound = Sound(samples, file.samplerate)
        self.duration_s = self.sound.duration_s

    def _give_up(self, frames: int) -> None:
        self.problem = "too_long_to_decode"
        self.duration_s = frames / self.sampling_rate


class _Bytes(io.BytesIO):
    """libsndfile follows what broken headers say, to places before the start as well."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        try:
            return super().seek(offset, whence)
        except (ValueError, OverflowError):
            return -1


@cache
def _file_class() -> Any:
    import soundfile

    class File(soundfile.SoundFile):  # type: ignore[misc]  # soundfile is untyped
        """soundfile seeks after every read, which fails, and loses the block, at the end of a cut FLAC file."""

        def seekable(self) -> bool:
            return False

    return File


def _decoded(file: Any, frames: int) -> Samples:
    """The first `frames` samples (T, C), or those before the first error."""
    import soundfile

    blocks = []
    while frames > 0:
        try:
            block = file.read(min(frames, BLOCK_FRAMES), dtype="float32", always_2d=True)
        except soundfile.LibsndfileError:
            break
        if not len(block):
            break
        blocks.append(block)
        frames -= len(block)
    return np.concatenate(blocks) if blocks else np.zeros((0, file.channels), np.float32)


def to_flac(sound: Sound) -> bytes:
    """FLAC of 16 bits; what lies outside -1..1 is clipped. The same samples give the same bytes.

    Sounds of 16 bits come back from `decode` exactly as they were.

    Raises:
        ValueError: no samples, or more channels or a higher rate than FLAC holds (`fits_flac` tells before).
    """
    import soundfile

    if not fits_flac(sound):
        raise ValueError(f"FLAC cannot hold {sound.samples.shape} samples at {sound.sampling_rate} Hz")
    buffer = io.BytesIO()
    soundfile.write(buffer, quantised(sound.samples), sound.sampling_rate, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()


def fits_flac(sound: Sound) -> bool:
    """Whether there is a sample, and not too many channels or too high a rate."""
    return len(sound.samples) > 0 and sound.channels <= FLAC_CHANNELS and sound.sampling_rate <= FLAC_HZ


def quantised(samples: Samples) -> npt.NDArray[np.int16]:
    """Samples of any shape as integers of 16 bits."""
    return np.clip(np.rint(samples * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)


def decode(data: bytes) -> Sound:
    """The sound of bytes that have passed the cleaning: no limits, and an error is an error."""
    import soundfile

    samples, sampling_rate = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    return Sound(samples, sampling_rate)
