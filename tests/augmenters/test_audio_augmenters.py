"""What every audio augmenter keeps, found by the registry; what each does; and sounds derived from sounds."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stages.augmenters import AUDIO
from stages.augmenters.audio_step import AudioAugmenter
from stages.augmenters.derive import ATTEMPTS
from stages.augmenters.media import MediaDeriver, MediaOutcome
from stages.augmenters.sounds import KEY, apply, make_sound_deriver
from stages.augmenters.spectra import warped_bins
from stages.augmenters.steps import build_steps, check_steps
from stages.core.errors import UserError
from stages.core.registry import build, member
from stages.modalities.sound import Samples, Sound, decode, to_flac
from tests.sounds import RATE, coded, floats, silence, speech, tone

OPTIONS: dict[str, dict[str, Any]] = {
    "noise": {"min_snr_db": 10.0, "max_snr_db": 30.0},
    "noise_folder": {"min_snr_db": 5.0, "max_snr_db": 20.0},
    "pitch": {"min_semitones": -3.0, "max_semitones": 3.0},
    "speed": {"min_factor": 0.8, "max_factor": 1.25},
    "vtlp": {"min_factor": 0.85, "max_factor": 1.15},
    "loudness": {"min_factor": 0.5, "max_factor": 1.5},
    "shift": {"max_s": 0.1},
    "crop": {"max_share": 0.3},
    "mask": {"max_share": 0.3, "fill": "noise"},
    "normalise": {},
    "polarity": {},
    "time_mask": {"max_share": 0.3},
    "frequency_mask": {"max_share": 0.3},
}
LENGTH_CHANGES = {"speed", "crop"}
ALWAYS_THE_SAME = {"normalise", "polarity"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("noises")
    (place / "street").mkdir()
    (place / "street/a.wav").write_bytes(coded(speech(7, seconds=0.2, rate=11_025)))
    (place / "b.flac").write_bytes(coded(speech(8, seconds=2.0), "FLAC"))
    (place / "LICENSE.txt").write_text("CC0")
    return place


@pytest.fixture(scope="module")
def augmenters(folder: Path) -> dict[str, AudioAugmenter]:
    given = {**OPTIONS, "noise_folder": {**OPTIONS["noise_folder"], "folder": str(folder)}}
    return {name: build(AUDIO, name, {"p": 1.0, **given[name]}, f"{KEY}.{name}") for name in AUDIO}


def augmenter(name: str, **options: Any) -> Callable[[Samples, int], Samples]:
    built = build(AUDIO, name, {"p": 1.0, **options}, f"{KEY}.{name}")
    return lambda samples, seed: built(samples, RATE, np.random.default_rng(seed))


def one(sound: Sound) -> Samples:
    return np.ascontiguousarray(sound.samples[:, 0])


TONE, SPEECH = one(tone()), one(speech())
ODD = {
    **{f"{length} samples": SPEECH[1_000 : 1_000 + length] for length in (0, 1, 2, 3, 10, 100, 500)},
    "silence": one(silence()),
    "constant": np.full(1_000, 1.0, np.float32),
    "impulse": np.eye(1, 900, 450, dtype=np.float32)[0],
    "faint": SPEECH * np.float32(1e-6),
    "full scale": np.sign(TONE),
}


@pytest.mark.parametrize("name", AUDIO)
@pytest.mark.parametrize("rate", [1_000, RATE, 44_100])
def test_every_augmenter_takes_any_sound_and_repeats(
    augmenters: dict[str, AudioAugmenter], name: str, rate: int
) -> None:
    for odd, samples in ODD.items():
        for seed in range(3):
            before = samples.copy()
            once, again = (augmenters[name](samples, rate, np.random.default_rng(seed)) for _ in range(2))
            assert np.array_equal(once, again) and np.array_equal(samples, before), odd
            assert once.dtype == np.float32 and once.ndim == 1 and np.isfinite(once).all(), odd
            assert np.abs(once).max(initial=0) <= 1 and (len(once) > 0) == (len(samples) > 0), odd
            assert len(once) == len(samples) or name in LENGTH_CHANGES, odd


@pytest.mark.parametrize("name", AUDIO)
def test_every_augmenter_changes_a_sound_and_draws_anew(augmenters: dict[str, AudioAugmenter], name: str) -> None:
    results = [augmenters[name](SPEECH, RATE, np.random.default_rng(seed)) for seed in range(6)]
    assert not any(np.array_equal(result, SPEECH) for result in results)
    assert len({result.tobytes() for result in results}) == (1 if name in ALWAYS_THE_SAME else 6)


@pytest.mark.parametrize("name", AUDIO)
def test_the_global_generators_are_neither_read_nor_moved(augmenters: dict[str, AudioAugmenter], name: str) -> None:
    results = []
    for seed in (1, 2):
        random.seed(seed)
        np.random.seed(seed)
        results.append(augmenters[name](SPEECH, RATE, np.random.default_rng(0)))
        moved = (random.random(), np.random.random())
        random.seed(seed)
        np.random.seed(seed)
        assert moved == (random.random(), np.random.random())
    assert np.array_equal(*results)


@pytest.mark.parametrize("name", AUDIO)
def test_every_augmenter_has_a_docstring_and_p(augmenters: dict[str, AudioAugmenter], name: str) -> None:
    assert (member(AUDIO, name, name).__doc__ or "").strip()
    assert augmenters[name].p == 1.0


def frequency(samples: Samples) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 8 * len(samples)))
    return float(np.argmax(spectrum)) * RATE / (8 * len(samples))


@pytest.mark.parametrize("name", ["noise", "noise_folder"])
@pytest.mark.parametrize("snr_db", [0.0, 12.0])
def test_noise_has_the_level_asked_for(name: str, snr_db: float, folder: Path) -> None:
    given = {"folder": str(folder)} if name == "noise_folder" else {}
    quiet = TONE * np.float32(0.1)
    for seed in range(4):
        added = augmenter(name, min_snr_db=snr_db, max_snr_db=snr_db, **given)(quiet, seed) - quiet
        assert 20 * np.log10(np.std(quiet) / np.std(added)) == pytest.approx(snr_db, abs=0.2)


def test_white_noise_is_no_mirror_image() -> None:
    added = augmenter("noise", min_snr_db=10.0, max_snr_db=10.0)(TONE, 0) - TONE
    assert abs(np.corrcoef(added[1:], added[1:][::-1])[0, 1]) < 0.1


@pytest.mark.parametrize("semitones", [-5.0, 4.0])
def test_pitch_moves_a_tone_by_semitones(semitones: float) -> None:
    moved = augmenter("pitch", min_semitones=semitones, max_semitones=semitones)(TONE, 0)
    assert len(moved) == len(TONE)
    assert frequency(moved) == pytest.approx(440 * 2 ** (semitones / 12), rel=0.005)


@pytest.mark.parametrize("factor", [0.8, 1.25])
def test_speed_changes_the_length_and_keeps_the_pitch(factor: float) -> None:
    moved = augmenter("speed", min_factor=factor, max_factor=factor)(TONE, 0)
    assert len(moved) == round(len(TONE) / factor)
    assert frequency(moved) == pytest.approx(440, rel=0.005)


@pytest.mark.parametrize("factor", [0.85, 1.0, 1.15])
def test_vtlp_moves_a_tone_below_the_limit_by_the_factor(factor: float) -> None:
    moved = augmenter("vtlp", min_factor=factor, max_factor=factor)(TONE, 0)
    assert frequency(moved) == pytest.approx(440 * factor, rel=0.01)
    assert np.std(moved) == pytest.approx(np.std(TONE), rel=0.01)
    assert factor != 1.0 or np.allclose(moved, TONE, atol=1e-6)


@pytest.mark.parametrize("factor", [0.5, 0.9, 1.1, 2.0])
@pytest.mark.parametrize("rate", [8_000, 16_000, 48_000])
def test_warped_bins_rise_from_the_first_to_the_last(factor: float, rate: int) -> None:
    bins = warped_bins(129, rate, factor)
    assert (bins[0], bins[-1]) == (0, 128) and (np.diff(bins) > 0).all()
    assert bins[8] == pytest.approx(8 * factor)


def test_loudness_multiplies_and_clips() -> None:
    assert np.allclose(augmenter("loudness", min_factor=0.5, max_factor=0.5)(TONE, 0), TONE / 2)
    assert np.allclose(augmenter("loudness", min_factor=4.0, max_factor=4.0)(TONE, 0), np.clip(TONE * 4, -1, 1))


def test_shifts_go_both_ways_up_to_the_limit() -> None:
    shifts = set()
    for seed in range(40):
        moved = augmenter("shift", max_s=0.01)(SPEECH, seed)
        amount = next(n for n in range(-80, 81) if n and np.array_equal(moved, shifted(SPEECH, n)))
        shifts.add(amount)
    assert min(shifts) < -50 and max(shifts) > 50


def shifted(samples: Samples, amount: int) -> Samples:
    gap = np.zeros(abs(amount), np.float32)
    return np.concatenate([gap, samples[:-amount]] if amount > 0 else [samples[-amount:], gap])


def test_a_shift_keeps_half_of_a_short_sound() -> None:
    assert all(np.count_nonzero(augmenter("shift", max_s=9.0)(SPEECH, seed)) >= 1_990 for seed in range(20))


def test_crops_take_one_part_out() -> None:
    lengths = set()
    ramp = np.linspace(-1, 1, 1_000, dtype=np.float32)
    for seed in range(30):
        cropped = augmenter("crop", max_share=0.3)(ramp, seed)
        lengths.add(len(cropped))
        start = int(np.argmax(np.diff(cropped))) + 1
        expected = np.delete(ramp, np.s_[start : start + 1_000 - len(cropped)])
        assert np.array_equal(cropped, expected) or len(cropped) in (len(ramp), len(expected))
    assert 700 <= min(lengths) < 760 and max(lengths) > 950


@pytest.mark.parametrize("fill", ["silence", "noise"])
def test_masks_replace_one_part(fill: str) -> None:
    widths = []
    for seed in range(20):
        masked = augmenter("mask", max_share=0.3, fill=fill)(SPEECH, seed)
        places = np.flatnonzero(masked != SPEECH)
        widths.append(len(places))
        part = masked[places.min() : places.max() + 1]
        assert len(places) > 0.99 * len(part)
        level = np.sqrt(np.mean(SPEECH**2)) if fill == "noise" else 0.0
        assert len(part) < 50 or np.std(part) == pytest.approx(level, rel=0.3)
    assert max(widths) <= 1_200 and max(widths) > 900


def test_normalise_and_polarity() -> None:
    assert np.abs(augmenter("normalise")(TONE, 0)).max() == 1.0
    assert np.array_equal(augmenter("polarity")(TONE, 0), -TONE)


def test_time_masks_silence_frames_and_leave_the_rest() -> None:
    widths = []
    for seed in range(20):
        masked = augmenter("time_mask", max_share=0.3)(SPEECH, seed)
        touched = np.flatnonzero(np.abs(masked - SPEECH) > 1e-6)
        widths.append(len(touched))
        middle = masked[int(touched.mean()) - 5 : int(touched.mean()) + 5]
        assert len(touched) < 1_000 or np.abs(middle).max() < 1e-6
    assert 1_000 < max(widths) <= 0.3 * len(SPEECH) + 512 and min(widths) < 700


def test_frequency_masks_take_a_band_out() -> None:
    noise = np.random.default_rng(0).standard_normal(RATE).astype(np.float32) / 10
    before = np.abs(np.fft.rfft(noise)) ** 2
    widths = []
    for seed in range(20):
        after = np.abs(np.fft.rfft(augmenter("frequency_mask", max_share=0.3)(noise, seed))) ** 2
        bands = after[:-1].reshape(80, -1).sum(axis=1) / before[:-1].reshape(80, -1).sum(axis=1)
        gone = np.flatnonzero(bands < 0.1)
        widths.append(len(gone))
        assert len(gone) == 0 or np.ptp(gone) == len(gone) - 1
        assert np.median(bands) == pytest.approx(1.0, abs=0.01)
    assert 15 < max(widths) <= 25


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        (
            "noise",
            {"min_snr_db": 9.0, "max_snr_db": 3.0},
            "steps.noise: the least, 9, is above the most, 3",
        ),
        (
            "pitch",
            {"min_semitones": -40.0, "max_semitones": 3.0},
            "min_semitones: -40.0: should be greater",
        ),
        ("speed", {"min_factor": 0.0, "max_factor": 1.0}, "min_factor: 0.0: should be greater than or equal to 0.25"),
        ("crop", {"max_share": 1.0}, "max_share: 1.0: should be less than 1"),
        ("mask", {"max_share": 0.1, "fill": "music"}, "fill: 'music': should be 'silence' or 'noise'"),
        ("shift", {"max_seconds": 0.1}, "max_s: missing"),
        ("noise_folder", {"folder": None, "min_snr_db": 1.0, "max_snr_db": 2.0}, "folder: null, so there is no noise"),
        ("noise_folder", {"folder": "no/where", "min_snr_db": 1.0, "max_snr_db": 2.0}, "no/where: no such folder"),
    ],
)
def test_options_that_cannot_be_are_named(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        augmenter(name, **options)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "no recordings in it"),
        ({"a.txt": b"text"}, "no recordings in it"),
        ({"a.wav": b"text"}, "a.wav: unreadable"),
        ({"a.wav": coded(silence())}, "a.wav: silent"),
        ({"a.wav": coded(silence(0))}, "a.wav: silent"),
        ({"b.wav": floats(np.array([0.1, np.inf], np.float32))}, "b.wav: not finite numbers"),
    ],
)
def test_recordings_that_are_of_no_use_are_named(files: dict[str, bytes], message: str, tmp_path: Path) -> None:
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    with pytest.raises(UserError, match=message):
        augmenter("noise_folder", folder=str(tmp_path), min_snr_db=1.0, max_snr_db=2.0)


STEPS = {
    "speed": {"p": 0.5, **OPTIONS["speed"]},
    "shift": {"p": 0.5, **OPTIONS["shift"]},
    "mask": {"p": 0.5, **OPTIONS["mask"]},
    "polarity": {"p": 0.2},
}
JOBS = [(f"s{number}", coded(speech(number), kind), 2) for number, kind in enumerate(["WAV", "FLAC", "OGG"])]


def test_derived_sounds_depend_on_seed_id_and_number_alone() -> None:
    derive = make_sound_deriver(steps=STEPS, seed=1)
    together = derive(JOBS)
    assert [make_sound_deriver(steps=STEPS, seed=1).derive(*job) for job in reversed(JOBS)] == together[::-1]
    assert derive.derive(*JOBS[0][:2], 1) == together[0][:1]
    assert make_sound_deriver(steps=STEPS, seed=2)(JOBS) != together
    outcomes = [outcome for outcomes in together for outcome in outcomes]
    assert len({outcome.data for outcome in outcomes}) == 6
    for outcome in outcomes:
        assert outcome.data is not None and outcome.data[:4] == b"fLaC" and outcome.reason is None
        assert outcome.steps and set(outcome.steps) <= set(STEPS)
        assert 0.39 < decode(outcome.data).duration_s < 0.63


def test_copies_that_cannot_differ_are_given_up() -> None:
    derive = make_sound_deriver(steps={"polarity": {"p": 1.0}}, seed=1)
    first, second = derive.derive("a", coded(tone()), 2)
    assert first.data is not None and np.array_equal(decode(first.data).samples, -decode(coded(tone())).samples)
    assert (first.steps, second) == (("polarity",), MediaOutcome(None, (), "augment.unchanged"))
    assert derive.derive("b", coded(silence()), 1) == [MediaOutcome(None, (), "augment.unchanged")]


def test_channels_are_changed_alike() -> None:
    both = Sound(np.hstack([speech(1).samples, speech(2).samples]), RATE)
    step = build(AUDIO, "crop", {"p": 1.0, **OPTIONS["crop"]}, "")
    result = apply(step, both, np.random.default_rng(4))
    for channel, seed in enumerate((1, 2)):
        alone = apply(step, speech(seed), np.random.default_rng(4))
        assert np.array_equal(result.samples[:, channel], alone.samples[:, 0])


@pytest.mark.parametrize("order", [1, -1])
def test_a_silent_channel_follows_the_other_in_length(order: int) -> None:
    half = Sound(np.hstack([speech().samples, silence().samples][::order]), RATE)
    for name in LENGTH_CHANGES:
        step = build(AUDIO, name, {"p": 1.0, **OPTIONS[name]}, "")
        result = apply(step, half, np.random.default_rng(1))
        assert result.channels == 2 and len(result.samples) != 4_000
        assert not result.samples[:, 1 if order == 1 else 0].any()


def test_a_change_too_small_for_sixteen_bits_is_none() -> None:
    sound = decode(to_flac(speech()))
    assert (
        apply(AudioAugmenter(1.0, lambda samples, *_: samples + np.float32(1e-6)), sound, np.random.default_rng())
        is sound
    )


def test_the_media_deriver_tries_again_and_names_the_steps_that_changed_something() -> None:
    calls: list[str] = []

    def change(step: AudioAugmenter, item: list[int], _: np.random.Generator) -> list[int]:
        calls.append("x")
        return [*item, 1] if step.p == 1.0 and len(calls) >= 2 * ATTEMPTS else item

    steps = {"never": AudioAugmenter(0.999999, abs), "late": AudioAugmenter(1.0, abs)}
    derive = MediaDeriver(1, steps, list, bytes, change)
    assert derive([("a", b"\x05", 1)]) == [[MediaOutcome(b"\x05\x01", ("late",))]]
    assert len(calls) == 2 * ATTEMPTS


def test_arrays_that_are_equal_count_as_unchanged() -> None:
    derive = MediaDeriver(1, {"copy": AudioAugmenter(1.0, abs)}, np.frombuffer, bytes, lambda _, item, __: item.copy())
    assert derive.derive("a", bytes(8), 1) == [MediaOutcome(None, (), "augment.unchanged")]


@pytest.mark.parametrize("steps", [{}, {"polarity": {"p": 0.0}}])
def test_without_any_step_to_draw_nothing_can_be_derived(steps: dict[str, dict[str, float]]) -> None:
    with pytest.raises(UserError, match="no step is enabled with p above 0") as caught:
        build_steps(AUDIO, steps, KEY)
    assert "enable one under augment.audio.steps" in caught.value.hint


def test_steps_are_checked_whether_or_not_they_are_enabled() -> None:
    check_steps(AUDIO, STEPS, KEY)
    check_steps(AUDIO, {"noise_folder": {"p": 0.5, "folder": None, **OPTIONS["noise_folder"]}}, KEY)
    with pytest.raises(UserError, match="unknown name 'spede', did you mean 'speed'"):
        check_steps(AUDIO, {"spede": {}}, KEY)
    with pytest.raises(UserError, match=r"augment\.audio\.steps\.speed\.min_factor: missing"):
        check_steps(AUDIO, {"speed": {"p": 0.5, "max_factor": 1.0}}, KEY)
