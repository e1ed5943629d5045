"""The optimisers: their groups, and their steps against torch and by hand."""

from collections.abc import Callable
from typing import Any, get_args

import pytest
import torch

from stages.core.finetune_block import Finetune
from stages.training.optimise import adafactor, adamw, add_l1, make_optimizer, sgd

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


def gradients(model: Any, seed: int) -> None:
    draw = torch.Generator().manual_seed(seed)
    for weight in model.parameters():
        weight.grad = torch.randn(weight.shape, generator=draw)


def small() -> torch.nn.Module:
    torch.manual_seed(3)
    return torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 2))


def test_sgd_is_momentum_by_hand() -> None:
    model = small()
    optimizer = sgd(model, lr=0.1, weight_decay=0.5, momentum=0.9)
    expected = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    speed = {name: torch.zeros_like(weight) for name, weight in expected.items()}
    for step in range(3):
        gradients(model, step)
        for name, weight in model.named_parameters():
            decay = 0.5 if weight.ndim > 1 else 0.0
            assert weight.grad is not None
            speed[name] = 0.9 * speed[name] + weight.grad + decay * expected[name]
            expected[name] = expected[name] - 0.1 * speed[name]
        optimizer.step()
    for name, weight in model.named_parameters():
        torch.testing.assert_close(weight.detach(), expected[name])


def test_adafactor_is_the_papers_first_step_by_hand() -> None:
    model = small()
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    optimizer = adafactor(model, lr=0.1, weight_decay=0.5)
    gradients(model, 0)
    optimizer.step()
    for name, weight in model.named_parameters():
        assert weight.grad is not None
        square = weight.grad**2 + 1e-30  # at the first step the moving average is the value itself
        if weight.ndim > 1:
            square = square.mean(dim=1)[:, None] * square.mean(dim=0)[None] / square.mean()
        change = weight.grad / square.sqrt()
        change = 0.1 * change / max(1.0, float((change**2).mean().sqrt()))
        decayed = before[name] * (1 - 0.1 * (0.5 if weight.ndim > 1 else 0.0))
        torch.testing.assert_close(weight.detach(), decayed - change, msg=name)


def test_l1_adds_the_slope_of_the_absolute_weights() -> None:
    model = small()
    gradients(model, 0)
    by_hand = [weight.grad.clone() for weight in model.parameters() if weight.grad is not None]
    penalty = sum(weight.abs().sum() for weight in model.parameters() if weight.ndim > 1)
    slopes = torch.autograd.grad(0.01 * penalty, [weight for weight in model.parameters() if weight.ndim > 1])
    add_l1(model.parameters(), 0.01)
    slope = iter(slopes)
    for before, weight in zip(by_hand, model.parameters(), strict=True):
        expected = before + next(slope) if weight.ndim > 1 else before
        torch.testing.assert_close(weight.grad, expected)


@pytest.mark.parametrize("name", get_args(Finetune.model_fields["optimizer"].annotation))
def test_every_optimiser_of_params_is_made_with_its_own_options(name: str) -> None:
    optimizer = make_optimizer(name, small(), lr=0.1, weight_decay=0.5, betas=[0.8, 0.9], epsilon=1e-6, momentum=0.7)
    assert type(optimizer).__name__.lower() == name
    assert [(group["lr"], group["weight_decay"]) for group in optimizer.param_groups] == [(0.1, 0.5), (0.1, 0.0)]
    assert optimizer.param_groups[0].get("momentum", 0.7) == 0.7
