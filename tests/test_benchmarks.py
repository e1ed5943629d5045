"""The benchmarks at a tiny size: what they generate, run and compare; speed itself is for a quiet machine."""

import csv
import os
from pathlib import Path

import pytest

from benchmarks import corpus, data
from stages.cleaners.near import shingles

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
    assert all(one.seconds > 0.1 and 50 < one.peak_mib < 1024 for one in runs)
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
