"""Checks of sounds: which clips each finds, the broken ones above all."""

import inspect
from typing import Any

import numpy as np
import pytest

from stages.checks import CHECKS
from stages.checks.audio import ClipCheck
from stages.core import registry
from stages.core.errors import UserError
from stages.modalities.sound import Clip, Sound
from tests import workplace
from tests.sounds import RATE, coded, floats, silence, speech, tone, with_size

OPTIONS: dict[str, dict[str, Any]] = {
    "silent": {"max_peak_db": -60.0},
    "clipped": {"max_share": 0.01, "min_run": 3},
    "dc_offset": {"max_offset": 0.05},
    "too_short": {"min_duration_s": 0.1},
    "too_long": {"max_duration_s": 5.0},
    "sampling_rate": {"min_hz": 8_000},
    "channels": {"max_channels": 2},
}
NAMES = [code.split(".")[1] for code in CHECKS if code.startswith("audio.")]
OF_CLIPS = [name for name in NAMES if name != "missing"]
MAX_SECONDS = 10.0


def built(name: str, **options: Any) -> ClipCheck:
    check: ClipCheck = registry.build(CHECKS, f"audio.{name}", options or OPTIONS.get(name, {}), name)
    return check


def codes(data: bytes, path: str | None = "a.wav") -> list[str]:
    clip = Clip(data, path, max_seconds=MAX_SECONDS)
    found = {name: built(name)(clip) for name in OF_CLIPS}
    assert {type(value) for value in found.values()} == {bool}
    return [name for name, hit in found.items() if hit]


def samples(*values: float, repeat: int = 1_000) -> Sound:
    return Sound(np.tile(np.array(values, np.float32), repeat)[:, None], RATE)


