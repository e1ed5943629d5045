"""The optimiser's groups and the schedules' values."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from stages.training.optimise import adamw, factor

OPTIONS: dict[str, Any] = {"lr": 0.1, "weight_decay": 0.5, "betas": [0.9, 0.99], "epsilon": 1e-6}


def test_biases_and_norms_do_not_decay(classifier: Callable[..., Any]) -> None:
    model = classifier()
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    optimizer = adamw(model, **OPTIONS)
    for weight in model.parameters():
        weight.grad = torch.zeros_like(weight)
    optimizer.step()
    for name, weight in model.named_parameters():
        spared = name.endswith("bias") or "LayerNorm" in name
        torch.testing.assert_close(weight.detach(), before[name] * (1 if spared else 1 - 0.1 * 0.5), msg=name)


def test_the_optimiser_is_adamw_with_what_was_given(classifier: Callable[..., Any]) -> None:
    optimizer = adamw(classifier(), **OPTIONS)
    assert type(optimizer) is torch.optim.AdamW
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.5, 0.0]
    assert {(group["lr"], group["betas"], group["eps"]) for group in optimizer.param_groups} == {
        (0.1, (0.9, 0.99), 1e-6)
    }


def test_frozen_weights_are_left_out(classifier: Callable[..., Any]) -> None:
    model = classifier()
    model.bert.requires_grad_(False)
    decayed, spared = (group["params"] for group in adamw(model, **OPTIONS).param_groups)
    assert decayed == [model.classifier.weight] and spared == [model.classifier.bias]


@pytest.mark.parametrize(
    ("schedule", "warmup_share", "expected"),
    [
        ("linear", 0.25, [1 / 3, 2 / 3, 1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6]),
        ("linear", 0.0, [1, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8]),
        ("linear", 0.1, [1 / 2, 1, 6 / 7, 5 / 7, 4 / 7, 3 / 7, 2 / 7, 1 / 7]),
        ("linear", 1.0, [1 / 9, 2 / 9, 3 / 9, 4 / 9, 5 / 9, 6 / 9, 7 / 9, 8 / 9]),
        ("constant", 0.25, [1 / 3, 2 / 3, 1, 1, 1, 1, 1, 1]),
        ("cosine", 0.5, [1 / 5, 2 / 5, 3 / 5, 4 / 5, 1, (2 + math.sqrt(2)) / 4, 1 / 2, (2 - math.sqrt(2)) / 4]),
    ],
)
def test_the_schedule_rises_over_the_warm_up_and_then_falls_as_named(
    schedule: str, warmup_share: float, expected: list[float]
) -> None:
    at = factor(schedule, steps=8, warmup_share=warmup_share)
    assert [at(step) for step in range(8)] == pytest.approx(expected)


@pytest.mark.parametrize(("schedule", "end"), [("linear", 0), ("cosine", 0), ("constant", 1)])
def test_the_schedule_ends_where_it_should(schedule: str, end: float) -> None:
    assert factor(schedule, steps=8, warmup_share=0.1)(8) == pytest.approx(end)


def test_a_single_step_is_warm_up_alone() -> None:
    assert factor("linear", steps=1, warmup_share=0.1)(0) == 0.5
