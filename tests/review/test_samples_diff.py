"""Which samples came, went, were edited, relabelled and moved."""

from pathlib import Path
from typing import Any

import pytest

from review.corpus import Corpus, read_corpus
from review.samples_diff import samples_diff, transitions
from tests import folders, workplace
from tests.workplace import Row

LONG = "the parcel came two days late and the box was open"


def corpora(folder: Path, base: list[Row], head: list[Row], **head_options: Any) -> tuple[Corpus, Corpus]:
    folders.lay_out(folder / "base", base)
    folders.lay_out(folder / "head", head, **head_options)
    return read_corpus(folders.side(folder / "base")), read_corpus(folders.side(folder / "head"))


def row(text: str, label: str = "positive", split: str = "train", **others: Any) -> Row:
    return {"text": text, "label": label, "split": split, **others}


def counts(found: dict[str, Any]) -> dict[str, int]:
    return {name: part["count"] for name, part in found.items() if isinstance(part, dict) and "count" in part}


def test_samples_that_came_and_went_are_listed_with_text_answer_and_split(tmp_path: Path) -> None:
    found = samples_diff(*corpora(tmp_path, [row("a"), row("gone")], [row("a"), row("new", "negative", "test")]))
    assert counts(found) == {"added": 1, "removed": 1, "edited": 0, "recleaned": 0, "relabelled": 0, "moved": 0}
    item = found["added"]["items"][0]
    assert (item["content"], item["answer"], item["split"], item["why"]) == ("new", "negative", "test", None)
    assert found["added"]["reasons"] == {"not fetched": 1}
    assert found["removed"]["items"][0]["content"] == "gone"
    assert found["splits"]["train"] == {"base": 2, "head": 1, "common": 1, "added": 0, "removed": 1}


def test_a_sample_that_cleaning_drops_now_says_for_what(tmp_path: Path) -> None:
    both = [row("a"), row("b")]
    one = workplace.table(both)["id"][1].as_py()
    found = samples_diff(*corpora(tmp_path, both, [row("a")], fetched=both, dropped={one: "label.conflict"}))
    assert found["removed"]["reasons"] == {"label.conflict": 1}
    assert found["removed"]["items"][0]["why"] == "label.conflict"


def test_another_label_of_the_same_input_is_relabelled(tmp_path: Path) -> None:
    base = [row("a"), row("b"), row("c", "neutral")]
    head = [row("a", "negative"), row("b", "negative"), row("c", "positive")]
    found = samples_diff(*corpora(tmp_path, base, head))
    assert counts(found)["relabelled"] == 3
    assert found["relabelled"]["transitions"] == [
        {"before": "positive", "after": "negative", "count": 2},
        {"before": "neutral", "after": "positive", "count": 1},
    ]
    assert [item["before"] for item in found["relabelled"]["items"]] == ["positive", "positive", "neutral"]


def test_a_sample_in_another_split_has_moved(tmp_path: Path) -> None:
    head = [row("a", split="test"), {**row("b"), "split": None}]
    found = samples_diff(*corpora(tmp_path, [row("a"), row("b")], head))
    assert found["moved"]["transitions"] == [
        {"before": "train", "after": "test", "count": 1},
        {"before": "train", "after": "unused", "count": 1},
    ]


def test_a_text_that_is_cleaned_otherwise_keeps_its_id(tmp_path: Path) -> None:
    base = [row("A b", id="0" * 16)]
    found = samples_diff(*corpora(tmp_path, base, [row("a b", id="0" * 16)]))
    assert counts(found) == {"added": 0, "removed": 0, "edited": 0, "recleaned": 1, "relabelled": 0, "moved": 0}
    assert found["recleaned"]["items"] == [{"id": "0" * 16, "name": "0" * 16, "before": "A b", "after": "a b"}]


def test_an_edited_text_is_told_by_a_key_column_however_much_of_it_changed(tmp_path: Path) -> None:
    base = [row(text, extra=[("number", str(n))]) for n, text in enumerate(["same", "before", "other"])]
    head = [row(text, extra=[("number", str(n))]) for n, text in enumerate(["same", "AFTER", "other"])]
    found = samples_diff(*corpora(tmp_path, base, head))
    assert counts(found)["edited"] == 1
    assert counts(found)["added"] == counts(found)["removed"] == 0
    item = found["edited"]["items"][0]
    assert (item["before"]["content"], item["after"]["content"], item["by"]) == ("before", "AFTER", "number")


def test_a_column_that_only_numbers_the_rows_is_no_key(tmp_path: Path) -> None:
    base = [row(text, extra=[("row", str(n))]) for n, text in enumerate(["old one", "b", "c", "d"])]
    head = [row(text, extra=[("row", str(n))]) for n, text in enumerate(["b", "c", "d", "quite new"])]
    found = samples_diff(*corpora(tmp_path, base, head))
    assert counts(found)["edited"] == 0
    assert counts(found)["added"] == counts(found)["removed"] == 1


def test_without_a_key_an_edited_text_is_told_by_its_likeness(tmp_path: Path) -> None:
    found = samples_diff(*corpora(tmp_path, [row("a"), row(LONG)], [row("a"), row(LONG + "!"), row("new")]))
    assert counts(found)["edited"] == 1
    assert found["edited"]["items"][0]["by"] == "like text"
    assert [item["content"] for item in found["added"]["items"]] == ["new"]


def test_of_two_like_texts_each_has_one_partner(tmp_path: Path) -> None:
    base = [row("same"), row(LONG)]
    found = samples_diff(*corpora(tmp_path, base, [row("same"), row(LONG + "!!!!!!"), row(LONG + "!")]))
    assert [item["after"]["content"] for item in found["edited"]["items"]] == [LONG + "!"]
    assert counts(found)["added"] == 1


def test_values_that_changed_are_listed_without_a_table_of_pairs(tmp_path: Path) -> None:
    base, head = ([{"text": "a", "value": value, "split": "train"}] for value in (1.0, 2.5))
    for name, rows in (("base", base), ("head", head)):
        folders.lay_out(tmp_path / name, rows, recipe="recipes/sick.yaml")
    found = samples_diff(*(read_corpus(folders.side(tmp_path / name)) for name in ("base", "head")))
    assert found["relabelled"]["count"] == 1
    assert found["relabelled"]["transitions"] == []
    assert found["relabelled"]["items"][0]["after"] == 2.5


def test_lists_are_cut_and_counts_are_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("review.samples_diff.LISTED", 2)
    found = samples_diff(*corpora(tmp_path, [row("a")], [row(text) for text in "abcdef"]))
    assert found["added"]["count"] == 5
    assert len(found["added"]["items"]) == 2


def test_transitions_are_counted_the_most_frequent_first() -> None:
    assert transitions([("a", "b"), ("b", "a"), ("b", "a")]) == [
        {"before": "b", "after": "a", "count": 2},
        {"before": "a", "after": "b", "count": 1},
    ]
