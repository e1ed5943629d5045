"""Bootstrap: the vectorised scores against a plain loop over the same resamples."""

import numpy as np
import pytest
from sklearn import metrics as sk

from stages.tasks import bootstrap, classification
from stages.tasks.calibration import Floats, Integers
from stages.tasks.weighted import scorer

BINS = 10


def sample(samples: int, classes: int, *, rare: int = 0) -> tuple[Integers, Floats]:
    """Random gold and probabilities with ties; the last class occurs `rare` times, if that is given."""
    random = np.random.default_rng(samples + classes)
    gold = random.integers(classes - bool(rare), size=samples)
    if rare:
        gold[:rare] = classes - 1
    logits = random.normal(size=(samples, classes)).round(1) + 1.5 * np.eye(classes)[gold]
    return gold, classification.probabilities_of(logits)


def naive(gold: Integers, probabilities: Floats) -> dict[str, float]:
    """Each metric of one resample by scikit-learn, and the calibration error by its definition."""
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    precision, recall, f1, _ = sk.precision_recall_fscore_support(gold, predicted, average="macro", zero_division=0)
    classes = probabilities.shape[1]
    aucs = [
        sk.roc_auc_score(gold == k, probabilities[:, k])
        for k in ([1] if classes == 2 else range(classes))
        if len(set(gold == k)) == 2
    ]
    error = 0.0
    for b in range(BINS):
        inside = (confidence > b / BINS) & (confidence <= (b + 1) / BINS)
        if inside.any():
            error += inside.mean() * abs((predicted == gold)[inside].mean() - confidence[inside].mean())
    return {
        "accuracy": sk.accuracy_score(gold, predicted),
        "macro_f1": f1,
        "macro_precision": precision,
        "macro_recall": recall,
        "roc_auc": float(np.mean(aucs)) if aucs else float("nan"),
        "log_loss": sk.log_loss(gold, probabilities, labels=np.arange(classes)),
        "ece": error,
    }


@pytest.mark.parametrize(
    ("samples", "classes", "rare"), [(300, 2, 0), (300, 3, 0), (120, 3, 1), (9, 4, 2), (8, 2, 1), (1, 3, 0)]
)
def test_weighted_scores_equal_a_scikit_learn_loop_over_the_same_resamples(
    samples: int, classes: int, rare: int
) -> None:
    gold, probabilities = sample(samples, classes, rare=rare)
    (weights,) = bootstrap.resample(samples, 25, seed=42)
    found = scorer(gold, probabilities, bins=BINS)(weights)
    assert set(found) == set(classification.HEADLINE)
    for position, row in enumerate(weights):
        drawn = np.repeat(np.arange(samples), row.astype(int))
        for metric, value in naive(gold[drawn], probabilities[drawn]).items():
            assert found[metric][position] == pytest.approx(value, abs=1e-12, nan_ok=True), metric


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_with_weights_of_one_the_scores_are_the_headline_values(classes: int) -> None:
    gold, probabilities = sample(200, classes)
    found = scorer(gold, probabilities, bins=BINS)(np.ones((1, 200)))
    expected = classification.headline(gold, probabilities, bins=BINS)
    assert {name: values[0] for name, values in found.items()} == pytest.approx(expected, abs=1e-12)


def test_a_resample_draws_as_many_samples_as_there_are() -> None:
    weights = np.concatenate(list(bootstrap.resample(7, 500, seed=1)))
    assert weights.shape == (500, 7)
    assert (weights.sum(axis=1) == 7).all()
    assert np.abs(weights.mean(axis=0) - 1).max() < 0.15


@pytest.mark.parametrize("chunk_values", [1, 7, 20, 350])
def test_the_size_of_a_chunk_changes_no_weight(chunk_values: int) -> None:
    whole = np.concatenate(list(bootstrap.resample(7, 50, seed=3)))
    parts = list(bootstrap.resample(7, 50, seed=3, chunk_values=chunk_values))
    assert max(len(part) for part in parts) == max(1, chunk_values // 7)
    assert (np.concatenate(parts) == whole).all()


def test_the_same_seed_gives_the_same_interval_and_another_seed_another() -> None:
    gold, probabilities = sample(80, 3)
    score = scorer(gold, probabilities, bins=BINS)
    first, again, other = (
        bootstrap.intervals(score, 80, resamples=200, confidence=0.95, seed=seed) for seed in (1, 1, 2)
    )
    assert first == again
    assert first["log_loss"] != other["log_loss"]


def test_an_interval_of_accuracy_is_that_of_the_binomial_distribution() -> None:
    gold = np.zeros(400, dtype=np.int64)
    probabilities = np.where(np.arange(400)[:, None] < 320, [0.9, 0.1], [0.1, 0.9])
    score = scorer(gold, probabilities, bins=BINS)
    low, high = bootstrap.intervals(score, 400, resamples=4000, confidence=0.95, seed=42)["accuracy"]
    spread = 1.96 * np.sqrt(0.8 * 0.2 / 400)
    assert (low, high) == pytest.approx((0.8 - spread, 0.8 + spread), abs=0.005)


def test_an_interval_rests_on_the_resamples_that_define_the_metric() -> None:
    def score(weights: Floats) -> dict[str, Floats]:
        values = np.arange(len(weights), dtype=np.float64)
        return {"half": np.where(values < 3, values, np.nan), "never": np.full(len(weights), np.nan)}

    assert bootstrap.intervals(score, 2, resamples=6, confidence=0.5, seed=1) == {"half": (0.5, 1.5)}


def test_no_resamples_no_intervals() -> None:
    score = scorer(np.array([0, 1]), np.eye(2), bins=BINS)
    assert bootstrap.intervals(score, 2, resamples=0, confidence=0.95, seed=1) == {}
