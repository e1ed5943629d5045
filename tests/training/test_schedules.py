"""The schedules' values, step by step."""

import math
from typing import get_args

import pytest
import torch

from stages.core.finetune_block import Finetune
from stages.training.schedules import DECAYS, Plateau, factor, make_scheduler


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


@pytest.mark.parametrize(
    ("schedule", "options", "expected"),
    [
        (
            "exponential",
            {"end": 0.01},
            [1 / 3, 2 / 3, 1, 0.1 ** (1 / 3), 0.1 ** (2 / 3), 0.1, 0.1 ** (4 / 3), 0.1 ** (5 / 3)],
        ),
        ("polynomial", {"power": 2.0}, [1 / 3, 2 / 3, 1, 25 / 36, 16 / 36, 9 / 36, 4 / 36, 1 / 36]),
        ("polynomial", {"power": 1.0}, [1 / 3, 2 / 3, 1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6]),
        ("reduce_on_plateau", {}, [1 / 3, 2 / 3, 1, 1, 1, 1, 1, 1]),
    ],
)
def test_schedules_with_options_do_as_their_formulas(
    schedule: str, options: dict[str, float], expected: list[float]
) -> None:
    at = factor(schedule, steps=8, warmup_share=0.25, **{"end": 0.5, "power": 3.0} | options)
    assert [at(step) for step in range(8)] == pytest.approx(expected)


def test_exponential_and_polynomial_are_those_of_torch() -> None:
    kinds = torch.optim.lr_scheduler
    for name, options, reference in (
        ("exponential", {"end": 0.5**8}, lambda o: kinds.ExponentialLR(o, gamma=0.5)),
        ("polynomial", {"power": 2.0}, lambda o: kinds.PolynomialLR(o, total_iters=8, power=2.0)),
    ):
        found, wanted = sgd(), sgd()
        ours = make_scheduler(found, factor(name, steps=8, warmup_share=0.0, **options))
        theirs = reference(wanted)
        assert rates(found, ours, 8) == pytest.approx(rates(wanted, theirs, 8))


def sgd() -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)


def rates(optimizer: torch.optim.Optimizer, scheduler: torch.optim.lr_scheduler.LRScheduler, steps: int) -> list[float]:
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


@pytest.mark.parametrize("patience", [0, 1, 2])
def test_the_plateau_falls_when_that_of_torch_does(patience: int) -> None:
    values = [5.0, 4.0, 4.0, 3.95, 4.1, 3.0, 3.0, 3.0, 3.0, 3.0, 2.0, 2.5, 2.6, 2.7]
    reference = sgd()
    options = {"factor": 0.5, "patience": patience, "threshold": 0.1, "threshold_mode": "abs", "eps": 0.0}
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(reference, **options)
    plateau = Plateau(0.5, patience, 0.1)
    for value in values:
        theirs.step(value)
        plateau.epoch(value)
        assert 0.1 * plateau.factor == pytest.approx(reference.param_groups[0]["lr"])


def test_a_plateau_goes_on_from_its_state() -> None:
    plateau, other = Plateau(0.5, 1, 0.0), Plateau(0.5, 1, 0.0)
    for value in (3.0, 3.0):
        plateau.epoch(value)
    other.load_state_dict(plateau.state_dict())
    for one in (plateau, other):
        one.epoch(3.0)
    assert plateau == other and plateau.factor == 0.5


def test_every_schedule_of_params_has_a_decay() -> None:
    assert set(DECAYS) == set(get_args(Finetune.model_fields["schedule"].annotation))
