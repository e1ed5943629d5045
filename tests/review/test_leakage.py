"""What is trained on and tested on at once."""

from pathlib import Path
from typing import Any

import pytest

from review.data import data_changes
from tests import folders
from tests.workplace import Row

TESTED = "the parcel came two days late and the box was open"
OTHERS = [{"text": text, "label": "positive", "split": "train"} for text in ("thank you all", "what a mess this is")]
KEPT = {"text": "nobody answers the telephone in the evening", "label": "negative", "split": "test"}


def row(text: str, split: str = "train", **others: Any) -> Row:
    return {"text": text, "label": "negative", "split": split, **others}


def leaks(folder: Path, base: list[Row], head: list[Row], **options: Any) -> dict[str, Any]:
    base_changes = options.pop("base_changes", None)
    folders.lay_out(folder / "base", base, changes=base_changes)
    folders.lay_out(folder / "head", head, **options)
    found: dict[str, Any] = data_changes(folders.side(folder / "base"), folders.side(folder / "head"))["leakage"]
    return found


def told(found: dict[str, Any]) -> tuple[int, int | None, int, int]:
    return found["exact"], found["near"], found["new"], found["former"]


BASE = [*OTHERS, KEPT, row(TESTED, "test")]


def test_without_a_leak_none_is_told(tmp_path: Path) -> None:
    found = leaks(tmp_path, BASE, BASE)
    assert told(found) == (0, 0, 0, 0)
    assert (found["test"], found["train"], found["former_test"]) == (2, 2, 2)


def test_a_test_text_that_is_also_trained_on_is_exact(tmp_path: Path) -> None:
    found = leaks(tmp_path, BASE, [*BASE, row(TESTED, id="a" * 16)])
    assert told(found) == (1, 0, 1, 0)
    item = found["items"][0]
    assert (item["kind"], item["train_id"], item["test_content"], item["new"]) == ("same input", "a" * 16, TESTED, True)


def test_a_test_text_that_was_slightly_changed_is_near(tmp_path: Path) -> None:
    found = leaks(tmp_path, BASE, [*BASE, row(TESTED.upper() + "!")])
    assert told(found) == (0, 1, 1, 0)
    item = found["items"][0]
    assert (item["kind"], item["similarity"] > 0.9, item["train_content"]) == (
        "near-duplicate",
        True,
        TESTED.upper() + "!",
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"clean.duplicates.near.enabled": False},
        {"clean.duplicates.near.threshold": 1.0},
        {"clean.duplicates.near.permutations": 16},
    ],
)
def test_a_change_cannot_switch_its_own_check_off(tmp_path: Path, changes: dict[str, Any]) -> None:
    changes = {**changes, "review.gates.data.max_near_leaks": None}
    assert told(leaks(tmp_path, BASE, [*BASE, row(TESTED + "!")], changes=changes)) == (0, 1, 1, 0)


def test_where_the_base_does_not_look_and_no_gate_asks_near_ones_are_not_looked_for(tmp_path: Path) -> None:
    off = {"clean.duplicates.near.enabled": False, "review.gates.data.max_near_leaks": None}
    found = leaks(tmp_path, BASE, [*BASE, row(TESTED + "!")], base_changes=off, changes=off)
    assert told(found) == (0, None, 0, 0)


def test_a_derived_sample_of_a_test_sample_in_training_is_told(tmp_path: Path) -> None:
    ids = folders.workplace.table(BASE)["id"].to_pylist()
    derived = [{**row("words of its own"), "id": f"{ids[0]}+1", "parent": ids[0]}]
    assert told(leaks(tmp_path / "a", BASE, BASE, derived=derived)) == (0, 0, 0, 0)
    near = [{**row(TESTED + " indeed"), "id": f"{ids[0]}+1", "parent": ids[0]}]
    found = leaks(tmp_path / "b", BASE, BASE, derived=near)
    assert told(found) == (0, 1, 1, 0)
    assert found["items"][0]["train_id"] == f"{ids[0]}+1"


def test_a_derived_sample_whose_parent_is_tested_is_not_trained_on(tmp_path: Path) -> None:
    ids = folders.workplace.table(BASE)["id"].to_pylist()
    derived = [{**row(TESTED), "id": f"{ids[3]}+1", "parent": ids[3]}]
    assert told(leaks(tmp_path, BASE, BASE, derived=derived)) == (0, 0, 0, 0)


def test_a_leak_that_the_base_has_is_not_new(tmp_path: Path) -> None:
    leaking = [*BASE, row(TESTED + "!")]
    assert told(leaks(tmp_path, leaking, leaking)) == (0, 1, 0, 0)


def test_moving_the_test_set_does_not_hide_that_its_samples_are_trained_on(tmp_path: Path) -> None:
    head = [*OTHERS, KEPT, row(TESTED), row("a text that is new and tested", "test")]
    found = leaks(tmp_path, BASE, head)
    assert told(found) == (0, 0, 0, 1)
    assert [item["test_content"] for item in found["former_items"]] == [TESTED]
    assert found["former_items"][0]["kind"] == "same sample"


def test_a_former_test_text_is_found_in_its_changed_form_too(tmp_path: Path) -> None:
    head = [*OTHERS, KEPT, row(TESTED + "?!")]
    assert told(leaks(tmp_path, BASE, head)) == (0, 0, 0, 1)


def test_another_number_of_training_samples_than_the_split_has_is_told(tmp_path: Path) -> None:
    metrics = {"finetune": {"samples": {"train": 9, "validation": 0}}, "evaluate": {"samples": 2}}
    for name in ("base", "head"):
        folders.lay_out(tmp_path / name, BASE, metrics=metrics)
    notes = data_changes(folders.side(tmp_path / "base"), folders.side(tmp_path / "head"))["notes"]
    assert notes == [
        "metrics/finetune.json says that 9 samples were trained on, data/split and data/augmented hold 2: leaks were "
        "looked for among the latter"
    ]
