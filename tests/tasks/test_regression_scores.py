"""Regression: scores against scikit-learn and SciPy, their intervals against plain loops, and what is shown."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sk

from stages.tasks import bootstrap, regression
from stages.tasks.regression import Floats
from tests.workplace import quick

NUMBER = st.integers(-8, 8).map(lambda n: n / 2)
PAIRS = st.lists(st.tuples(NUMBER, NUMBER), min_size=2, max_size=30)


def expected(gold: Floats, predicted: Floats) -> dict[str, float]:
    """Each score that is defined, by the libraries."""
    found = {"mse": sk.mean_squared_error(gold, predicted), "mae": sk.mean_absolute_error(gold, predicted)}
    if len(set(gold)) > 1:
        found["r2"] = sk.r2_score(gold, predicted)
        if len(set(predicted)) > 1:
            found["pearson"] = stats.pearsonr(gold, predicted).statistic
            found["spearman"] = stats.spearmanr(gold, predicted).statistic
    return found


@quick
@given(PAIRS)
def test_the_scores_are_those_of_scikit_learn_and_scipy_ties_and_all(pairs: list[tuple[float, float]]) -> None:
    gold, predicted = np.array(pairs).T
    assert regression.headline(gold, predicted) == pytest.approx(expected(gold, predicted), abs=1e-9)


@quick
@given(PAIRS, st.integers(0, 9))
def test_a_resample_scores_as_its_samples_written_out(pairs: list[tuple[float, float]], seed: int) -> None:
    gold, predicted = np.array(pairs).T
    weights = next(bootstrap.resample(len(gold), 3, seed=seed))
    found = regression.scorer(gold, predicted)(weights)
    for row, counts in enumerate(weights.astype(int)):
        alone = expected(np.repeat(gold, counts), np.repeat(predicted, counts))
        values = {name: float(value[row]) for name, value in found.items() if not math.isnan(value[row])}
        assert values == pytest.approx(alone, abs=1e-9)


def test_far_from_zero_no_digits_are_lost() -> None:
    random = np.random.default_rng(0)
    gold = random.normal(size=50)
    predicted = gold + random.normal(size=50)
    moved = regression.headline(gold + 1e6, predicted + 1e6)
    assert moved == pytest.approx(regression.headline(gold, predicted), rel=1e-6)


def test_the_interval_holds_the_value_and_the_baseline_answers_with_the_training_mean() -> None:
    random = np.random.default_rng(1)
    gold = random.normal(3, 1, size=300)
    predicted = gold + random.normal(0, 0.5, size=300)
    found = regression.summary(gold, predicted, 2.5, resamples=500, confidence=0.95, seed=1)
    for name in regression.HEADLINE:
        assert found["interval"][name]["low"] < found[name] < found["interval"][name]["high"]
    assert found["baseline"] == {
        "mse": round(float(((gold - 2.5) ** 2).mean()), 6),
        "mae": round(float(np.abs(gold - 2.5).mean()), 6),
        "r2": round(sk.r2_score(gold, np.full(300, 2.5)), 6),
    }
    assert found["samples"] == 300
    again = regression.summary(gold, predicted, 2.5, resamples=500, confidence=0.95, seed=1)
    assert again == found


def test_a_single_value_in_test_leaves_out_what_needs_two() -> None:
    assert regression.headline(np.array([2.0, 2.0]), np.array([1.0, 4.0])) == {"mse": 2.5, "mae": 1.5}
    found = regression.headline(np.array([1.0, 3.0]), np.array([2.0, 2.0]))
    assert found == {"mse": 1.0, "mae": 1.0, "r2": 0.0}


def test_the_largest_errors_come_first_and_equals_by_id() -> None:
    gold, predicted = np.array([1.0, 2.0, 3.0, 4.0]), np.array([2.0, 2.0, 2.0, 1.0])
    assert regression.largest_errors(gold, predicted, ["d", "c", "b", "a"], limit=9).tolist() == [3, 2, 0, 1]
    assert regression.largest_errors(gold, predicted, ["d", "c", "b", "a"], limit=1).tolist() == [3]
    shown = regression.rows(gold, predicted, ["d", "c", "b", "a"], {"a": "so\nlate"}, np.array([3, 2]))
    assert shown == [("a", "4", "1", -3.0, "so late"), ("b", "3", "2", -1.0, "")]


def test_the_plot_holds_the_ends_and_no_more_points_than_a_screen_shows() -> None:
    gold = np.random.default_rng(2).normal(size=5_000)
    found = regression.plot(gold, gold + 1)
    assert len(found) == regression.POINTS
    assert found["gold"][0].as_py() == round(gold.min(), 6) and found["gold"][-1].as_py() == round(gold.max(), 6)
    assert set(found["residual"].to_pylist()) == {-1.0}
    assert regression.plot(np.array([2.0, 1.0]), np.array([1.0, 1.5])).to_pylist() == [
        {"gold": 1.0, "predicted": 1.5, "residual": -0.5},
        {"gold": 2.0, "predicted": 1.0, "residual": 1.0},
    ]
