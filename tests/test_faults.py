"""The shipped corpus against its answer key: which planted faults are caught, by which codes, and what is alarmed at.

The table itself: `python -m tests.test_faults`.
"""

import contextlib
import csv
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from stages import clean, fetch, validate
from stages.core import report
from tests import workplace

SOURCE = workplace.ROOT / "data/source"
CATCHING = {
    "empty_text": {"text.empty"},
    "whitespace_text": {"text.empty"},
    "html_tags": {"text.html"},
    "html_entities": {"text.html"},
    "mojibake": {"text.unicode"},
    "control_chars": {"text.control"},
    "missing_label": {"label.missing"},
    "misspelt_label": {"label.mapped"},
    "unknown_label": {"label.unknown"},
    "conflicting_labels": {"label.conflict"},
    "exact_duplicate": {"duplicate.exact"},
    "near_duplicate": {"duplicate.near"},
    "wrong_label": set[str](),
}
"""The codes that count as catching a fault; no rule can see a wrong label."""
OF_A_PAIR = ("exact_duplicate", "near_duplicate")
"""Of two rows that are alike, the one that comes later is marked, whichever the author added to the other."""


def read(name: str) -> list[dict[str, str]]:
    with (SOURCE / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@dataclass(frozen=True)
class Outcome:
    """What became of a message: its codes, its text and label, and the table where it ended."""

    codes: list[str]
    text: str | None
    label: str | None
    table: str


def outcomes() -> dict[str, Outcome]:
    """What the stages before augmentation make of each message, run here in a copy of the corpus."""
    found = {}
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), report.console.capture():
        shutil.copytree(SOURCE, "data/source")
        Path("params.yaml").write_text(workplace.text(), encoding="utf-8")
        for stage in (fetch, validate, clean):
            stage.main()
        for stage_name, name in (("validated", "rejected"), ("cleaned", "dropped"), ("cleaned", "samples")):
            for row in workplace.rows(stage_name, name):
                found[dict(row["extra"])["message_id"]] = Outcome(row["issues"], row["text"], row["label"], name)
    return found


def measured(found: dict[str, Outcome]) -> list[tuple[str, int, int, str]]:
    """A row a fault: its name, the rows that have it, those of them that were caught, and by which codes how often."""
    rows = []
    for fault, catching in CATCHING.items():
        planted = [row for row in read("faults.csv") if row["fault"] == fault]
        hits = [codes_of(row, found) & catching for row in planted]
        by = Counter(code for codes in hits for code in codes)
        rows.append((fault, len(planted), sum(map(bool, hits)), ", ".join(f"{code} {n}" for code, n in by.items())))
    return rows


def codes_of(fault: dict[str, str], found: dict[str, Outcome]) -> set[str]:
    alike = [fault["detail"]] if fault["fault"] in OF_A_PAIR else []
    return {code for message in [fault["message_id"], *alike] for code in found[message].codes}


def clean_messages() -> set[str]:
    """Messages without a planted fault, and that no planted fault repeats."""
    faults = read("faults.csv")
    alike = {row["detail"] for row in faults if row["fault"] in OF_A_PAIR}
    return {row["message_id"] for row in read("messages.csv")} - {row["message_id"] for row in faults} - alike


def false_alarms(found: dict[str, Outcome]) -> dict[str, list[str]]:
    """Clean messages that got any code at all."""
    return {message: found[message].codes for message in sorted(clean_messages()) if found[message].codes}


@pytest.fixture(scope="module")
def found() -> Iterator[dict[str, Outcome]]:
    return outcomes()


def test_every_message_ends_in_one_table(found: dict[str, Outcome]) -> None:
    assert sorted(found) == [row["message_id"] for row in read("messages.csv")]
    assert Counter(outcome.table for outcome in found.values()) == {"samples": 972, "dropped": 33, "rejected": 6}


def test_every_structural_fault_is_caught(found: dict[str, Outcome]) -> None:
    assert measured(found) == [
        ("empty_text", 3, 3, "text.empty 3"),
        ("whitespace_text", 3, 3, "text.empty 3"),
        ("html_tags", 6, 6, "text.html 6"),
        ("html_entities", 6, 6, "text.html 6"),
        ("mojibake", 9, 9, "text.unicode 9"),
        ("control_chars", 6, 6, "text.control 6"),
        ("missing_label", 6, 6, "label.missing 6"),
        ("misspelt_label", 6, 6, "label.mapped 6"),
        ("unknown_label", 6, 6, "label.unknown 6"),
        ("conflicting_labels", 12, 12, "label.conflict 12"),
        ("exact_duplicate", 9, 9, "duplicate.exact 9"),
        ("near_duplicate", 9, 9, "duplicate.near 9"),
        ("wrong_label", 6, 0, ""),
    ]


def test_alarms_at_clean_messages_are_few_and_known(found: dict[str, Outcome]) -> None:
    alarms = false_alarms(found)
    assert alarms == {"m0357": ["outlier.length"]}
    assert len(alarms) <= 0.01 * len(clean_messages())


def test_damaged_texts_are_whole_again_and_misspelt_labels_those_of_the_key(found: dict[str, Outcome]) -> None:
    damage = ("<", "&amp;", "&quot;", "&#", "Ã", "â€", "\u200b", "\ufeff", "\x08", "\x1b")
    for row in read("faults.csv"):
        outcome = found[row["message_id"]]
        if row["fault"] in ("html_tags", "html_entities", "mojibake", "control_chars"):
            assert outcome.table == "samples"
            assert outcome.text and not [sign for sign in damage if sign in outcome.text]
        if row["fault"] == "misspelt_label":
            assert outcome.label == row["detail"]


def test_the_corpus_is_what_its_card_says() -> None:
    messages, faults = read("messages.csv"), read("faults.csv")
    texts = {row["message"].strip() for row in messages} - {""}
    assert len(messages) == 1011
    assert len(texts) == 990
    assert {row["message_id"] for row in faults} <= {row["message_id"] for row in messages}
    assert {row["fault"] for row in faults} == set(CATCHING)
    assert 0.07 < len({row["message_id"] for row in faults}) / len(messages) < 0.09
    labels = Counter(row["sentiment"] for row in messages)
    assert all(0.25 < labels[name] / len(messages) < 0.45 for name in ("negative", "neutral", "positive"))
    assert all(row["date"] and row["author"] for row in messages)


if __name__ == "__main__":
    result = outcomes()
    report.table("Planted faults", ["fault", "rows", "caught", "by code"], measured(result))
    alarms = false_alarms(result)
    title = f"{len(alarms)} of {len(clean_messages())} clean messages got a code"
    report.table(title, ["message", "codes"], [(message, ", ".join(codes)) for message, codes in alarms.items()])
