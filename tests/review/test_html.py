"""The page: whole, self-contained, and without a chance for the data to be markup."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from review.cost import costs
from review.data import data_changes
from review.gates import judge
from review.html import number, p_value, page, plain
from review.inline import inlined, kind_of
from review.params_diff import params_changes
from review.statistics import NOTHING, WORSE
from stages.core.review_block import Gates
from tests import browser, folders, workplace
from tests.review import test_data, test_plots

EVIL = "<script>alert('x')</script><img src=https://example.org/x.png onerror=alert(1)>"
SECTIONS = ["gates", "metrics", "flips", "slices", "data", "params", "cost", "plots", "provenance"]
VOID = {"meta", "link", "img", "br", "input", "hr"}


class Tags(HTMLParser):
    """Whether every element is closed, and which attributes ask for something from outside."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.addresses: list[str] = []
        self.ids: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attributes:
            if name in ("src", "href", "xlink:href", "srcset", "action", "data", "poster"):
                self.addresses.append(value or "")
            assert not name.startswith("on"), f"{tag} {name}"
            if name == "id":
                self.ids.append(value or "")

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, (tag, self.open[-3:])
        self.open.pop()


def metric(name: str, finding: str, **others: Any) -> dict[str, Any]:
    found = {"name": name, "direction": "higher", "base": 0.8, "head": 0.7, "difference": -0.1, "finding": finding}
    found |= {"low": -0.2, "high": -0.01, "p": 0.01, "p_holm": 0.02, "smallest_detectable": 0.05}
    return {**found, "deviation_base": None, "deviation_head": 0.01, **others}


def flipped(text: str, one: str = "a" * 16) -> dict[str, Any]:
    row = {"id": one, "name": "a.csv row 7", "gold": EVIL, "base": "positive", "head": "negative", "text": text}
    return {**row, "confidence_base": 0.9, "confidence_head": 0.6}


CLASSES = {
    "task": "classification",
    "modality": "text",
    "texts": None,
    "samples": 30,
    "still_right": 20,
    "still_wrong": 8,
    "right_to_wrong": {"count": 2, "rows": [flipped(EVIL)], "ids": ["a", "b"]},
    "wrong_to_right": {"count": 0, "rows": [], "ids": []},
    "classes": [{"label": EVIL, "samples": 30, "right_to_wrong": 2, "wrong_to_right": 0}],
}
VALUED = {
    "task": "regression",
    "modality": "text",
    "texts": "data/cleaned is in no cache",
    "samples": 30,
    "grew": {
        "count": 1,
        "rows": [
            {"id": "a", "name": "a.csv row 1", "gold": 1.0, "base": 1.5, "head": 2.0, "change": 0.5, "text": EVIL}
        ],
        "ids": ["a"],
    },
    "shrank": {"count": 0, "rows": [], "ids": []},
}


def side(name: str) -> dict[str, Any]:
    found = {"title": name, "revision": "0" * 40, "date": "2026-01-01", "clean": True, "run": {}, "metrics": {}}
    return {**found, "hashes": {"models/model": f"{name}.dir"}, "libraries": {"torch": "2.0"}}


def whole(folder: Path, flips: dict[str, Any], **changes: Any) -> str:
    base, head = folders.side(folder / "base", "base"), folders.side(folder / "head", EVIL)
    slices = [
        {
            "by": "class",
            "value": EVIL,
            "samples": 30,
            "metric": "accuracy",
            **metric("x", WORSE),
            "values": {"base": {}, "head": {"accuracy": 0.7}},
        }
    ]
    review: dict[str, Any] = {
        "sides": {
            name: {"asked": name, "revision": None, "title": title}
            for name, title in (("base", "base"), ("head", EVIL))
        },
        "verdict": {"text": f"Worse {EVIL}", "passed": False, "better": [], "worse": [], "failed": []},
        "changed": f"Changed: lr 1 → {EVIL}.",
        "notes": [EVIL],
        "quote_samples": True,
        "result": "compared",
        "unread": None,
        "false_claims": [],
        "metrics": {
            "samples": 30,
            "confidence": 0.95,
            "resamples": 10000,
            "rows": [
                metric("accuracy", WORSE),
                metric("ece", NOTHING, low=None, high=None, p_holm=None, smallest_detectable=None),
            ],
        },
        "flips": flips,
        "slices": {"metric": "accuracy", "min_slice": 20, "missing": None, "rows": slices},
        "data": data_changes(base, head),
        "params": params_changes(base, head),
        "cost": costs(base, head),
        "provenance": {
            "base": side("base"),
            "head": side("head"),
            "agreement": [EVIL] * 6,
            "agreement_error": None,
            "environment": {
                "python": "3.11",
                "libraries": {"numpy": "2"},
                "system": "x",
                "cores": 2,
                "memory_gib": None,
            },
            "test_set": {"text": EVIL},
        },
        **changes,
    }
    review["gates"] = judge(review, Gates.model_validate(workplace.params({})["review"]["gates"]))
    return page(review, base, head)


