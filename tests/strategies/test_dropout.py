"""Quick dropout: as torch's own in what it keeps and how it scales, and repeatable by torch's seed alone."""

import pytest
import torch

from stages.strategies.dropout import mask, quick_dropout


def layer(p: float) -> torch.nn.Sequential:
    model = torch.nn.Sequential(torch.nn.Dropout(p))
    quick_dropout(model)
    return model


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_the_share_that_is_dropped_is_p_and_the_mean_stays(p: float) -> None:
    torch.manual_seed(1)
    found = layer(p)(torch.ones(500, 401))
    kept = found.unique().tolist()
    assert kept[0] == 0 and len(kept) == 2 and kept[1] == pytest.approx(1 / (1 - p), rel=1e-3)
    assert (found == 0).float().mean().item() == pytest.approx(p, abs=0.005)
    assert found.mean().item() == pytest.approx(1, abs=0.02)


def test_gradients_pass_where_values_did() -> None:
    given = torch.randn(30, 7, requires_grad=True)
    found = layer(0.3)(given)
    found.sum().backward()
    assert given.grad is not None and torch.equal(found, given.detach() * given.grad)


def test_the_state_of_torch_repeats_a_mask() -> None:
    drop, given = layer(0.5), torch.ones(9, 5)
    torch.manual_seed(3)
    state = torch.get_rng_state()
    first, second = drop(given), drop(given)
    torch.set_rng_state(state)
    assert torch.equal(drop(given), first) and not torch.equal(first, second)


def test_half_precision_stays_half_precision() -> None:
    assert layer(0.5)(torch.ones(3, 3, dtype=torch.bfloat16)).dtype == torch.bfloat16


@pytest.mark.parametrize("p", [0.0, 1e-9, 1.0])
def test_nothing_and_all_are_torchs_own(p: float) -> None:
    assert torch.equal(layer(p)(torch.ones(4)), torch.full((4,), float(p < 1)))


def test_evaluation_and_undoing_leave_values_alone() -> None:
    model = torch.nn.Sequential(torch.nn.Dropout(0.5))
    undo = quick_dropout(model)
    assert torch.equal(model.eval()(torch.ones(9)), torch.ones(9))
    undo()
    assert "forward" not in model[0].__dict__


def test_neighbours_are_independent() -> None:
    torch.manual_seed(2)
    kept = (mask(torch.empty(4, 100_000), 2**15) > 0).float()
    correlations = torch.corrcoef(kept) - torch.eye(4)
    shifted = torch.corrcoef(torch.stack([kept[0, :-1], kept[0, 1:]]))[0, 1]
    assert correlations.abs().max() < 0.02 and shifted.abs() < 0.02
