"""The benchmarks at a tiny size: what they generate, run and compare; speed itself is for a quiet machine."""

import csv
import io
import os
import resource
from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile
from PIL import Image
from ruamel.yaml import YAML

from benchmarks import corpus, data, media, media_corpus, media_line, media_peers, review, review_sides
from review.data import data_changes
from stages.cleaners.near import shingles
from stages.core.params import load
from stages.tasks.classification import HEADLINE

GOOD = data.Search("clean", 1.0, 1.0, 1.0)
PEER = data.Search("datasketch", 30.0, 0.9, 0.99)


def jaccard(one: str, other: str) -> float:
    a, b = shingles(one, 4), shingles(other, 4)
    return len(a & b) / len(a | b)


def test_a_corpus_repeats_and_has_the_rows_asked_for(tmp_path: Path) -> None:
    assert corpus.write_csv(tmp_path / "a.csv", 300, seed=1) == corpus.write_csv(tmp_path / "b.csv", 300, seed=1) == 6
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    with (tmp_path / "a.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert tuple(header) == corpus.HEADER
    assert [row[0] for row in rows] == [f"m{number:07d}" for number in range(300)]


def test_planted_pairs_differ_in_one_or_two_words_and_other_texts_are_far_apart() -> None:
    texts, pairs = corpus.texts_and_pairs(500, seed=1)
    assert len(pairs) == 10 and len({row for pair in pairs for row in pair}) == 20
    for one, other in pairs:
        changed = [a != b for a, b in zip(texts[one].split(), texts[other].split(), strict=True)]
        assert one < other and sum(changed) in (1, 2)
    assert max(jaccard(texts[row], texts[row + 1]) for row in range(100)) < 0.3


def test_a_corpus_of_several_batches_numbers_its_pairs_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus, "BATCH", 50)
    texts, pairs = corpus.texts_and_pairs(120, seed=1)
    assert len(texts) == 120 and [one // 50 for one, _ in pairs] == [0, 1]
    assert all(jaccard(texts[one], texts[other]) > 0.5 for one, other in pairs)


def test_the_line_runs_each_stage_and_tells_its_time_and_memory(tmp_path: Path) -> None:
    runs = data.line(tmp_path, 400)
    assert [one.stage for one in runs] == ["fetch", "validate", "clean", "split"]
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10  # with which a process that is started begins
    assert all(one.seconds > 0.1 and 50 < one.peak_mib < max(1024, own + 1) for one in runs)
    assert {path.name for path in (tmp_path / "data").iterdir()} == {
        "source",
        "fetched",
        "validated",
        "cleaned",
        "split",
    }


def test_a_stage_that_fails_is_told_with_its_output(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"(?s)split ended with 1:.*params\.yaml: no such file"):
        data.run("split", tmp_path)


def test_both_searches_find_planted_pairs() -> None:
    mine, peer = data.compare(600)
    assert (mine.name, peer.name) == ("clean", "datasketch, plain loop")
    assert mine.recall == mine.precision == 1.0
    assert 0.3 <= peer.recall <= 1.0 and 0.5 <= peer.precision <= 1.0


@pytest.mark.parametrize(
    ("run", "mine", "found"),
    [
        (data.Run("clean", 1.0, 1.0, 2048.0), GOOD, []),
        (data.Run("clean", 1.0, 1.0, 2049.0), GOOD, ["clean: peak of 2049 MiB, over 2048"]),
        (
            data.Run("clean", 1.0, 1.0, 1.0),
            data.Search("clean", 2.0, 1.0, 1.0),
            ["near-duplicates: 15.0 times as fast, less than 20"],
        ),
        (
            data.Run("clean", 1.0, 1.0, 1.0),
            data.Search("clean", 1.0, 0.8, 0.98),
            ["near-duplicates: recall 0.8000, below 0.9000", "near-duplicates: precision 0.9800, below 0.9900"],
        ),
    ],
)
def test_each_floor_that_is_missed_is_named(run: data.Run, mine: data.Search, found: list[str]) -> None:
    assert data.missed([run], [mine, PEER]) == found


def test_the_tables_are_markdown(capsys: pytest.CaptureFixture[str]) -> None:
    data.show(1000, [data.Run("fetch", 2.0, 1.5, 100.0), data.Run("clean", 3.0, 2.5, 300.4)], 10, [GOOD, PEER])
    assert capsys.readouterr().out.split(os.linesep)[2:7] == [
        "| stage | seconds | CPU seconds | rows a second | peak MiB |",
        "| --- | ---: | ---: | ---: | ---: |",
        "| fetch | 2.0 | 1.5 | 500 | 100 |",
        "| clean | 3.0 | 2.5 | 333 | 300 |",
        "| all | 5.0 | 4.0 | 200 | 300 |",
    ]


def test_images_repeat_and_differ_in_size(tmp_path: Path) -> None:
    for name, count in (("a", 8), ("b", 4)):
        media_corpus.write_images(tmp_path / name, count, seed=1)
    names = [path.relative_to(tmp_path / "b") for path in sorted((tmp_path / "b").rglob("*.jpg"))]
    assert {path.parent.name for path in names} == set(media_corpus.SHAPES)
    assert all((tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes() for name in names)
    sizes = {Image.open(io.BytesIO(path.read_bytes())).size for path in (tmp_path / "a").rglob("*.jpg")}
    assert len(sizes) == 8 and all(128 <= side <= 256 for size in sizes for side in size)


def test_clips_repeat_last_a_second_and_have_an_index(tmp_path: Path) -> None:
    for name in ("a", "b"):
        media_corpus.write_clips(tmp_path / name, 5, seed=1)
    assert all(path.read_bytes() == (tmp_path / "b" / path.name).read_bytes() for path in (tmp_path / "a").iterdir())
    about = soundfile.info(tmp_path / "a/000003.wav")
    assert (about.frames, about.samplerate, about.channels, about.subtype) == (16_000, 16_000, 1, "PCM_16")
    with (tmp_path / "a/index.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file))[-1] == ["000004.wav", "hum", "s1"]


@pytest.mark.parametrize("family", [media_line.IMAGES, media_line.CLIPS])
def test_the_params_of_images_and_sounds_are_valid(family: media_line.Family, tmp_path: Path) -> None:
    YAML().dump(media_line.params_of(family, tmp_path, 2), tmp_path / "params.yaml")
    params = load(tmp_path / "params.yaml")
    assert params.decode is not None
    assert (params.augment.copies, params.augment.workers, params.decode.workers) == (1, 2, 2)
    assert params.labels == list(family.labels)


def test_the_line_of_images_tells_time_memory_and_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media_line, "STAGES", ("fetch", "validate", "clean", "augment"))
    media_corpus.write_images(tmp_path / "images", 8, seed=1)
    found = media_line.line(media_line.IMAGES, tmp_path / "images", tmp_path / "line", workers=1)
    assert list(found) == ["fetch", "validate", "clean", "augment"]
    assert all(one.seconds > 0.1 and 50 < one.process_mib <= one.together_mib for one in found.values())
    assert media_line.decoded(media_line.IMAGES, tmp_path / "line") == dict.fromkeys(
        ("originals", "derived"), 8 * 128 * 128 * 3
    )
    sizes = media_line.written(tmp_path / "line")
    assert {"data/fetched", "data/validated", "data/cleaned", "data/augmented"} <= sizes.keys()
    assert sizes["data/cleaned"] > 8 * 10_000


@pytest.mark.parametrize(
    ("family", "write", "made", "loops"),
    [
        (
            media_line.IMAGES,
            media_corpus.write_images,
            ".png",
            {"clean: Pillow", "clean: Pillow, ImageHash", "augment: Pillow, imgaug"},
        ),
        (media_line.CLIPS, media_corpus.write_clips, ".flac", {"clean: librosa", "augment: librosa, nlpaug"}),
    ],
)
def test_the_plain_loops_clean_and_derive_each_file(
    family: media_line.Family, write: Callable[[Path, int, int], None], made: str, loops: set[str], tmp_path: Path
) -> None:
    write(tmp_path / "source", 10, 1)
    params = media_line.params_of(family, tmp_path, 1)
    steps = [media_line.enabled(params[block][family.modality]) for block in ("clean", "augment")]
    assert "cutout" not in steps[1] and "vtlp" not in steps[1]  # these are switched off in the recipes
    rates = media_peers.alone(family.loop, tmp_path / "source", tmp_path / "plain", *steps, 1)
    assert rates.keys() == loops and all(rate > 0 for rate in rates.values())
    names = sorted(path.name for path in (tmp_path / "plain").iterdir())
    assert names == sorted(f"{number:06d}{part}{made}" for number in range(10) for part in ("", ".derived"))


def media_results(*, seconds: float = 10.0, memory: float = 110.0, written: int = 120) -> media_line.Results:
    """100 and 1,000 samples: a start of 1 s, then 100 a second with one worker; at 1,000 two take `seconds`."""
    times = {(100, 1): 2.0, (1_000, 1): 11.0, (100, 2): 1.5, (1_000, 2): seconds}
    lines = {
        key: dict.fromkeys(media_line.STAGES, media_line.Stage(time, 80.0, memory if key[0] == 1_000 else 100.0))
        for key, time in times.items()
    }
    return media_line.Results(
        (100, 1_000), lines, {"data/fetched": written}, {"originals": 60, "derived": 40}, {"clean: Pillow": 50.0}
    )


@pytest.mark.parametrize(
    ("found", "goals"),
    [
        (media_results(seconds=6.0), []),
        (
            media_results(seconds=8.7),
            [
                f"images, {stage}: 2 workers 1.25 times as fast, less than 1.7"
                for stage in ("validate", "clean", "augment", "encode")
            ],
        ),
        (
            media_results(seconds=6.0, memory=130.0),
            [f"images, {stage}: memory grows 1.30 times, over 1.25" for stage in media_line.STAGES],
        ),
        (media_results(seconds=6.0, written=131), ["images: 1.31 bytes written for one decoded, over 1.3"]),
    ],
)
def test_each_goal_of_images_that_is_missed_is_named(found: media_line.Results, goals: list[str]) -> None:
    assert media.missed(media_line.IMAGES, found) == goals


def test_the_start_does_not_count_into_the_speed_of_a_stage() -> None:
    found = media_results(seconds=6.0)
    assert (found.rate("clean", 1), found.rate("clean", 2)) == (100.0, 200.0)
    assert (found.start("clean", 1), found.start("clean", 2)) == (1.0, 1.0)
    assert media.speed_cells(found, "clean") == ["clean", "100", "200", "2.00", "1.0", "1.0"]
    assert media.speed_cells(found, "fetch")[3] == ""
    assert media.memory_cells(found, "clean") == ["clean", "100", "110", "1.10", "80", "80"]
    assert media.peer_cells(found, "clean: Pillow") == ["clean: Pillow", "50", "100", "200", "2.00", "4.00"]


def test_a_difference_lost_in_noise_is_no_rate() -> None:
    assert media_results(seconds=1.0).rate("clean", 2) == float("inf")


def test_a_generated_review_has_changes_to_tell(tmp_path: Path) -> None:
    review_sides.write(tmp_path, train=400, test=60)
    found = data_changes(*(review_sides.side(tmp_path / name) for name in ("base", "head")))
    assert found["test_set"]["common"] == found["test_set"]["head"] == 60
    kinds = {name: found["samples"][name]["count"] for name in ("added", "removed", "relabelled")}
    assert kinds == {"added": 8, "removed": 8, "relabelled": 8}
    for part in review.PARTS:
        one = review.measure(part, str(tmp_path), resamples=50)
        assert one.part == part and one.seconds > 0 and one.peak_mib > 50


def test_simulated_reviews_know_the_true_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(review, "RESAMPLES", 1_000)
    monkeypatch.setattr(review, "TRUE_SAMPLES", 20_000)
    found = review.simulate(60, 2.0, 3)
    assert found.claimed == 1 and set(found.coverage) == set(HEADLINE)
    assert review.simulate(60, 0.0, 2).samples == 60


def test_floors_of_a_review_that_are_missed_are_told() -> None:
    slow, fat = review.Run("data", 11.0, 9.0, 100.0), review.Run("statistics", 5.0, 9.0, 3_000.0)
    wrong = review.Simulation(60, 0.0, {"accuracy": 0.9, "ece": 1.0}, 0.2)
    assert review.missed([slow, fat], [wrong]) == [
        "data: 11.0 s",
        "statistics: 3000 MiB",
        "60 samples: accuracy covered in 90.0%",
        "60 samples: false alarms in 20.0%",
    ]
