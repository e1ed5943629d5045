"""The data behind the plots."""

import numpy as np
import pytest
from sklearn import metrics as sk

from stages.tasks import curves

LABELS = ["negative", "neutral", "positive"]
GOLD = np.array([0, 0, 1, 1])
PROBABILITIES = np.array([[0.7, 0.2, 0.1], [0.2, 0.5, 0.3], [0.1, 0.8, 0.1], [0.3, 0.6, 0.1]])


def test_confusion_names_actual_and_predicted_of_each_sample() -> None:
    assert curves.confusion(GOLD, PROBABILITIES, LABELS).to_pylist() == [
        {"actual": "negative", "predicted": "negative"},
        {"actual": "negative", "predicted": "neutral"},
        {"actual": "neutral", "predicted": "neutral"},
        {"actual": "neutral", "predicted": "neutral"},
    ]


def test_roc_runs_from_corner_to_corner_for_classes_that_occur() -> None:
    table = curves.roc(GOLD, PROBABILITIES, LABELS)
    assert table.column_names == ["class", "fpr", "tpr"]
    assert [tuple(row.values()) for row in table.to_pylist()] == [
        ("negative", 0.0, 0.0),
        ("negative", 0.0, 0.5),
        ("negative", 0.5, 0.5),
        ("negative", 0.5, 1.0),
        ("negative", 1.0, 1.0),
        ("neutral", 0.0, 0.0),
        ("neutral", 0.0, 0.5),
        ("neutral", 0.0, 1.0),
        ("neutral", 1.0, 1.0),
    ]


def test_precision_recall_starts_at_precision_one_and_ends_at_recall_one() -> None:
    rows = curves.precision_recall(GOLD, PROBABILITIES, LABELS).to_pylist()
    negative = [(row["recall"], row["precision"]) for row in rows if row["class"] == "negative"]
    assert negative == [(0.0, 1.0), (0.5, 1.0), (0.5, 0.5), (1.0, 0.666667), (1.0, 0.5)]


def test_one_class_in_gold_gives_curves_without_rows() -> None:
    gold = np.zeros(4, dtype=np.int64)
    assert curves.roc(gold, PROBABILITIES, LABELS).num_rows == 0
    assert curves.precision_recall(gold, PROBABILITIES, LABELS).column_names == [
        "class",
        "recall",
        "precision",
    ]


def test_thinning_keeps_the_ends_and_the_area() -> None:
    random = np.random.default_rng(1)
    gold = random.integers(2, size=20_000)
    x, y, _ = sk.roc_curve(gold, random.normal(size=20_000) + gold)
    thin_x, thin_y = curves.thin(x, y)
    assert len(x) > 5_000 and 150 < len(thin_x) <= curves.POINTS
    assert (thin_x[0], thin_y[0], thin_x[-1], thin_y[-1]) == (0, 0, 1, 1)
    assert sk.auc(thin_x, thin_y) == pytest.approx(sk.auc(x, y), abs=1e-3)


def test_a_short_curve_is_not_thinned() -> None:
    x = np.linspace(0, 1, curves.POINTS)
    assert curves.thin(x, x)[0] is x
