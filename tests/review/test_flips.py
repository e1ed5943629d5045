"""Samples that flipped: counts, order, texts."""

from pathlib import Path

from review.flips import flips
from review.sides import Side
from stages.core import tables
from tests.two_models import pair_of, random_values
from tests.workplace import table

GOLD = [0, 1, 2] * 10


def side(folder: Path) -> Side:
    """A workspace with thirty cleaned texts, s000 to s029."""
    content = table([{"id": f"s{number:03d}", "text": f"text {number}"} for number in range(30)])
    (folder / "data/cleaned").mkdir(parents=True)
    tables.write(folder / "data/cleaned", "samples", content)
    return Side("head", None, "head", folder, None)


def test_flips_are_counted_by_class_and_the_most_confident_come_first(tmp_path: Path) -> None:
    base, head = [1, *GOLD[1:]], [0, 1, 2, *GOLD[3:9], 1, 0, *GOLD[11:]]
    one = side(tmp_path)
    found = flips(one, one, pair_of(base, head, GOLD), modality="text")
    assert (found["still_right"], found["still_wrong"]) == (27, 0)
    assert found["right_to_wrong"]["ids"] == ["s009", "s010"]
    assert found["wrong_to_right"]["ids"] == ["s000"]
    row = found["right_to_wrong"]["rows"][0]
    assert {key: row[key] for key in ("id", "gold", "base", "head", "text")} == {
        "id": "s009",
        "gold": "negative",
        "base": "negative",
        "head": "neutral",
        "text": "text 9",
    }
    assert row["confidence_head"] == max(row["confidence_head"], found["right_to_wrong"]["rows"][1]["confidence_head"])
    assert found["classes"] == [
        {"label": "negative", "samples": 10, "right_to_wrong": 1, "wrong_to_right": 1},
        {"label": "neutral", "samples": 10, "right_to_wrong": 1, "wrong_to_right": 0},
        {"label": "positive", "samples": 10, "right_to_wrong": 0, "wrong_to_right": 0},
    ]


def test_all_ids_are_kept_and_twenty_rows_shown(tmp_path: Path) -> None:
    one = side(tmp_path)
    found = flips(one, one, pair_of(GOLD, [(label + 1) % 3 for label in GOLD], GOLD), modality="text")
    assert found["right_to_wrong"]["count"] == len(found["right_to_wrong"]["ids"]) == 30
    assert [row["id"] for row in found["right_to_wrong"]["rows"]] == [f"s{number:03d}" for number in range(20)]


def test_of_values_the_errors_that_grew_and_shrank_most_are_shown(tmp_path: Path) -> None:
    pair = random_values(50, noise=1.5)
    found = flips(side(tmp_path), side(tmp_path / "other"), pair, modality="text")
    grew, shrank = found["grew"], found["shrank"]
    assert grew["count"] + shrank["count"] == 50
    assert [row["change"] for row in grew["rows"]] == sorted((row["change"] for row in grew["rows"]), reverse=True)
    assert [row["change"] for row in shrank["rows"]] == sorted(row["change"] for row in shrank["rows"])
    first = grew["rows"][0]
    assert first["change"] == abs(first["head"] - first["gold"]) - abs(first["base"] - first["gold"]) > 0


def test_an_image_is_shown_by_its_path(tmp_path: Path) -> None:
    content = table([{"id": "s000", "image": {"bytes": b"...", "path": "cats/one.png"}}])
    (tmp_path / "data/cleaned").mkdir(parents=True)
    tables.write(tmp_path / "data/cleaned", "samples", content)
    one = Side("head", None, "head", tmp_path, None)
    found = flips(one, one, pair_of(GOLD, [1, *GOLD[1:]], GOLD), modality="image")
    assert found["right_to_wrong"]["rows"][0]["text"] == "cats/one.png"