NAN, INF = float("nan"), float("inf")
WAV = coded(tone())
CLIPS = {
    "whole": (WAV, []),
    "8 bit": (coded(tone(), "WAV", "PCM_U8"), []),
    "24 bit": (coded(tone(), "WAV", "PCM_24"), []),
    "32 bit float": (coded(tone(), "WAV", "FLOAT"), []),
    "stereo": (coded(tone(channels=2)), []),
    "zero byte": (b"", ["unreadable"]),
    "text": (b"this is no sound at all " * 9, ["unreadable"]),
    "half a header": (WAV[:30], ["unreadable"]),
    "truncated": (WAV[: len(WAV) * 2 // 3], ["truncated"]),
    "header alone": (WAV[:44], ["truncated", "empty"]),
    "huge header": (with_size(WAV, 4_000_000_000), ["truncated"]),
    "0 samples": (coded(silence(0)), ["empty"]),
    "silent": (coded(silence()), ["silent"]),
    "almost silent": (coded(tone(level=0.0005)), ["silent"]),
    "NaN": (floats(np.array([0.1, NAN] * 1_000, np.float32)), ["non_finite"]),
    "infinite": (floats(np.array([0.1, -INF] * 1_000, np.float32)), ["non_finite"]),
    "beyond full scale": (coded(tone(level=1.5), "WAV", "FLOAT"), ["clipped"]),
    "clipped": (coded(tone(level=1.5)), ["clipped"]),
    "clipped, 8 bit": (coded(tone(level=1.5), "WAV", "PCM_U8"), ["clipped"]),
    "offset": (coded(Sound(tone().samples + np.float32(0.1), RATE)), ["dc_offset"]),
    "short": (coded(tone(seconds=0.05)), ["too_short"]),
    "long": (coded(tone(seconds=6.0)), ["too_long"]),
    "too long to decode": (coded(tone(seconds=12.0)), ["too_long"]),
    "low rate": (coded(tone(rate=4_000)), ["sampling_rate"]),
    "three channels": (coded(tone(channels=3)), ["channels"]),
    "flac in name only": (coded(tone(), "FLAC"), ["wrong_suffix"]),
}


@pytest.mark.parametrize("name", CLIPS)
def test_each_clip_has_the_codes_that_it_deserves(name: str) -> None:
    data, expected = CLIPS[name]
    assert codes(data) == expected


@pytest.mark.parametrize("kind", ["FLAC", "OGG", "MP3"])
def test_a_compressed_file_that_breaks_off_is_truncated(kind: str) -> None:
    whole = coded(speech(seconds=3.0), kind)
    assert codes(whole, f"a.{kind.lower()}") == []
    assert codes(whole[: len(whole) * 2 // 3], f"a.{kind.lower()}") == ["truncated"]


@pytest.mark.parametrize(
    ("path", "kind", "wrong"),
    [
        ("a.WAV", "WAV", False),
        ("a/b.wave", "RF64", False),
        ("a.wav", "WAVEX", False),
        ("a.flac", "FLAC", False),
        ("a.oga", "OGG", False),
        ("a.aifc", "AIFF", False),
        ("a.caf", "CAF", False),
        ("a", "FLAC", False),
        (".wav", "FLAC", False),
        (None, "WAV", False),
        ("a.anything", "SVX", False),
        ("a.mp3", "WAV", True),
        ("a.wav", "MP3", True),
        ("a.jpg", "WAV", True),
        ("a.wav.txt", "WAV", True),
    ],
)
def test_a_wrong_suffix_is_one_of_another_format(path: str | None, kind: str, wrong: bool) -> None:
    assert ("wrong_suffix" in codes(coded(tone(), kind), path)) == wrong


@pytest.mark.parametrize(
    ("sound", "share", "found"),
    [
        (samples(1, 1, 1, 0, 0, 0), 0.45, True),
        (samples(1, 1, 1, 0, 0, 0), 0.55, False),
        (samples(-1, -1, -1, 0), 0.0, True),
        (samples(1, 0, 1, 1, 0), 0.0, False),
        (samples(1, 1, 1, *[0] * 17, repeat=1), 0.15, False),
        (samples(1, 1, 1, *[0] * 17, repeat=1), 0.14, True),
    ],
)
def test_clipping_is_a_share_of_samples_in_runs(sound: Sound, share: float, found: bool) -> None:
    clip = Clip(coded(sound), None, max_seconds=MAX_SECONDS)
    assert built("clipped", max_share=share, min_run=3)(clip) == found


@pytest.mark.parametrize(
    ("name", "options", "found"),
    [
        ("silent", {"max_peak_db": -7.0}, False),
        ("silent", {"max_peak_db": -5.0}, True),
        ("dc_offset", {"max_offset": 0.24}, True),
        ("dc_offset", {"max_offset": 0.26}, False),
        ("too_short", {"min_duration_s": 0.26}, True),
        ("too_short", {"min_duration_s": 0.25}, False),
        ("too_long", {"max_duration_s": 0.25}, False),
        ("too_long", {"max_duration_s": 0.24}, True),
        ("sampling_rate", {"min_hz": 8_001}, True),
        ("channels", {"max_channels": 1}, False),
    ],
)
def test_limits_are_the_last_allowed_values(name: str, options: dict[str, float], found: bool) -> None:
    clip = Clip(coded(samples(0.5, 0.0)), None, max_seconds=MAX_SECONDS)
    assert built(name, **options)(clip) == found


def test_a_clip_that_is_not_decoded_is_too_long_whatever_the_limit() -> None:
    clip = Clip(WAV, None, max_seconds=0.1)
    assert built("too_long", max_duration_s=600.0)(clip)


def test_missing_is_a_check_of_the_table() -> None:
    rows: list[workplace.Row] = [{"audio": {"bytes": WAV, "path": "a"}}, {"audio": {"bytes": None, "path": "b"}}, {}]
    check = registry.build(CHECKS, "audio.missing", {}, "")
    assert check(workplace.table(rows), []).tolist() == [False, True, True]


@pytest.mark.parametrize("name", NAMES)
def test_every_check_says_what_it_finds(name: str) -> None:
    assert (inspect.getdoc(registry.member(CHECKS, f"audio.{name}", name)) or "").strip()


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("silent", {"max_peak_db": 3.0}, "max_peak_db: 3.0: should be less than or equal to 0"),
        ("clipped", {"max_share": 0.1, "min_run": 1}, "min_run: 1: should be greater than or equal to 2"),
        ("too_short", {"min_duration_s": 0}, "min_duration_s: 0: should be greater than 0"),
        ("channels", {"max_channel": 2}, "max_channel: unknown key, did you mean 'max_channels'?"),
    ],
)
def test_options_out_of_range_are_named(name: str, options: dict[str, float], message: str) -> None:
    with pytest.raises(UserError) as caught:
        built(name, **options)
    assert message in str(caught.value)
