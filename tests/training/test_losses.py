"""The losses against their formulas, and the baseline."""

import math

import numpy as np
import pytest
import torch

from stages.core import params
from stages.training.losses import LOSSES, balanced, baseline, make_loss

LOGITS = torch.tensor([[2.0, 0.5, -1.0], [0.1, 0.2, 0.3], [-3.0, 1.0, 4.0], [0.0, 9.0, 0.0]])
LABELS = torch.tensor([0, 2, 1, 1])
WEIGHTS = torch.tensor([0.5, 2.0, 1.0])


@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0, 5.0])
def test_focal_loss_is_that_of_the_paper(gamma: float, weights: torch.Tensor | None) -> None:
    p = LOGITS.double().softmax(dim=1)[torch.arange(4), LABELS]
    alpha = weights[LABELS] if weights is not None else torch.ones(4)
    expected = (-alpha * (1 - p) ** gamma * p.log()).sum() / alpha.sum()
    found = make_loss("focal", weights, label_smoothing=0.0, gamma=gamma)(LOGITS, LABELS)
    assert float(found) == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_focal_loss_without_focus_is_cross_entropy(smoothing: float, weights: torch.Tensor | None) -> None:
    focal = make_loss("focal", weights, label_smoothing=smoothing, gamma=0.0)
    plain = make_loss("cross_entropy", weights, label_smoothing=smoothing)
    if weights is None or not smoothing:
        torch.testing.assert_close(focal(LOGITS, LABELS), plain(LOGITS, LABELS))
    reference = torch.nn.functional.cross_entropy(LOGITS, LABELS, weight=weights, label_smoothing=smoothing)
    torch.testing.assert_close(plain(LOGITS, LABELS), reference)


def test_the_slope_of_focal_loss_is_finite_where_a_sample_is_certain() -> None:
    logits = torch.tensor([[200.0, 0.0], [0.0, 200.0]], requires_grad=True)
    make_loss("focal", label_smoothing=0.0, gamma=0.5)(logits, torch.tensor([0, 0])).backward()
    assert logits.grad is not None and bool(logits.grad.isfinite().all())


def test_balanced_weights_are_those_of_scikit_learn() -> None:
    from sklearn.utils.class_weight import compute_class_weight

    labels = np.repeat([0, 1, 2], [6, 3, 1])
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    assert balanced(np.bincount(labels)).tolist() == pytest.approx(expected.tolist())
    assert balanced(np.array([2, 0, 2])).tolist() == pytest.approx([2 / 3, 1.0, 2 / 3])


def test_samples_weigh_as_their_classes() -> None:
    assert make_loss("cross_entropy", WEIGHTS, label_smoothing=0.0).mass(LABELS.numpy()) == 5.5
    assert make_loss("cross_entropy", label_smoothing=0.0).mass(LABELS.numpy()) == 4.0


@pytest.mark.parametrize(
    ("counts", "weighted", "smoothing", "expected"),
    [
        ([5, 5], False, 0.0, math.log(2)),
        ([9, 1], False, 0.0, -0.9 * math.log(0.9) - 0.1 * math.log(0.1)),
        ([9, 1], True, 0.0, math.log(2)),
        ([4, 0, 4], False, 0.0, math.log(2)),
        ([9, 1], False, 0.2, -0.82 * math.log(0.82) - 0.18 * math.log(0.18)),
    ],
)
def test_the_baseline_is_the_entropy_of_the_classes(
    counts: list[int], weighted: bool, smoothing: float, expected: float
) -> None:
    weights = balanced(np.array(counts)) if weighted else None
    loss = make_loss("cross_entropy", weights, label_smoothing=smoothing)
    assert baseline(loss, np.array(counts), smoothing) == pytest.approx(expected, rel=1e-5)


def test_the_baseline_of_focal_loss_is_its_own() -> None:
    loss = make_loss("focal", label_smoothing=0.0, gamma=2.0)
    assert baseline(loss, np.array([5, 5]), 0.0) == pytest.approx(0.25 * math.log(2))


def test_every_loss_of_params_is_there() -> None:
    assert set(LOSSES) == set(params.LOSSES["classification"])
