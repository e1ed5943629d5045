"""The verdict: one sentence that claims what the statistics hold, and no more."""

from typing import Any

import pytest

from review.statistics import BETTER, NOTHING, WORSE
from review.verdict import short, signed, verdict


def row(name: str, difference: float, finding: str, **changes: Any) -> dict[str, Any]:
    half = 0.5 * abs(difference) if finding != NOTHING else 2 * abs(difference)
    values = {"base": 0.8, "head": 0.8 + difference, "difference": difference, "smallest_detectable": 0.05}
    return {"name": name, **values, "low": difference - half, "high": difference + half, "finding": finding, **changes}


def gate(name: str, passed: bool) -> dict[str, Any]:
    return {"name": name, "passed": passed, "verified": True}


def sentence(
    *rows: dict[str, Any], gates: tuple[tuple[str, bool], ...] = (("data", True), ("drop", True)), same: bool = False
) -> str:
    metrics = {"samples": 146, "same": same, "rows": list(rows)}
    found = verdict(metrics, [gate(*one) for one in gates], main="macro_f1")
    assert found["passed"] == all(passed for _, passed in gates)
    return found["text"]


def test_a_gain_is_told_with_its_interval_the_main_metric_first() -> None:
    assert sentence(row("accuracy", 0.02, BETTER), row("macro_f1", 0.03, BETTER), row("ece", 0.01, NOTHING)) == (
        "Macro F1 better by 0.030 (0.015 to 0.045), accuracy too; nothing detectably worse (146 test samples); "
        "all 2 gates passed."
    )


def test_gates_that_fail_come_before_a_loss_and_that_before_a_gain() -> None:
    lower = row("log_loss", 0.1, WORSE)
    assert sentence(row("macro_f1", 0.03, BETTER), lower, gates=(("drop", False), ("data", True))) == (
        "1 of 2 gates failed: drop; "
        "log loss worse by 0.100 (0.050 to 0.150); macro F1 better by 0.030 (0.015 to 0.045) (146 test samples)."
    )


@pytest.mark.parametrize("kind", ["exact", "near"])
def test_scores_of_a_leak_are_doubted_before_they_are_told(kind: str) -> None:
    found = sentence(row("macro_f1", 0.06, BETTER), gates=((f"data.max_{kind}_leaks", False), ("drop", True)))
    assert found == (
        f"1 of 2 gates failed: data.max_{kind}_leaks, so that scores may be too good; "
        "macro F1 better by 0.060 (0.030 to 0.090); nothing detectably worse (146 test samples)."
    )


def test_where_lower_is_better_a_gain_is_told_without_a_sign() -> None:
    assert "Log loss better by 0.100 (0.050 to 0.150)" in sentence(row("log_loss", -0.1, BETTER))


def test_nothing_detectable_is_said_with_what_could_have_been() -> None:
    assert sentence(row("accuracy", 0.01, NOTHING), row("macro_f1", -0.012, NOTHING), gates=()) == (
        "No detectable difference on 146 test samples (macro F1 −0.012; detectable: about 0.050); no gates are set."
    )


def test_equal_predictions_are_called_so() -> None:
    assert sentence(row("macro_f1", 0.0, NOTHING), same=True, gates=(("data", True),)) == (
        "The predictions are the same on all 146 test samples; the gate passed."
    )


@pytest.mark.parametrize(
    ("value", "size", "expected"),
    [
        (0.0316, 0.8, "0.032"),
        (0.00004, 0.8, "4.0e-05"),
        (0, 0.8, "0.000"),
        (12.3456, 45, "12.35"),
        (1234.5, 2000, "1234"),
    ],
)
def test_values_have_the_digits_that_count(value: float, size: float, expected: str) -> None:
    assert short(value, {"base": size, "head": size}) == expected


def test_differences_have_their_sign() -> None:
    one = {"base": 0.8, "head": 0.8}
    assert [signed(value, one) for value in (0.01, -0.01, 0.0)] == ["+0.010", "−0.010", "0"]
