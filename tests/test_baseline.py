"""The stage baseline: what simple models predict for the test samples, and that they see no answers of them."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import soundfile
from PIL import Image

from stages import baseline
from stages.core import tables
from stages.split import SCHEMA
from tests import workplace

GOOD, BAD = "a fine parcel, thank you so much", "a bad parcel, never again with you"


def run(
    folder: Path, rows: list[workplace.Row], recipe: str = "recipes/messages.yaml", **changes: Any
) -> dict[str, Any]:
    """The first three quarters of the rows train, the others test."""
    dotted = {key.replace("__", "."): value for key, value in changes.items()}
    with workplace.working_in(folder, dotted, recipe):
        named = [{"id": f"s{n}", **row} for n, row in enumerate(rows)]
        workplace.put("cleaned", "samples", workplace.table(named))
        splits = ["train" if n < 3 * len(rows) // 4 else "test" for n in range(len(rows))]
        columns = [[row["id"] for row in named], splits, [None] * len(rows), [None] * len(rows)]
        workplace.put("split", "assignment", pa.table(columns, schema=SCHEMA))
        baseline.main()
        return tables.read_json("metrics/baseline.json")


def predicted(folder: Path) -> list[workplace.Row]:
    found: list[workplace.Row] = tables.read(folder / "data/baseline", "predictions").to_pylist()
    return found


def texts(*pairs: tuple[str, str], times: int = 10) -> list[workplace.Row]:
    return [{"text": f"{text} {n}", "label": label} for n in range(times) for text, label in pairs]


def test_texts_are_told_apart_by_their_words(tmp_path: Path) -> None:
    metrics = run(tmp_path, texts((GOOD, "good"), (BAD, "bad")), labels=["bad", "good", "other"], clean__labels__map={})
    assert (metrics["model"], metrics["train"], metrics["test"]) == ("TF-IDF and logistic regression", 15, 5)
    found = predicted(tmp_path)
    assert [row["prediction"] for row in found] == ["bad", "good", "bad", "good", "bad"]
    assert [row["id"] for row in found] == ["s15", "s16", "s17", "s18", "s19"]
    assert all(row["probability.other"] == 0 for row in found)
    assert found[0]["probability.bad"] + found[0]["probability.good"] == pytest.approx(1, abs=2e-6)
    assert tables.read_json(tmp_path / "data/baseline/meta.json") == {"model": "TF-IDF and logistic regression"}


def test_the_answers_of_the_test_samples_make_no_difference(tmp_path: Path) -> None:
    rows = texts((GOOD, "good"), (BAD, "bad"))
    run(tmp_path, rows, labels=[])
    before = (tmp_path / "data/baseline/predictions-00000.parquet").read_bytes()
    run(tmp_path, [row if n < 15 else {**row, "label": "good"} for n, row in enumerate(rows)], labels=[])
    assert (tmp_path / "data/baseline/predictions-00000.parquet").read_bytes() == before


def test_chinese_is_told_apart_by_its_characters(tmp_path: Path) -> None:
    run(tmp_path, texts(("味道很好下次再来", "good"), ("太难吃了再也不来", "bad")), labels=[])
    assert [row["prediction"] for row in predicted(tmp_path)] == ["bad", "good", "bad", "good", "bad"]


def test_a_text_that_is_empty_is_one_of_no_words(tmp_path: Path) -> None:
    rows = [*texts((GOOD, "good"), (BAD, "bad")), {"text": None, "label": "bad"}]
    run(tmp_path, rows, labels=[])
    assert len(predicted(tmp_path)) == 6


def test_values_of_pairs_come_from_what_the_texts_share(tmp_path: Path) -> None:
    words = ["cat", "dog", "sun", "tea", "car", "sea", "fox", "owl"]
    rows: list[workplace.Row] = []
    for n in range(80):
        first, other = words[n % 8], words[(n * 3 + 1) % 8]
        alike = n % 2 == 0
        second = first if alike else other
        rows.append(
            {"text": f"the {first} is old", "text_pair": f"the {second} is old", "value": 5.0 if alike else 1.0}
        )
    metrics = run(tmp_path, rows, "recipes/sick.yaml")
    assert metrics["model"] == "TF-IDF and ridge regression"
    found = [row["prediction"] for row in predicted(tmp_path)]
    gold = [row["value"] for row in rows[60:]]
    assert np.corrcoef(found, gold)[0, 1] > 0.8


def png(colour: tuple[int, int, int], seed: int) -> bytes:
    noise = np.random.default_rng(seed).integers(0, 40, (24, 32, 3))
    stored = io.BytesIO()
    Image.fromarray((np.array(colour) + noise).astype(np.uint8)).save(stored, "PNG")
    return stored.getvalue()


def test_pictures_are_told_apart_by_their_colours(tmp_path: Path) -> None:
    colours = {"red": (200, 20, 20), "blue": (20, 20, 200)}
    rows: list[workplace.Row] = [
        {"image": {"bytes": png(colour, n), "path": f"{n}.png"}, "label": name}
        for n in range(10)
        for name, colour in colours.items()
    ]
    metrics = run(tmp_path, rows, "recipes/cifar10.yaml", labels=[])
    assert (metrics["model"], metrics["features"]) == (
        "thumbnails and colours and logistic regression",
        16 * 16 * 3 + 24,
    )
    assert [row["prediction"] for row in predicted(tmp_path)] == ["blue", "red", "blue", "red", "blue"]


def flac(hertz: float, seed: int) -> bytes:
    time = np.arange(4_000) / 8_000
    noise = np.random.default_rng(seed).normal(0, 0.01, len(time))
    stored = io.BytesIO()
    soundfile.write(stored, 0.5 * np.sin(2 * np.pi * hertz * time) + noise, 8_000, format="FLAC")
    return stored.getvalue()


def test_sounds_are_told_apart_by_their_frequencies(tmp_path: Path) -> None:
    rows: list[workplace.Row] = [
        {"audio": {"bytes": flac(hertz, n), "path": f"{n}.flac"}, "label": name}
        for n in range(10)
        for name, hertz in (("low", 300.0), ("high", 2_500.0))
    ]
    metrics = run(tmp_path, rows, "recipes/speech-digits.yaml", labels=[])
    assert metrics["model"] == "loudness of mel bands and logistic regression"
    assert [row["prediction"] for row in predicted(tmp_path)] == ["high", "low", "high", "low", "high"]


def test_of_many_training_samples_some_are_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baseline, "MOST_ROWS", 6)
    assert run(tmp_path, texts((GOOD, "good"), (BAD, "bad")), labels=[])["train"] == 5


def test_without_a_test_split_there_is_nothing_to_predict(tmp_path: Path) -> None:
    with workplace.working_in(tmp_path, {"labels": []}):
        named = [{"id": f"s{n}", **row} for n, row in enumerate(texts((GOOD, "good"), (BAD, "bad")))]
        workplace.put("cleaned", "samples", workplace.table(named))
        columns = [[row["id"] for row in named], ["train"] * 20, [None] * 20, [None] * 20]
        workplace.put("split", "assignment", pa.table(columns, schema=SCHEMA))
        baseline.main()
    assert predicted(tmp_path) == []
