"""Sounds: what opens, what is wrong with what does not, and what comes back from FLAC."""

import struct
import subprocess
import sys

import numpy as np
import pytest

from stages.modalities.headers import is_cut_short
from stages.modalities.sound import Clip, Sound, decode, fits_flac, to_flac
from tests.sounds import RATE, coded, silence, speech, tone, with_size

WAV = coded(tone())
FLAC = coded(speech(seconds=2.0), "FLAC")


def opened(data: bytes, max_seconds: float = 10.0) -> Clip:
    return Clip(data, "a.wav", max_seconds=max_seconds)


@pytest.mark.parametrize(
    ("kind", "subtype"),
    [
        ("WAV", "PCM_16"),
        ("WAV", "PCM_U8"),
        ("WAV", "PCM_24"),
        ("WAV", "FLOAT"),
        ("WAV", "ULAW"),
        ("WAVEX", "PCM_16"),
        ("RF64", "PCM_16"),
        ("AIFF", "PCM_16"),
        ("AU", "PCM_16"),
        ("CAF", "PCM_16"),
        ("FLAC", "PCM_24"),
        ("OGG", "VORBIS"),
        ("MP3", "MPEG_LAYER_III"),
    ],
)
def test_whole_files_of_many_kinds_open(kind: str, subtype: str) -> None:
    clip = opened(coded(tone(channels=2), kind, subtype))
    assert (clip.problem, clip.is_truncated) == (None, False)
    assert (clip.format, clip.subtype, clip.channels, clip.sampling_rate) == (kind, subtype, 2, RATE)
    assert clip.sound is not None and clip.sound.samples.shape == (RATE // 2, 2)
    assert clip.sound.samples.dtype == np.float32 and clip.is_finite
    assert clip.duration_s == clip.sound.duration_s == 0.5
    assert np.abs(clip.sound.samples - tone(channels=2).samples).mean() < 0.02


NO_SOUNDS = {
    "nothing": b"",
    "4 bytes": b"RIFF",
    "half a header": WAV[:30],
    "text": b"no sound but text " * 50,
    "image": b"\x89PNG\r\n\x1a\n" + bytes(500),
    "zeros": bytes(5_000),
    "empty flac": coded(silence(0), "FLAC"),
    "flac cut in its first frame": FLAC[: len(FLAC) // 20],
    "no channel": WAV.replace(struct.pack("<HHI", 1, 1, RATE), struct.pack("<HHI", 1, 0, RATE)),
    "60,000 channels": WAV.replace(struct.pack("<HHI", 1, 1, RATE), struct.pack("<HHI", 1, 60_000, RATE)),
    "no rate": WAV.replace(struct.pack("<HHI", 1, 1, RATE), struct.pack("<HHI", 1, 1, 0)),
}


@pytest.mark.parametrize("name", NO_SOUNDS)
def test_what_is_no_sound_is_unreadable(name: str) -> None:
    clip = opened(NO_SOUNDS[name])
    assert (clip.problem, clip.sound, clip.duration_s, clip.is_finite) == ("unreadable", None, 0.0, False)


@pytest.mark.parametrize("kind", ["WAV", "WAVEX", "RF64", "AIFF", "AU", "FLAC", "OGG"])
def test_a_file_that_breaks_off_keeps_what_stands_before(kind: str) -> None:
    whole = coded(speech(seconds=6.0), kind)
    clip = opened(whole[: len(whole) * 3 // 4])
    assert (clip.problem, clip.is_truncated) == (None, True)
    assert clip.sound is not None and 2.0 <= clip.duration_s < 5.0
    assert np.array_equal(clip.sound.samples, decode(whole).samples[: len(clip.sound.samples)])


def test_a_wav_file_of_a_header_alone_is_truncated_and_one_of_no_samples_is_not() -> None:
    header, empty = opened(WAV[:44]), opened(coded(silence(0)))
    assert [clip.sound and clip.sound.samples.shape for clip in (header, empty)] == [(0, 1), (0, 1)]
    assert (header.is_truncated, empty.is_truncated) == (True, False)
    assert (empty.problem, empty.duration_s, empty.is_finite) == (None, 0.0, True)


@pytest.mark.parametrize(
    ("size", "truncated"), [(2**32 - 16, True), (2**32 - 1, False), (2**31 - 1, False), (RATE, False), (RATE + 1, True)]
)
def test_a_size_that_stands_for_unknown_is_no_promise(size: int, truncated: bool) -> None:
    clip = opened(with_size(WAV, size))
    assert (clip.problem, clip.is_truncated, clip.duration_s) == (None, truncated, 0.5)


def test_headers_of_many_chunks_are_left_at_some_point() -> None:
    assert not is_cut_short(b"RIFF\0\0\0\0WAVE" + bytes(16_000_000))
    assert is_cut_short(b"RIFF\0\0\0\0WAVELIST\x04\0\0\0INFOdata\x10\0\0\0" + bytes(15))


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG", "MP3"])
def test_what_is_longer_than_allowed_is_not_decoded(kind: str) -> None:
    clip = opened(coded(tone(), kind), max_seconds=0.4)
    assert (clip.problem, clip.sound, clip.duration_s) == ("too_long_to_decode", None, 0.5)
    assert (clip.format, clip.sampling_rate) == (kind, RATE)
    assert opened(coded(tone(), kind), max_seconds=0.5).problem is None


def test_flac_files_that_do_not_say_their_length_are_read_up_to_the_limit() -> None:
    place = FLAC.index(struct.pack(">I", 2 * RATE), 18)
    unknown = FLAC[:place] + bytes(4) + FLAC[place + 4 :]
    huge = FLAC[: place - 1] + bytes([FLAC[place - 1] | 0x0F]) + b"\xff" * 4 + FLAC[place + 4 :]
    clip = opened(unknown)
    assert (clip.problem, clip.is_truncated, clip.duration_s) == (None, False, 2.0)
    assert opened(unknown, max_seconds=1.0).problem == "too_long_to_decode"
    assert (opened(huge).problem, opened(huge).duration_s > 1e6) == ("too_long_to_decode", True)


def test_any_damage_ends_in_a_problem_or_a_sound() -> None:
    rng = np.random.default_rng(0)
    originals = [coded(speech(), kind) for kind in ("WAV", "FLAC", "OGG", "AIFF")]
    problems = []
    for number in range(400):
        damaged = bytearray(originals[number % 4])
        for place in rng.integers(0, 200 if number % 8 < 4 else len(damaged), 5):
            damaged[place] = rng.integers(256)
        clip = opened(bytes(damaged))
        assert (clip.sound is None) == (clip.problem is not None)
        problems.append(clip.problem)
    assert {None, "unreadable"} <= set(problems) <= {None, "unreadable", "too_long_to_decode"}


@pytest.mark.parametrize("channels", [1, 2, 8])
def test_sixteen_bits_come_back_from_flac_as_they_were(channels: int) -> None:
    sound = opened(coded(tone(channels=channels))).sound
    assert sound is not None
    again = decode(to_flac(sound))
    assert again.sampling_rate == RATE and np.array_equal(again.samples, sound.samples)
    assert to_flac(again) == to_flac(sound)


def test_flac_clips_what_is_beyond_full_scale() -> None:
    sound = Sound(np.array([[-3.0], [-1.0], [0.0], [1.0], [3.0]], np.float32), RATE)
    most = 1 - 2**-15
    assert decode(to_flac(sound)).samples[:, 0].tolist() == [-1.0, -1.0, 0.0, most, most]


@pytest.mark.parametrize(
    "sound", [silence(0), silence(9, channels=9), Sound(tone().samples, 700_000)], ids=["empty", "9 channels", "rate"]
)
def test_what_flac_cannot_hold_is_known_before(sound: Sound) -> None:
    assert not fits_flac(sound)
    with pytest.raises(ValueError, match="FLAC cannot hold"):
        to_flac(sound)


def test_the_modules_for_sounds_import_no_audio_library() -> None:
    modules = ["modalities.sound", "checks.audio", "cleaners.sounds", "augmenters.sounds", "augmenters.audio"]
    heavy = ["soundfile", "soxr", "librosa", "scipy", "noisereduce", "pyloudnorm", "nlpaug", "torch"]
    code = (
        f"import sys, {', '.join(f'stages.{name}' for name in modules)}; print(sorted({set(heavy)} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
