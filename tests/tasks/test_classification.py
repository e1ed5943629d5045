"""Scores of classification: by hand on small inputs, against scikit-learn on larger ones."""

import numpy as np
import pyarrow as pa
import pytest
from sklearn import metrics as sk

from stages.core.errors import UserError
from stages.tasks import classification
from stages.tasks.calibration import Floats, Integers

LABELS = ["negative", "neutral", "positive"]
GOLD = np.array([0, 0, 1, 2])
PROBABILITIES = np.array([[0.7, 0.2, 0.1], [0.2, 0.5, 0.3], [0.1, 0.8, 0.1], [0.3, 0.6, 0.1]])


def sample(samples: int, classes: int, seed: int) -> tuple[Integers, Floats]:
    """Random gold and probabilities that know something about it, with ties."""
    random = np.random.default_rng(seed)
    gold = random.integers(classes, size=samples)
    logits = random.normal(size=(samples, classes)).round(1) + 1.5 * np.eye(classes)[gold]
    return gold, classification.probabilities_of(logits)


def test_headline_values_on_four_samples_are_those_worked_out_by_hand() -> None:
    found = classification.headline(GOLD, PROBABILITIES, bins=5)
    assert found == pytest.approx(
        {
            "accuracy": 2 / 4,
            "macro_precision": (1 / 1 + 1 / 3 + 0) / 3,
            "macro_recall": (1 / 2 + 1 / 1 + 0) / 3,
            "macro_f1": (2 / 3 + 1 / 2 + 0) / 3,
            "roc_auc": (3 / 4 + 3 / 3 + 1 / 3) / 3,
            "log_loss": -np.log([0.7, 0.2, 0.8, 0.1]).mean(),
            "ece": (abs(0 - 0.5 - 0.6) + abs(2 - 0.7 - 0.8)) / 4,
        },
        abs=1e-12,
    )


@pytest.mark.parametrize("classes", [2, 3, 6])
def test_headline_agrees_with_scikit_learn(classes: int) -> None:
    gold, probabilities = sample(400, classes, seed=classes)
    found = classification.headline(gold, probabilities, bins=10)
    predicted = probabilities.argmax(axis=1)
    auc = (
        sk.roc_auc_score(gold, probabilities[:, 1])
        if classes == 2
        else sk.roc_auc_score(gold, probabilities, multi_class="ovr", average="macro")
    )
    assert found["roc_auc"] == pytest.approx(auc, abs=1e-12)
    assert found["accuracy"] == sk.accuracy_score(gold, predicted)
    assert found["macro_f1"] == pytest.approx(sk.f1_score(gold, predicted, average="macro"), abs=1e-12)
    assert found["log_loss"] == pytest.approx(sk.log_loss(gold, probabilities), abs=1e-12)


def test_with_one_class_in_gold_the_auc_is_left_out_and_the_rest_stays() -> None:
    found = classification.headline(np.array([1, 1, 1, 1]), PROBABILITIES, bins=5)
    assert "roc_auc" not in found
    assert found["accuracy"] == 3 / 4
    assert found["macro_recall"] == pytest.approx((0 + 3 / 4) / 2)


def test_auc_averages_only_classes_with_positives_and_negatives() -> None:
    gold = np.array([0, 0, 1, 1])
    by_class = [sk.roc_auc_score(gold == k, PROBABILITIES[:, k]) for k in (0, 1)]
    assert classification.roc_auc(gold, PROBABILITIES) == pytest.approx(np.mean(by_class), abs=1e-12)


def test_a_class_that_neither_occurs_nor_is_predicted_has_support_only() -> None:
    found = classification.per_class(np.array([0, 0, 1]), PROBABILITIES[:3], LABELS)
    assert found == {
        "negative": {"support": 2, "precision": 1.0, "recall": 0.5, "f1": pytest.approx(2 / 3)},
        "neutral": {"support": 1, "precision": 0.5, "recall": 1.0, "f1": pytest.approx(2 / 3)},
        "positive": {"support": 0},
    }


def test_a_class_that_is_never_predicted_has_precision_zero() -> None:
    found = classification.per_class(GOLD, PROBABILITIES, LABELS)
    assert found["positive"] == {"support": 1, "precision": 0.0, "recall": 0.0, "f1": 0.0}


def test_baseline_answers_with_the_majority_class_of_training() -> None:
    found = classification.baseline(np.array([0, 1, 1, 2]), [1, 2, 1])
    assert found == pytest.approx(
        {"accuracy": 0.5, "macro_f1": (2 / 3) / 3, "log_loss": -np.log([0.25, 0.5, 0.5, 0.25]).mean()}
    )


def test_baseline_uses_training_shares_even_where_another_class_leads_in_test() -> None:
    found = classification.baseline(np.array([0, 0, 0, 1]), [1, 9, 0])
    assert found["accuracy"] == 0.25


def test_softmax_rows_add_up_to_one_and_stand_large_logits() -> None:
    found = classification.probabilities_of(np.array([[1000.0, 1000.0], [0.0, np.log(3.0)]], dtype=np.float32))
    np.testing.assert_allclose(found, [[0.5, 0.5], [0.25, 0.75]], rtol=1e-6)
    assert found.dtype == np.float64


def test_logits_that_are_not_finite_name_the_cause() -> None:
    with pytest.raises(UserError, match="not finite for 2 of 3 samples: training has diverged") as caught:
        classification.probabilities_of(np.array([[np.nan, 0.0], [np.inf, 0.0], [1.0, 0.0]]))
    assert "lower lr" in caught.value.hint


def test_summary_rounds_and_nests_scalars_only() -> None:
    gold, probabilities = sample(60, 3, seed=1)
    found = classification.summary(
        gold, probabilities, LABELS, [20, 30, 10], bins=10, resamples=50, confidence=0.95, seed=42
    )
    assert list(found) == [*classification.HEADLINE, "samples", "interval", "per_class", "baseline"]
    assert found["samples"] == 60
    for name in classification.HEADLINE:
        assert found[name] == round(found[name], 6)
        assert set(found["interval"][name]) == {"low", "high"}
    assert found["interval"]["accuracy"]["low"] < found["accuracy"] < found["interval"]["accuracy"]["high"]


def test_headline_rows_show_what_the_metrics_hold() -> None:
    metrics = {
        "accuracy": 0.9,
        "log_loss": 0.25,
        "interval": {"accuracy": {"low": 0.85, "high": 0.95}},
        "simple_model": {"scores": {"accuracy": 0.7, "log_loss": 0.5}},
        "baseline": {"accuracy": 0.4},
    }
    assert classification.headline_rows(metrics) == [
        ("accuracy", "0.9000", "0.8500 - 0.9500", "0.7000", "0.4000"),
        ("log_loss (lower is better)", "0.2500", "", "0.5000", ""),
    ]


def test_predictions_keep_order_and_name_a_probability_column_by_label() -> None:
    found = classification.predictions(["d", "b", "a", "c"], GOLD, PROBABILITIES, LABELS)
    assert found.column_names == [
        "id", "gold", "prediction", "probability.negative", "probability.neutral", "probability.positive"
    ]  # fmt: skip
    assert found["id"].to_pylist() == ["d", "b", "a", "c"]
    assert found["gold"].to_pylist() == ["negative", "negative", "neutral", "positive"]
    assert found["prediction"].to_pylist() == ["negative", "neutral", "neutral", "neutral"]
    assert found["probability.neutral"].type == pa.float64()
    assert found["probability.neutral"].to_pylist() == [0.2, 0.5, 0.8, 0.6]
