"""What a change is, in a line: params, code and data; drift for the notes at the top."""

from typing import Any

import pytest

from review.story import changed, drift_note

KINDS = ("added", "removed", "edited", "recleaned", "relabelled", "moved")
NOTHING: dict[str, Any] = {"rows": [], "gates": [], "dependencies": [], "stages": []}


def row(key: str, before: Any, after: Any, kind: str = "changed") -> dict[str, Any]:
    return {"key": key, "before": before, "after": after, "kind": kind}


def data(**counts: int) -> dict[str, Any]:
    turns = {"transitions": [{"before": "neutral", "after": "negative", "count": 10}]}
    return {"samples": {kind: {"count": counts.get(kind, 0), **turns} for kind in KINDS}}


@pytest.mark.parametrize(
    ("params", "content", "told"),
    [
        ({"rows": [row("lr", 5e-05, 0.0001)]}, data(), "Changed: lr 5e-05 → 0.0001."),
        (
            {},
            data(added=20, removed=15, relabelled=16),
            "Changed: 20 samples added, 15 removed, 16 relabelled (10 neutral → negative).",
        ),
        ({}, data(moved=1), "Changed: 1 sample moved to another split (10 neutral → negative)."),
        ({}, data(), "Changed: nothing that a stage reads."),
        ({}, {"stages": []}, "Changed: nothing that a stage reads."),
        (
            {"rows": [row("a", 1, 2), row("b", None, [1], "added"), row("c", "x", None, "removed"), row("d", 1, 2)]},
            data(),
            "Changed: a 1 → 2; b [1] (new); c x (gone); 1 more of params.yaml.",
        ),
        (
            {
                "gates": [row("review.resamples", 1, 2)],
                "stages": [
                    {"stage": "finetune", "why": ["code: stages/finetune.py"]},
                    {"stage": "x", "why": ["data: y"]},
                ],
                "dependencies": [row("torch", "1", "2")],
            },
            data(),
            "Changed: review.resamples; code of finetune; 1 dependency.",
        ),
    ],
)
def test_a_change_is_told_in_a_line(params: dict[str, Any], content: dict[str, Any], told: str) -> None:
    assert changed(NOTHING | params, content) == told


def test_a_long_value_is_cut() -> None:
    told = changed(NOTHING | {"rows": [row("x", "a" * 99, "b")]}, data())
    assert told == f"Changed: x {'a' * 39}… → b."


def test_drift_is_told_in_the_notes_and_nothing_where_there_is_none() -> None:
    found = {"split": "train", "compared": "head with base", "what": "length", "finding": "drift"}
    calm = {**found, "finding": "no detectable difference"}
    assert drift_note({"drift": {"rows": [calm]}}) is None and drift_note({"stages": []}) is None
    told = drift_note({"drift": {"rows": [found, found, calm, *({**found, "what": str(n)} for n in range(4))]}})
    assert told == (
        "The data drifted: length in train, head with base; 0 in train, head with base; 1 in train, head with base "
        "and 2 more. Under data stand the tests."
    )
