"""Cleaners of sounds: what each does, when it leaves a sound alone, and bytes in, bytes out."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stages.cleaners import AUDIO
from stages.cleaners.audio import SoundCleaner
from stages.cleaners.cleaned import Cleaned
from stages.cleaners.fingerprint import fingerprint
from stages.cleaners.sounds import make_sound_cleaner
from stages.core.errors import UserError
from stages.core.registry import build, member
from stages.modalities.sound import Sound, decode, to_flac
from tests.sounds import RATE, coded, floats, silence, speech, tone

OPTIONS: dict[str, dict[str, Any]] = {
    "mono": {},
    "resample": {"sampling_rate": 16_000},
    "trim": {"top_db": 40.0},
    "denoise": {"strength": 0.8},
    "band_limit": {"low_hz": 80.0, "high_hz": 3_000.0},
    "pre_emphasis": {"coefficient": 0.97},
    "loudness": {"method": "rms", "target_db": -20.0},
}
IDEMPOTENT = {"mono", "resample", "trim", "loudness"}


def cleaner(name: str, **options: Any) -> SoundCleaner:
    built: SoundCleaner = build(AUDIO, name, options or OPTIONS[name], f"clean.audio.steps.{name}")
    return built


def of(samples: Any, rate: int = RATE) -> Sound:
    return Sound(np.asarray(samples, np.float32).reshape(len(samples), -1), rate)


def rms_db(sound: Sound) -> float:
    return 10 * float(np.log10(np.mean(np.square(sound.samples))))


def peak_db(sound: Sound) -> float:
    return 20 * float(np.log10(np.abs(sound.samples).max()))


def padded(sound: Sound, before: int, after: int) -> Sound:
    return Sound(np.pad(sound.samples, ((before, after), (0, 0))), sound.sampling_rate)


ODD = {
    "one sample": of([0.5]),
    "three samples": of([0.5, -0.5, 0.1]),
    "stereo": Sound(np.hstack([tone(300.0).samples, tone(500.0).samples]), RATE),
    "one silent channel": Sound(np.hstack([tone().samples, silence().samples]), RATE),
    "six channels": tone(channels=6),
    "silence": silence(),
    "constant": of(np.full(4_000, 0.5)),
    "beyond full scale": tone(level=3.0),
    "speech": speech(),
    "low rate": speech(rate=1_000),
    "high rate": speech(rate=192_000),
}


@pytest.mark.parametrize("name", AUDIO)
@pytest.mark.parametrize("odd", ODD)
def test_every_cleaner_takes_any_sound_and_repeats(name: str, odd: str) -> None:
    before = ODD[odd].samples.copy()
    once, again = (cleaner(name)(ODD[odd]) for _ in range(2))
    assert np.array_equal(ODD[odd].samples, before), "the sound that came in stays as it was"
    assert np.array_equal(once.samples, again.samples)
    assert once.samples.dtype == np.float32 and once.samples.ndim == 2 and np.isfinite(once.samples).all()
    assert once.sampling_rate == (16_000 if name == "resample" else ODD[odd].sampling_rate)
    if name in IDEMPOTENT and len(once.samples):
        assert cleaner(name)(once) is once


@pytest.mark.parametrize("name", AUDIO)
def test_every_cleaner_has_a_docstring_that_says_whether_it_is_idempotent(name: str) -> None:
    text = member(AUDIO, name, name).__doc__ or ""
    assert ("Not idempotent" in text) == (name not in IDEMPOTENT)
    assert "dempotent" in text


def test_mono_is_the_mean_of_the_channels() -> None:
    assert cleaner("mono")(of([[0.2, 0.4], [1.0, -1.0]])).samples.tolist() == [[np.float32(0.3)], [0.0]]


@pytest.mark.parametrize("rate", [16_000, 11_025, 4_000])
def test_resampling_keeps_the_tone_and_the_length_in_seconds(rate: int) -> None:
    sound = cleaner("resample", sampling_rate=rate)(tone(440.0, channels=2))
    assert (sound.sampling_rate, sound.channels) == (rate, 2)
    assert abs(sound.duration_s - 0.5) <= 1 / rate
    inner = slice(rate // 20, len(sound.samples) - rate // 20)
    assert np.allclose(sound.samples[inner], tone(440.0, rate=rate, channels=2).samples[inner], atol=0.005)


def test_resampling_to_less_filters_what_the_new_rate_cannot_hold() -> None:
    assert np.abs(cleaner("resample", sampling_rate=4_000)(tone(3_000.0)).samples[100:-100]).max() < 0.001


@pytest.mark.parametrize(("before", "after"), [(4_000, 2_000), (0, 3_000), (3_000, 0), (799, 801)])
def test_trimming_cuts_silence_at_the_ends(before: int, after: int) -> None:
    inner = padded(Sound(np.concatenate([tone().samples, silence(2_000).samples, tone().samples]), RATE), before, after)
    trimmed = cleaner("trim")(inner)
    assert abs(len(trimmed.samples) - 10_000) <= 2 * 0.032 * RATE
    found = [np.array_equal(inner.samples[i:][:9_000], trimmed.samples[:9_000]) for i in range(before + 1)]
    start = found.index(True)
    assert before - 0.032 * RATE <= start <= before


def test_trimming_goes_by_the_loudest_frame() -> None:
    quiet = Sound(np.concatenate([tone(level=0.01).samples, tone().samples]), RATE)
    assert len(cleaner("trim", top_db=20.0)(quiet).samples) < 4_300
    assert cleaner("trim", top_db=60.0)(quiet) is quiet


@pytest.mark.parametrize(("method", "level"), [("peak", peak_db), ("rms", rms_db)])
@pytest.mark.parametrize("target", [-30.0, -14.0])
def test_loudness_reaches_its_target(method: str, level: Callable[[Sound], float], target: float) -> None:
    sound = cleaner("loudness", method=method, target_db=target)(speech())
    assert level(sound) == pytest.approx(target, abs=0.01)


def test_loudness_in_lufs_is_what_pyloudnorm_measures() -> None:
    import pyloudnorm

    sound = cleaner("loudness", method="lufs", target_db=-26.0)(speech(seconds=1.0))
    assert pyloudnorm.Meter(RATE).integrated_loudness(sound.samples) == pytest.approx(-26.0, abs=0.01)


@pytest.mark.parametrize("sound", [speech(seconds=0.3), tone(channels=6)], ids=["short", "six channels"])
def test_sounds_without_a_loudness_in_lufs_take_their_root_mean_square(sound: Sound) -> None:
    assert rms_db(cleaner("loudness", method="lufs", target_db=-26.0)(sound)) == pytest.approx(-26.0, abs=0.01)


def test_loudness_stops_at_full_scale() -> None:
    loud = cleaner("loudness", method="rms", target_db=0.0)(speech())
    assert np.abs(loud.samples).max() == pytest.approx(1.0)
    assert cleaner("loudness", method="rms", target_db=0.0)(loud) is loud


def test_a_gain_that_nobody_hears_is_not_applied() -> None:
    sound = cleaner("loudness")(speech())
    quieter = Sound(sound.samples * np.float32(10 ** (-0.05 / 20)), RATE)
    assert cleaner("loudness")(quieter) is quieter


def test_denoising_takes_noise_away_and_leaves_the_sound() -> None:
    rng = np.random.default_rng(0)
    noise = (0.02 * rng.standard_normal((3 * RATE, 1))).astype(np.float32)
    burst = np.zeros_like(noise)
    burst[RATE : RATE + RATE // 4] = tone(seconds=0.25).samples
    cleaned = cleaner("denoise", strength=1.0)(Sound(noise + burst, RATE)).samples
    assert np.std(cleaned[: RATE // 2]) < 0.3 * np.std(noise)
    inside = slice(RATE + 300, RATE + 1_700)
    assert np.corrcoef(cleaned[inside, 0], burst[inside, 0])[0, 1] > 0.97


def test_pre_emphasis_subtracts_the_sample_before() -> None:
    emphasised = cleaner("pre_emphasis", coefficient=0.5)(of([0.5, 0.5, -0.25]))
    assert emphasised.samples[:, 0].tolist() == [0.5, 0.25, -0.5]


@pytest.mark.parametrize(
    ("low", "high", "kept"),
    [(300.0, None, [1_000, 3_000]), (None, 2_000.0, [100, 1_000]), (300.0, 2_000.0, [1_000]), (5_000.0, None, [])],
)
def test_band_limits_keep_what_lies_between(low: float | None, high: float | None, kept: list[int]) -> None:
    limit = cleaner("band_limit", low_hz=low, high_hz=high)
    levels = {hz: np.abs(limit(tone(hz)).samples[500:-500]).max() for hz in (100, 1_000, 3_000)}
    assert [hz for hz, level in levels.items() if level > 0.45] == kept
    assert all(level > 0.45 or level < 0.01 for level in levels.values())


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("denoise", {"strength": 0.0}),
        ("pre_emphasis", {"coefficient": 0.0}),
        ("band_limit", {"low_hz": None, "high_hz": 4_000.0}),
        ("resample", {"sampling_rate": RATE}),
        ("mono", {}),
    ],
)
def test_what_has_nothing_to_do_gives_the_same_object(name: str, options: dict[str, Any]) -> None:
    sound = speech()
    assert build(AUDIO, name, options, name)(sound) is sound


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("band_limit", {"low_hz": None, "high_hz": None}, "low_hz and high_hz are both null"),
        ("band_limit", {"low_hz": 900.0, "high_hz": 300.0}, "low_hz 900 is not below high_hz 300"),
        ("resample", {"sampling_rate": 16}, "sampling_rate: 16: should be greater than or equal to 1000"),
        ("loudness", {"method": "loud", "target_db": -20.0}, "'loud': should be 'peak', 'rms' or 'lufs'"),
        ("trim", {"top_db": 0.0}, "top_db: 0.0: should be greater than 0"),
        ("trim", {"top": 30.0}, "top: unknown key, did you mean 'top_db'?"),
    ],
)
def test_options_that_cannot_be_are_named(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        build(AUDIO, name, options, f"clean.audio.steps.{name}")
    assert message in str(caught.value)


def cleaned(data: bytes | None, path: str | None = "a/b.wav", *names: str, max_seconds: float = 10.0) -> Cleaned | None:
    steps = {name: OPTIONS[name] for name in names}
    return make_sound_cleaner(steps=steps, max_seconds=max_seconds, fingerprint=True)((data, path))


def test_a_sound_that_no_step_changes_keeps_its_bytes() -> None:
    data = coded(speech(rate=16_000), "OGG")
    assert cleaned(data, "a.ogg", "mono", "resample") == Cleaned(data, "a.ogg", (), None, fingerprint(decode(data)))


def test_a_changed_sound_is_stored_as_flac_with_the_steps_that_changed_it() -> None:
    sound = padded(speech(), 2_000, 2_000)
    done = cleaned(coded(sound), "a/b.c.wav", "mono", "resample", "trim")
    assert done is not None and done[1:4] == ("a/b.c.flac", ("resample", "trim"), None)
    assert done.bytes == to_flac(decode(done.bytes)) and done.bytes[:4] == b"fLaC"
    assert decode(done.bytes).sampling_rate == 16_000 and 0.45 < decode(done.bytes).duration_s < 0.6
    assert cleaned(done.bytes, done.path, "mono", "resample", "trim") == done._replace(steps=())


def test_a_truncated_file_is_written_anew_so_that_later_stages_can_trust_it() -> None:
    data = coded(speech(seconds=2.0), "FLAC")
    data = data[: len(data) * 3 // 4]
    done = cleaned(data, None)
    assert done is not None and done[1:4] == ("sound.flac", ("decode",), None)
    assert decode(done.bytes).duration_s > 0.5


@pytest.mark.parametrize(
    ("data", "names", "problem"),
    [
        (b"", (), "audio.unreadable"),
        (b"text", (), "audio.unreadable"),
        (coded(silence(0)), ("mono",), "audio.empty"),
        (coded(of([0.5] * 3, 44_100)), ("resample",), None),
        (coded(of([0.5], 192_000)), ("resample",), "audio.empty"),
        (floats(np.array([0.1, np.nan], np.float32)), ("mono",), "audio.non_finite"),
        (coded(tone(seconds=11.0)), ("mono",), "audio.too_long"),
        (coded(tone(channels=9)), ("loudness",), "audio.channels"),
    ],
    ids=["zero byte", "text", "0 samples", "3 samples", "too few to resample", "nan", "long", "9 channels"],
)
def test_what_cannot_be_cleaned_keeps_its_bytes_and_gets_a_reason(
    data: bytes, names: tuple[str, ...], problem: str | None
) -> None:
    done = cleaned(data, "x.wav", *names)
    assert done is not None and done.problem == problem
    assert problem is None or done == Cleaned(data, "x.wav", (), problem, None)


def test_without_bytes_there_is_nothing_to_clean() -> None:
    assert cleaned(None, None) is None


def test_all_steps_together_take_every_odd_sound() -> None:
    clean = make_sound_cleaner(steps=OPTIONS, max_seconds=10.0, fingerprint=True)
    for name, sound in ODD.items():
        first, again = (clean((coded(sound, "WAV", "FLOAT"), name)) for _ in range(2))
        assert first == again and first is not None
        assert first.problem is None and first.path.endswith(".flac") and decode(first.bytes).sampling_rate == 16_000


def distance(one: Sound, other: Sound) -> int:
    first, second = fingerprint(one), fingerprint(other)
    assert first is not None and second is not None
    return (first ^ second).bit_count()


def changes(sound: Sound) -> dict[str, Sound]:
    noise = np.random.default_rng(0).standard_normal(sound.samples.shape)
    level = np.sqrt(np.mean(np.square(sound.samples)))
    return {
        "quieter": Sound(sound.samples * np.float32(0.2), RATE),
        "flac": decode(to_flac(sound)),
        "ogg": decode(coded(sound, "OGG")),
        "stereo": Sound(np.repeat(sound.samples, 2, axis=1), RATE),
        "resampled": cleaner("resample")(sound),
        "noise of 40 dB below": Sound((sound.samples + noise * level / 100).astype(np.float32), RATE),
    }


@pytest.mark.parametrize("change", changes(speech()))
def test_fingerprints_stay_when_a_sound_is_coded_anew(change: str) -> None:
    assert [seed for seed in range(10) if distance(speech(seed), changes(speech(seed))[change]) > 6] == []


def test_fingerprints_of_other_sounds_are_far_apart() -> None:
    prints = [fingerprint(speech(seed)) or 0 for seed in range(20)]
    distances = [(one ^ other).bit_count() for one, other in itertools.combinations(prints, 2)]
    assert min(distances) > 12 and 26 < np.mean(distances) < 34


def test_silence_has_no_fingerprint() -> None:
    assert fingerprint(silence()) is None


@pytest.mark.parametrize("sound", [of([0.5]), speech(seconds=0.02), speech(seconds=40.0), speech(rate=44_100)])
def test_fingerprints_have_64_bits_and_repeat(sound: Sound) -> None:
    found = fingerprint(sound)
    assert found == fingerprint(sound) and found is not None and 0 < found < 2**64


@pytest.mark.real
def test_fingerprints_of_different_recordings_are_apart_and_of_their_noisy_copies_near(real_data: Path) -> None:
    paths = sorted((real_data / "fsdd_small/recordings").glob("*.wav"))
    sounds = [decode(path.read_bytes()) for path in paths]
    prints = np.array([fingerprint(sound) for sound in sounds], np.uint64)
    apart = np.bitwise_count(prints[:, None] ^ prints[None])[np.triu_indices(len(prints), 1)]
    assert len(prints) == 900 and (apart <= 4).sum() <= 20 and apart.mean() > 28
    again = np.array([fingerprint(changes(sound)["noise of 40 dB below"]) for sound in sounds[::9]], np.uint64)
    assert (np.bitwise_count(prints[::9] ^ again) <= 4).mean() > 0.95
