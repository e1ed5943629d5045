"""Statistics against scipy and statsmodels on the same arrays, and against what they promise."""

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as reference_mcnemar
from statsmodels.stats.multitest import multipletests

from review.statistics import BETTER, NOTHING, WORSE, can_claim, differences, estimate, finding, holm, mcnemar
from stages.core.seeds import generator
from stages.tasks.bootstrap import Floats, Score
from stages.tasks.classification import probabilities_of
from stages.tasks.weighted import scorer


def mean_of(values: Floats) -> Score:
    return lambda weights: {"mean": weights @ values / weights.sum(axis=1)}


def models(samples: int, *, classes: int = 3, gain: float = 0.0, seed: int = 0) -> tuple[Floats, Floats, Floats]:
    """Gold, and the probabilities of two models that share most of what they see; the second is better by `gain`."""
    random = generator(seed, "models")
    gold = random.integers(classes, size=samples)
    seen = random.normal(size=(samples, classes)) + 2 * np.eye(classes)[gold]
    sides = [seen + 0.5 * random.normal(size=seen.shape) for _ in range(2)]
    return gold, probabilities_of(sides[0]), probabilities_of(sides[1] + gain * np.eye(classes)[gold])


@pytest.mark.parametrize(("first", "second"), [(0, 0), (1, 0), (5, 5), (3, 12), (40, 21), (0, 6)])
def test_mcnemar_is_that_of_statsmodels(first: int, second: int) -> None:
    expected = reference_mcnemar([[7, first], [second, 9]], exact=True).pvalue
    assert mcnemar(first, second) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("p_values", [[0.01, 0.04, 0.03, 0.5], [0.2], [0.02, 0.02, 0.02], [0.9, 0.001, 1.0]])
def test_holm_is_that_of_statsmodels(p_values: list[float]) -> None:
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])


def test_an_undefined_p_value_is_not_counted() -> None:
    assert holm([0.02, math.nan, 0.01]) == pytest.approx([0.02, math.nan, 0.02], nan_ok=True)


def test_the_interval_of_a_mean_is_that_of_scipy() -> None:
    random = generator(3, "scipy")
    base, head = random.normal(size=400), random.normal(loc=0.15, size=400)
    drawn = differences(mean_of(base), mean_of(head), 400, resamples=10_000)["mean"]
    found = estimate(drawn, samples=400, confidence=0.95)
    expected = stats.bootstrap(
        (base, head),
        lambda one, other, axis: np.mean(other - one, axis=axis),
        paired=True,
        method="percentile",
        n_resamples=10_000,
        rng=1,
    )
    error = expected.standard_error
    assert found.low == pytest.approx(expected.confidence_interval.low, abs=0.06 * error)
    assert found.high == pytest.approx(expected.confidence_interval.high, abs=0.06 * error)
    assert drawn.std(ddof=1) == pytest.approx(error, rel=0.03)
    assert found.smallest_detectable == pytest.approx((1.959964 + 0.841621) * error, rel=0.03)
    assert found.p == pytest.approx(stats.ttest_rel(base, head).pvalue, abs=0.01)


def test_few_samples_widen_the_interval_to_that_of_student() -> None:
    drawn = generator(1, "normal").normal(size=200_000) / math.sqrt(20)
    found = estimate(drawn, samples=20, confidence=0.95)
    assert found.high * math.sqrt(19) == pytest.approx(stats.t.ppf(0.975, 19), rel=0.02)


def test_interval_and_p_value_agree() -> None:
    for shift in np.linspace(-0.4, 0.4, 17):
        drawn = generator(1, "normal").normal(size=2_000) / math.sqrt(50) + shift
        found = estimate(drawn, samples=50, confidence=0.95)
        if abs(found.p - 0.05) > 0.004:
            assert (found.p < 0.05) == (found.low > 0 or found.high < 0)


def test_the_same_resamples_are_drawn_for_both_sides_whatever_the_chunks() -> None:
    gold, base, head = models(300)
    score = scorer(gold, base, bins=10)
    assert all(not values.any() for values in differences(score, score, 300, resamples=300).values())
    once = differences(score, scorer(gold, head, bins=10), 300, resamples=300)
    again = differences(score, scorer(gold, head, bins=10), 300, resamples=300)
    assert all(np.array_equal(once[name], again[name]) for name in once)


def test_identical_sides_show_no_difference() -> None:
    found = estimate(np.zeros(1_000), samples=30, confidence=0.95)
    assert (found.low, found.high, found.p) == (0.0, 0.0, 1.0)
    assert math.isnan(found.smallest_detectable)


def test_a_metric_that_no_resample_defines_has_no_estimate() -> None:
    found = estimate(np.full(100, np.nan), samples=30, confidence=0.95)
    assert all(math.isnan(value) for value in (found.low, found.high, found.p, found.smallest_detectable))


@pytest.mark.parametrize(
    ("resamples", "samples", "claimed"), [(280, 10_000, True), (270, 10_000, False), (400, 60, False), (600, 60, True)]
)
def test_with_too_few_resamples_nothing_can_be_claimed(resamples: int, samples: int, claimed: bool) -> None:
    assert can_claim(7, samples, resamples=resamples, confidence=0.95) == claimed
    p = estimate(np.ones(resamples), samples=samples, confidence=0.95).p
    assert (7 * p <= 0.05) == claimed


@pytest.mark.parametrize(
    ("gain", "low", "high", "p_holm", "expected"),
    [
        (0.03, 0.01, 0.05, 0.02, BETTER),
        (-0.03, -0.05, -0.01, 0.02, WORSE),
        (0.03, -0.01, 0.05, 0.02, NOTHING),
        (0.03, 0.01, 0.05, 0.06, NOTHING),
        (0.03, math.nan, math.nan, math.nan, NOTHING),
    ],
)
def test_nothing_is_claimed_unless_interval_and_p_value_both_rule_out_luck(
    gain: float, low: float, high: float, p_holm: float, expected: str
) -> None:
    assert finding(gain, low, high, p_holm, confidence=0.95) == expected


def test_without_a_difference_there_are_few_claims_and_intervals_cover() -> None:
    """A small run of what benchmarks/review.py measures: 200 pairs of equal models, 120 samples each."""
    covered, alarms = [], 0
    for seed in range(200):
        gold, base, head = models(120, seed=seed)
        scores = [scorer(gold, side, bins=10) for side in (base, head)]
        drawn = differences(scores[0], scores[1], 120, resamples=400)
        found = {name: estimate(values, samples=120, confidence=0.95) for name, values in drawn.items()}
        corrected = holm([one.p for one in found.values()])
        claims = [
            finding(1, one.low, one.high, p, confidence=0.95) for one, p in zip(found.values(), corrected, strict=True)
        ]
        alarms += claims != [NOTHING] * len(claims)
        covered.append([one.low <= 0 <= one.high for name, one in found.items() if name != "ece"])
    assert 0.93 <= np.mean(covered) <= 0.97
    assert alarms <= 10


def test_a_real_difference_is_found() -> None:
    gold, base, head = models(1_000, gain=0.5)
    scores = [scorer(gold, side, bins=10) for side in (base, head)]
    found = estimate(
        differences(scores[0], scores[1], 1_000, resamples=1_000)["accuracy"], samples=1_000, confidence=0.95
    )
    assert found.low > 0 and found.p < 0.01
