"""The block `review` of params.yaml."""

from typing import Any

import pytest

from stages.core.errors import UserError
from stages.core.params import load
from stages.core.review_block import METRICS
from stages.tasks import classification, regression
from tests import workplace


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"review.gates.bounds": {"acuracy": {"min": 0.5}}},
            "review.gates.bounds.acuracy, did you mean 'accuracy'? (one of: accuracy, macro_f1",
        ),
        ({"review.gates.drops": {"mse": {"max": 0.5, "significant_only": True}}}, "review.gates.drops.mse (one of: "),
        ({"review.gates.bounds": {"accuracy": {"min": 0.9, "max": 0.1}}}, "nothing lies between min 0.9 and max 0.1"),
        ({"review.gates.bounds": {"accuracy": {"mn": 0.9}}}, "review.gates.bounds.accuracy.mn: unknown key"),
        ({"review.gates.data.max_near_leaks": -1}, "max_near_leaks: -1: should be greater than or equal to 0"),
        ({"review.gates.cost.max_training_seconds": 0.0}, "max_training_seconds: 0.0: should be greater than 0"),
        ({"review.confidence": 1.0}, "review.confidence: 1.0: should be less than 1"),
        ({"review.resamples": 0}, "review.resamples: 0: should be greater than or equal to 1"),
    ],
)
def test_a_mistake_is_named_by_key(monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], message: str) -> None:
    content = workplace.params(changes)
    monkeypatch.setattr("stages.core.params.parse", lambda _: content)
    with pytest.raises(UserError) as caught:
        load()
    assert message in str(caught.value)


def test_values_have_no_class_share(monkeypatch: pytest.MonkeyPatch) -> None:
    content = workplace.params({"review.gates.data.min_class_share": 0.1}, "recipes/sick.yaml")
    monkeypatch.setattr("stages.core.params.parse", lambda _: content)
    with pytest.raises(UserError, match=r"review\.gates\.data\.min_class_share \(give: null\)"):
        load()


@pytest.mark.parametrize(
    "key",
    [
        "bounds.accuracy",
        "drops.macro_f1",
        "slices.accuracy",
        "drops.macro_f1.max",
        "data.max_near_leaks",
        "cost.max_parameters",
    ],
)
def test_null_switches_every_gate_off(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    content = workplace.params({f"review.gates.{key}": None})
    monkeypatch.setattr("stages.core.params.parse", lambda _: content)
    assert load().review.gates is not None


def test_the_metrics_that_gates_name_are_those_of_the_tasks() -> None:
    assert METRICS == {"classification": classification.HEADLINE, "regression": regression.HEADLINE}
