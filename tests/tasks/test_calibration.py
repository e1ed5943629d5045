"""Calibration: bins, error and diagram."""

import numpy as np
import pytest

from stages.tasks import calibration

GOLD = np.array([0, 0, 1, 1])
PROBABILITIES = np.array([[1.0, 0.0], [0.5, 0.5], [0.4, 0.6], [0.7, 0.3]])


def test_a_bin_holds_its_upper_edge() -> None:
    confidence = np.array([0.05, 0.1, 0.11, 0.3, 0.31, 0.95, 1.0])
    assert calibration.bins_of(confidence, 10).tolist() == [0, 0, 1, 2, 3, 9, 9]


def test_the_error_of_four_samples_is_that_worked_out_by_hand() -> None:
    # bins (0.4, 0.6] and (0.6, 0.8] and (0.8, 1]: two right at 0.5 and 0.6, one wrong at 0.7, one right at 1
    found = calibration.expected_calibration_error(GOLD, PROBABILITIES, bins=5)
    assert found == pytest.approx((2 - 1.1 + 0.7 + 0) / 4)


def test_a_model_that_is_right_as_often_as_it_says_has_no_error() -> None:
    gold = np.array([0] * 8 + [1] * 2)
    assert calibration.expected_calibration_error(gold, np.tile([0.8, 0.2], (10, 1)), bins=10) == pytest.approx(0)


def test_the_diagram_has_a_row_for_each_bin_that_is_not_empty() -> None:
    assert calibration.reliability(GOLD, PROBABILITIES, bins=5).to_pylist() == [
        {"confidence": 0.55, "accuracy": 1.0, "count": 2},
        {"confidence": 0.7, "accuracy": 0.0, "count": 1},
        {"confidence": 1.0, "accuracy": 1.0, "count": 1},
    ]