@pytest.fixture
def laid_out(tmp_path: Path) -> Path:
    rows = [{"text": f"{EVIL} {n}", "label": "positive", "split": s} for n, s in enumerate(["train", "train", "test"])]
    folders.lay_out(tmp_path / "base", rows)
    leak = [{"text": f"{EVIL} 2", "label": "negative", "split": "train", "id": "f" * 16}]
    changed = [{**rows[0], "label": "negative"}, {**rows[1], "split": "validation"}, *rows[2:], *leak]
    folders.lay_out(tmp_path / "head", changed, changes={"lr": 2e-5, "model": EVIL, "review.min_slice": 10})
    for name, x in (("base", 0.2), ("head", 0.7)):
        test_plots.lay_out(tmp_path / name, x, test_plots.DATA)
    return tmp_path


def test_the_page_has_every_section_in_order_and_asks_for_nothing(laid_out: Path) -> None:
    text = whole(laid_out, CLASSES)
    tags = Tags(text)
    assert tags.open == []
    assert [one for one in tags.ids if one in SECTIONS] == SECTIONS
    assert len(tags.ids) == len(set(tags.ids))
    assert not tags.seen & {"script", "link", "iframe", "object", "form", "img"}
    assert all(address.startswith(("#", "data:image/png;base64,")) for address in tags.addresses)
    assert "url(http" not in text and "@import" not in text
    assert "default-src 'none'" in text
    assert tags.seen >= {"svg", "table", "details"}


def test_words_of_the_data_are_shown_and_never_markup(laid_out: Path) -> None:
    text = whole(laid_out, CLASSES)
    assert "<script" not in text
    assert text.count("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;") > 20


def test_a_change_of_the_gates_is_told_at_the_top(laid_out: Path) -> None:
    top = whole(laid_out, CLASSES).split('id="gates"')[0]
    assert "edits the block <code>review</code>" in top
    assert "<code>review.min_slice</code>" in top


def test_values_have_errors_in_place_of_flips(tmp_path: Path) -> None:
    for name, value in (("base", 1.0), ("head", 2.0)):
        rows = [{"text": "a", "value": value, "split": "train"}, {"text": "b", "value": 3.0, "split": "test"}]
        folders.lay_out(tmp_path / name, rows, recipe="recipes/sick.yaml")
        test_plots.lay_out(tmp_path / name, value, {"evaluate/values.csv": test_plots.VALUES})
    text = whole(tmp_path, VALUED)
    assert Tags(text).open == []
    assert "Error grew: 1 samples" in text and "error by +0.5" in text
    assert "Values before and after" in text
    assert "Residuals" in text


def test_images_of_flipped_samples_stand_in_the_page(tmp_path: Path) -> None:
    rows = [test_data.image(number, split) for number, split in ((1, "train"), (2, "test"))]
    for name in ("base", "head"):
        folders.lay_out(tmp_path / name, rows, recipe=test_data.DIGITS)
    one = f"{2:016x}"
    flips = {
        **CLASSES,
        "modality": "image",
        "right_to_wrong": {"count": 1, "rows": [flipped("2.png", one)], "ids": [one]},
    }
    text = whole(tmp_path, flips)
    addresses = Tags(text).addresses
    assert [address[:22] for address in addresses if address.startswith("data:")] == ["data:image/png;base64,"]


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n...", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"RIFF\0\0\0\0WAVEfmt ", "audio/wav"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"fLaC", "audio/flac"),
        (b"<svg xmlns=", None),
        (b"<html>", None),
        (b"", None),
    ],
)
def test_only_what_browsers_show_without_scripts_is_put_into_the_page(content: bytes, kind: str | None) -> None:
    assert kind_of(content) == kind


def test_large_files_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders.lay_out(tmp_path, [test_data.image(1, "test")], recipe=test_data.DIGITS)
    found = folders.side(tmp_path)
    assert list(inlined(found, [f"{1:016x}"], "image")) == [f"{1:016x}"]
    monkeypatch.setitem(inlined.__globals__["MOST_BYTES"], "image", 10)
    assert inlined(found, [f"{1:016x}"], "image") == {}
    assert inlined(found, [f"{1:016x}"], "text") == {}
    assert inlined(folders.side(tmp_path / "nowhere"), ["a"], "image") == {}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        (0, "0"),
        (1234567, "1,234,567"),
        (0.123456, "0.12346"),
        (12345.6, "12,346"),
        ("a", "a"),
        (True, "True"),
    ],
)
def test_numbers_are_short(value: Any, shown: str) -> None:
    assert number(value) == shown


def test_p_values_and_params_are_shown_as_people_write_them() -> None:
    assert [p_value(value) for value in (None, 0.0001, 0.0456)] == ["–", "< 0.001", "0.046"]
    assert [plain(value) for value in (None, True, "full", [1, "a"], 2e-5)] == [
        "null",
        "true",
        "full",
        '[1, "a"]',
        "2e-05",
    ]
    assert re.fullmatch(r"\S+", plain("x"))


@pytest.mark.long
@browser.needed
@pytest.mark.parametrize("width", [1280, 500])
def test_a_browser_draws_the_review_without_network(laid_out: Path, tmp_path: Path, width: int) -> None:
    pixels = browser.draw(whole(laid_out, CLASSES), tmp_path, width)
    assert browser.share_drawn(pixels) > 0.4
    assert browser.count_pixels(pixels, (0xB3, 0x34, 0x1F)) > 20  # what is worse
