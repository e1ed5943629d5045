"""The gates: passed, failed, switched off, and not known."""

from typing import Any

import pytest

from review.gates import judge
from review.statistics import NOTHING, WORSE
from stages.core.review_block import Gates

OFF = {
    "unverified": "fail",
    "bounds": {},
    "drops": {},
    "slices": {},
    "data": {
        "max_exact_leaks": None,
        "max_near_leaks": None,
        "min_class_share": None,
        "max_rejected_share": None,
        "max_dropped_share": None,
    },
    "cost": {"max_training_seconds": None, "max_peak_memory_mib": None, "max_parameters": None},
}


def review(**changes: Any) -> dict[str, Any]:
    cost = {"training_seconds": None, "peak_memory_mib": 300.0, "parameters": 1000}
    data = {
        "leakage": {"exact": 0, "near": 3, "test": 50, "former": 0, "former_test": 50},
        "rarest": {"label": "neutral", "share": 0.1},
        "shares": {"rejected": 0.02, "dropped": None},
    }
    rows = [
        {"name": "accuracy", "direction": "higher", "head": 0.7, "difference": -0.1, "finding": NOTHING},
        {"name": "log_loss", "direction": "lower", "head": 0.5, "difference": 0.1, "finding": WORSE},
    ]
    slices = [
        {"by": "class", "value": "a", "samples": 30, "values": {"head": {"accuracy": 0.6, "ece": 0.2}}},
        {"by": "class", "value": "b", "samples": 25, "values": {"head": {"accuracy": 0.4}}},
        {"by": "class", "value": "c", "samples": 5, "values": {"head": {"accuracy": 0.0}}},
    ]
    whole = {
        "result": "compared",
        "unread": None,
        "false_claims": [],
        "metrics": {"rows": rows},
        "slices": {"min_slice": 20, "missing": None, "rows": slices},
        "data": data,
        "cost": {"rows": [{"name": n, "label": n, "unit": "", "head": v} for n, v in cost.items()]},
        "provenance": {"head": {"metrics": {"accuracy": 0.8, "log_loss": 0.5}}},
    }
    return {**whole, **changes}


def gate(block: str, content: dict[str, Any], **changes: Any) -> dict[str, Any]:
    given = {**OFF, block: {**OFF[block], **content}}
    found = judge(review(**changes), Gates.model_validate(given))
    assert len(found) == 1
    assert set(found[0]) == {"name", "limit", "value", "passed", "verified", "why"}
    return found[0]


