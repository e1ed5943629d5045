"""Two-sample tests against references, and how often they cry wolf."""

import numpy as np
import pytest
from scipy import stats

from review.features import of_texts, of_vectors
from review.twosample import gaussian, of_classes, of_kernel, of_values


@pytest.mark.parametrize(("ones", "others", "shift"), [(40, 60, 0.0), (200, 90, 0.3), (500, 400, 0.1), (30, 30, 1.5)])
def test_the_distance_is_scipys_and_the_p_value_close_to_its_exact_one(ones: int, others: int, shift: float) -> None:
    random = np.random.default_rng(1)
    first, second = random.normal(size=ones), random.normal(shift, size=others)
    distance, p = of_values(first.tolist(), second.tolist())
    wanted = stats.ks_2samp(first, second, method="exact")
    assert distance == pytest.approx(wanted.statistic, abs=1e-12)
    assert p == pytest.approx(wanted.pvalue, abs=0.02)


def test_with_ties_the_p_value_is_rather_too_large() -> None:
    random = np.random.default_rng(2)
    drawn = [of_values(*random.integers(0, 5, (2, 60)).tolist())[1] for _ in range(300)]
    assert np.mean(np.array(drawn) < 0.05) <= 0.05


def test_classes_agree_with_the_chi_squared_test() -> None:
    ones, others = ["a"] * 60 + ["b"] * 40, ["a"] * 160 + ["b"] * 140 + ["c"] * 10
    distance, p = of_classes(ones, others)
    table = [[60, 40, 0], [160, 140, 10]]
    assert p == pytest.approx(stats.chi2_contingency(table, correction=False).pvalue, abs=0.03)
    assert distance == pytest.approx(0.6 - 160 / 310)


def test_classes_that_are_the_same_on_both_sides_are_no_drift() -> None:
    assert of_classes(["a"] * 20, ["a"] * 300) == (0.0, 1.0)


def test_contents_of_another_topic_are_told_and_those_of_the_same_are_not() -> None:
    random = np.random.default_rng(3)
    words, others = [f"word{n}" for n in range(50)], [f"topic{n}" for n in range(50)]

    def texts(count: int, vocabulary: list[str]) -> list[str]:
        return [" ".join(random.choice(vocabulary, 8)) for _ in range(count)]

    same = [of_kernel(gaussian(of_texts([*texts(30, words), *texts(60, words)])), 30)[1] for _ in range(60)]
    assert np.mean(np.array(same) < 0.05) <= 0.1
    mixed = [*texts(20, words), *texts(10, others)]
    assert of_kernel(gaussian(of_texts([*mixed, *texts(60, words)])), 30)[1] == 0.001


def test_the_discrepancy_is_that_of_the_definition() -> None:
    points = np.random.default_rng(4).normal(size=(7, 2))
    kernel = np.exp(-((points[:, None] - points[None]) ** 2).sum(-1)).astype(np.float32)
    wanted = kernel[:3, :3].mean() + kernel[3:, 3:].mean() - 2 * kernel[:3, 3:].mean()
    assert of_kernel(kernel, 3)[0] == pytest.approx(np.sqrt(wanted), rel=1e-4)


def test_distances_of_vectors_do_not_depend_on_the_scale_of_a_dimension() -> None:
    vectors = np.random.default_rng(5).normal(size=(9, 3)).astype(np.float32)
    scaled = vectors * np.array([1, 1000, 1e-3], dtype=np.float32)
    np.testing.assert_allclose(of_vectors(list(vectors)), of_vectors(list(scaled)), rtol=1e-3, atol=1e-3)


def test_equal_texts_have_no_distance_and_foreign_ones_the_greatest() -> None:
    squared = of_texts(["abcdef", "ABCDEF", "uvwxyz"])
    assert squared[0, 1] == pytest.approx(0, abs=1e-6)
    assert squared[0, 2] == pytest.approx(2)
