"""The section `data` as a whole: balance, stages, test set, images, and what cannot be compared."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from review.balance import counted, rarest, shares, stage_counts
from review.contents import closest
from review.corpus import read_corpus
from review.data import data_changes
from stages import augment, clean, fetch, split, validate
from stages.core import report, samples, tables
from stages.core.errors import UserError
from tests import folders
from tests.sounds import coded, speech
from tests.workplace import LAX, ROOT, Row, working_in

DIGITS = "recipes/digits.yaml"
SPEECH = "recipes/speech-digits.yaml"


def row(text: str, label: str = "positive", split: str = "train") -> Row:
    return {"text": text, "label": label, "split": split}


def changes(folder: Path) -> dict[str, Any]:
    return data_changes(folders.side(folder / "base", "base"), folders.side(folder / "head"))


def test_classes_are_counted_before_and_after_in_each_split_and_among_derived_ones(tmp_path: Path) -> None:
    base = [row("a"), row("b", "negative"), row("c", split="test")]
    parent = folders.workplace.table(base)["id"][1].as_py()
    folders.lay_out(tmp_path / "base", base)
    derived = [{"id": f"{parent}+1", "parent": parent, "text": "b b"}]
    folders.lay_out(tmp_path / "head", [*base, row("d")], derived=derived)
    rows = {(one["split"], one["label"]): one for one in changes(tmp_path)["balance"]}
    assert rows["train", "positive"] == {
        "split": "train", "label": "positive", "base": 1, "head": 2, "base_share": 0.5, "head_share": 0.666667,
    }  # fmt: skip
    assert rows["train", "negative"]["head_share"] == 0.333333
    assert (rows["train, derived", "negative"]["base"], rows["train, derived", "negative"]["head"]) == (0, 1)


def test_a_class_that_training_lacks_is_the_rarest(tmp_path: Path) -> None:
    folders.lay_out(tmp_path, [row("a"), row("b", "negative")])
    assert rarest(read_corpus(folders.side(tmp_path))) == ("neutral", 0.0)


def test_values_are_told_by_mean_and_deviation(tmp_path: Path) -> None:
    for name, last in (("base", 3.0), ("head", 5.0)):
        rows = [{"text": text, "value": value, "split": "train"} for text, value in (("a", 1.0), ("b", last))]
        folders.lay_out(tmp_path / name, rows, recipe="recipes/sick.yaml")
    found = changes(tmp_path)
    first = found["balance"][0]
    assert (first["base"], first["base_mean"], first["head_mean"], first["head_deviation"]) == (2, 2.0, 3.0, 2.0)
    assert found["rarest"] is None


def test_the_test_set_is_counted_with_its_new_answers(tmp_path: Path) -> None:
    folders.lay_out(tmp_path / "base", [row("a"), row("b", split="test"), row("c", split="test")])
    folders.lay_out(tmp_path / "head", [row("a"), row("b", "negative", "test"), row("d", split="test")])
    wanted = {"base": 2, "head": 2, "common": 1, "added": 1, "removed": 1, "relabelled": 1}
    assert changes(tmp_path)["test_set"] == wanted


def test_stages_are_told_by_what_they_counted_and_a_reason_that_is_missing_is_0() -> None:
    base = {"clean": {"kept": 9, "dropped": 1, "reasons": {"text.empty": 1}}, "fetch": {"rows": 10}}
    head = {"clean": {"kept": 8, "dropped": 2, "reasons": {"label.missing": 2}}, "fetch": None}
    rows = {(one["stage"], one["count"]): (one["base"], one["head"]) for one in stage_counts(base, head)}
    assert rows == {
        ("fetch", "fetched"): (10, None),
        ("clean", "dropped"): (1, 2),
        ("clean", "kept"): (9, 8),
        ("clean", "dropped label.missing"): (0, 2),
        ("clean", "dropped text.empty"): (1, 0),
    }
    assert next(iter(rows)) == ("fetch", "fetched")


def test_every_count_of_a_run_is_told(tmp_path: Path) -> None:
    stages: dict[str, Callable[[], None]] = {
        "fetch": fetch.main,
        "validate": validate.main,
        "clean": clean.main,
        "augment": augment.main,
        "split": split.main,
    }
    (tmp_path / "stages").symlink_to(ROOT / "stages")  # the synonyms
    few = {**LAX, "fetch.path": str(ROOT / "data/source/messages.csv"), "fetch.limit_rows": 120}
    with working_in(tmp_path, few):
        for name, main in stages.items():
            report.run(name, main)
        metrics = {name: tables.read_json(f"metrics/{name}.json") for name in stages}
    found = dict(counted(metrics))
    assert found["fetch", "fetched"] == 120
    assert (
        found["fetch", "fetched"] == found["validate", "rejected"] + found["clean", "kept"] + found["clean", "dropped"]
    )
    assert sum(found["split", name] for name in samples.SPLITS) + found["split", "unused"] == found["clean", "kept"]
    assert {"planned", "derived"} <= {name for stage, name in found if stage == "augment"}


def test_shares_of_what_left_need_metrics() -> None:
    assert shares({"validate": {"rows": 50, "rejected": 1}, "clean": {}}) == {"rejected": 0.02, "dropped": None}
    assert shares({"validate": {"rows": 0, "rejected": 0}}) == {"rejected": None, "dropped": None}


def test_sides_of_different_modalities_are_not_compared(tmp_path: Path) -> None:
    folders.lay_out(tmp_path / "base", [row("a")])
    folders.lay_out(tmp_path / "head", [image(1, "train")], recipe=DIGITS)
    with pytest.raises(UserError, match="base is of modality text, head of image"):
        changes(tmp_path)


def image(seed: int, split: str, *, brighter: int = 0, quality: int = 0, **others: Any) -> Row:
    values = np.random.default_rng(seed).integers(0, 200, (8, 8), dtype=np.uint8) + np.uint8(brighter)
    picture = Image.fromarray(values).resize((32, 32), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    picture.save(file, "JPEG" if quality else "PNG", **({"quality": quality} if quality else {}))
    content = {"bytes": file.getvalue(), "path": f"{seed}.png"}
    return {"image": content, "label": "0", "split": split, "id": f"{seed:016x}", **others}


def test_images_leak_by_their_bytes_and_by_their_looks(tmp_path: Path) -> None:
    near = {"clean.duplicates.near.enabled": True}
    base = [image(number, "train") for number in range(6)] + [image(number, "test") for number in range(10, 16)]
    folders.lay_out(tmp_path / "base", base, recipe=DIGITS, changes=near)
    leaking = [image(10, "train", id="a" * 16), image(11, "train", id="b" * 16, brighter=10, quality=60)]
    folders.lay_out(tmp_path / "head", [*base, *leaking], recipe=DIGITS)
    found = changes(tmp_path)["leakage"]
    assert (found["exact"], found["near"], found["new"]) == (1, 1, 2)
    assert [item["kind"] for item in found["items"]] == ["same input", "near-duplicate"]
    assert found["items"][1]["train_content"] == "11.png"
    assert found["items"][1]["similarity"] >= 1 - 4 / 64


def test_images_that_are_cut_from_the_search_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("review.contents.MOST_HASHED", 3)
    base = [image(1, "train"), image(2, "train"), image(3, "test"), image(4, "test")]
    for name in ("base", "head"):
        folders.lay_out(tmp_path / name, base, recipe=DIGITS, changes={"clean.duplicates.near.enabled": True})
    notes = changes(tmp_path)["notes"]
    assert notes == ["near-duplicates were looked for among 3 samples, exact ones among all"]


def sound(seed: int, split: str, kind: str = "WAV", **others: Any) -> Row:
    content = {"bytes": coded(speech(seed), kind), "path": f"{seed}.{kind.lower()}"}
    return {"audio": content, "label": "0", "split": split, "id": f"{seed:016x}", **others}


def test_sounds_leak_by_their_bytes_and_by_how_they_sound(tmp_path: Path) -> None:
    base = [sound(number, "train") for number in range(3)] + [sound(number, "test") for number in range(10, 13)]
    folders.lay_out(tmp_path / "base", base, recipe=SPEECH)
    leaking = [sound(10, "train", id="a" * 16), sound(11, "train", "FLAC", id="b" * 16)]
    folders.lay_out(tmp_path / "head", [*base, *leaking], recipe=SPEECH)
    found = changes(tmp_path)["leakage"]
    assert [(item["kind"], item["train_id"]) for item in found["items"]] == [
        ("same input", "a" * 16),
        ("near-duplicate", "b" * 16),
    ]


def test_the_closest_hash_is_found_with_its_distance() -> None:
    among = np.array([0b1111, 0b1000, 2**63], dtype=np.uint64)
    assert closest(np.array([0b1001, 2**63], dtype=np.uint64), among) == ([1, 2], [1, 0])