@pytest.mark.parametrize(
    ("block", "content", "name", "value", "passed"),
    [
        ("bounds", {"accuracy": {"min": 0.8}}, "bounds.accuracy", 0.8, True),
        ("bounds", {"accuracy": {"min": 0.81}}, "bounds.accuracy", 0.8, False),
        ("bounds", {"log_loss": {"max": 0.4}}, "bounds.log_loss", 0.5, False),
        ("bounds", {"roc_auc": {"min": 0.1}}, "bounds.roc_auc", None, False),
        ("drops", {"accuracy": {"max": 0.02, "significant_only": False}}, "drops.accuracy", 0.1, False),
        ("drops", {"accuracy": {"max": 0.02, "significant_only": True}}, "drops.accuracy", 0.1, True),
        ("drops", {"log_loss": {"max": 0.02, "significant_only": True}}, "drops.log_loss", 0.1, False),
        ("drops", {"log_loss": {"max": 0.2, "significant_only": False}}, "drops.log_loss", 0.1, True),
        ("drops", {"ece": {"max": 0.2, "significant_only": True}}, "drops.ece", None, False),
        ("slices", {"accuracy": {"min": 0.4}}, "slices.accuracy", 0.4, True),
        ("slices", {"accuracy": {"min": 0.5}}, "slices.accuracy", 0.4, False),
        ("slices", {"ece": {"max": 0.1}}, "slices.ece", 0.2, False),
        ("slices", {"roc_auc": {"min": 0.1}}, "slices.roc_auc", None, True),
        ("data", {"max_exact_leaks": 0}, "data.max_exact_leaks", 0, True),
        ("data", {"max_near_leaks": 2}, "data.max_near_leaks", 3, False),
        ("data", {"max_near_leaks": 3}, "data.max_near_leaks", 3, True),
        ("data", {"min_class_share": 0.1}, "data.min_class_share", 0.1, True),
        ("data", {"min_class_share": 0.2}, "data.min_class_share", 0.1, False),
        ("data", {"max_rejected_share": 0.01}, "data.max_rejected_share", 0.02, False),
        ("data", {"max_dropped_share": 1.0}, "data.max_dropped_share", None, False),
        ("cost", {"max_training_seconds": 10.0}, "cost.max_training_seconds", None, False),
        ("cost", {"max_peak_memory_mib": 300.0}, "cost.max_peak_memory_mib", 300.0, True),
        ("cost", {"max_parameters": 999}, "cost.max_parameters", 1000, False),
    ],
)
def test_a_gate_has_a_value_and_a_verdict(
    block: str, content: dict[str, Any], name: str, value: float | None, passed: bool
) -> None:
    found = gate(block, content)
    assert (found["name"], found["value"], found["passed"]) == (name, value, passed)
    if value is None and not passed:
        assert found["why"].startswith("not known, so it does not pass: ")


@pytest.mark.parametrize(
    ("block", "content"),
    [
        ("bounds", {"accuracy": None}),
        ("bounds", {"accuracy": {"min": None, "max": None}}),
        ("drops", {"accuracy": None}),
        ("drops", {"accuracy": {"max": None, "significant_only": True}}),
        ("slices", {"accuracy": None}),
    ],
)
def test_null_switches_a_gate_off(block: str, content: dict[str, Any]) -> None:
    assert judge(review(), Gates.model_validate({**OFF, block: content})) == []


def test_near_leaks_that_were_not_looked_for_fail_the_gate() -> None:
    data = review()["data"]
    unseen = {**data, "leakage": {**data["leakage"], "near": None}}
    assert not gate("data", {"max_near_leaks": 0}, data=unseen)["passed"]


def test_slices_that_could_not_be_made_fail_the_gate() -> None:
    slices = {**review()["slices"], "missing": "data/cleaned is in no cache"}
    found = gate("slices", {"accuracy": {"min": 0.0}}, slices=slices)
    assert (found["passed"], found["why"]) == (False, "not known, so it does not pass: data/cleaned is in no cache")


def test_the_slice_furthest_beyond_the_bound_is_told() -> None:
    assert gate("slices", {"accuracy": {"min": 0.7}})["why"] == "2 of 2 slices are beyond it, worst: class b: 0.4"


def test_a_drop_says_when_it_may_be_luck() -> None:
    given = {"accuracy": {"max": 0.02, "significant_only": True}}
    assert gate("drops", given)["why"] == "accuracy is 0.1 worse, which may be luck"


def test_former_test_samples_that_are_trained_on_are_told_beside_the_leaks() -> None:
    data = review()["data"]
    moved = {**data, "leakage": {**data["leakage"], "former": 7}}
    why = gate("data", {"max_exact_leaks": 0}, data=moved)["why"]
    assert why == "0 of 50 test samples are trained on; 7 of the base's 50 are trained on now, and tested no more"


def test_gates_come_in_the_order_of_params() -> None:
    given = {
        **OFF,
        "cost": {**OFF["cost"], "max_parameters": 1},
        "bounds": {"accuracy": {"min": 0.5}},
        "data": {**OFF["data"], "max_near_leaks": 0},
    }
    names = [one["name"] for one in judge(review(), Gates.model_validate(given))]
    assert names == ["bounds.accuracy", "data.max_near_leaks", "cost.max_parameters"]
