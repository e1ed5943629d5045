"""The section `metrics`: values, directions, corrected p-values, findings, spreads."""

from pathlib import Path

import pytest
from sklearn import metrics as sk

from review.metrics import metric_changes
from review.pairing import Pair
from review.sides import Side
from review.statistics import BETTER, NOTHING, WORSE
from stages.core import tables
from stages.tasks import classification, regression
from tests.two_models import pair_of, random_pair, random_values


def sides(folder: Path) -> tuple[Side, Side]:
    for name in ("base", "head"):
        tables.write_json(folder / name / "metrics/evaluate.json", {"accuracy": 0.5})
    base, head = (Side(name, None, name, folder / name, None) for name in ("base", "head"))
    return base, head


def changes(folder: Path, pair: Pair, resamples: int = 1_000) -> dict[str, dict]:
    found = metric_changes(*sides(folder), pair, resamples=resamples, confidence=0.95, bins=10)
    return {row["name"]: row for row in found["rows"]}


def test_values_are_those_of_evaluate(tmp_path: Path) -> None:
    pair = random_pair(200, gain=0.3)
    rows = changes(tmp_path, pair)
    assert list(rows) == list(classification.HEADLINE)
    for side, outputs in (("base", pair.base), ("head", pair.head)):
        expected = classification.headline(pair.gold, outputs, bins=10)
        assert {name: row[side] for name, row in rows.items()} == pytest.approx(expected)
    for row in rows.values():
        assert row["difference"] == pytest.approx(row["head"] - row["base"])
        assert row["low"] <= row["difference"] <= row["high"] or row["name"] == "ece"
    assert rows["accuracy"]["head"] == sk.accuracy_score(pair.gold, pair.head.argmax(axis=1))
    assert {name for name, row in rows.items() if row["direction"] == "lower"} == {"log_loss", "ece"}


def test_better_means_lower_where_lower_is_better(tmp_path: Path) -> None:
    better = changes(tmp_path, random_pair(600, gain=1.0))
    assert (better["log_loss"]["finding"], better["macro_f1"]["finding"]) == (BETTER, BETTER)
    assert better["log_loss"]["difference"] < 0 < better["macro_f1"]["difference"]
    worse = changes(tmp_path, random_values(600, noise=2.0))
    assert list(worse) == list(regression.HEADLINE)
    assert {row["finding"] for row in worse.values()} == {WORSE}


def test_luck_is_not_claimed(tmp_path: Path) -> None:
    rows = changes(tmp_path, random_pair(200))
    assert {row["finding"] for row in rows.values()} == {NOTHING}
    assert all(row["smallest_detectable"] > 0 for row in rows.values())


def test_the_p_value_of_accuracy_is_exact(tmp_path: Path) -> None:
    gold = [0, 1, 2] * 20
    base = [1, *gold[1:]]
    head = [*gold[:50], *(label - 1 for label in gold[50:])]
    row = changes(tmp_path, pair_of(base, head, gold))["accuracy"]
    assert row["p"] == pytest.approx(2 * (1 + 11) / 2**11)


def test_equal_predictions_differ_in_nothing(tmp_path: Path) -> None:
    gold = [0, 1, 2] * 10
    found = metric_changes(*sides(tmp_path), pair_of(gold, gold, gold), resamples=200, confidence=0.95, bins=10)
    assert found["same"]
    for row in found["rows"]:
        assert (row["difference"], row["low"], row["high"], row["p"]) == (0, 0, 0, 1)
        assert row["smallest_detectable"] is None


def test_metrics_that_the_samples_do_not_define_are_named(tmp_path: Path) -> None:
    found = metric_changes(
        *sides(tmp_path), pair_of([0] * 20 + [1], [0] * 21, [0] * 21), resamples=100, confidence=0.95, bins=10
    )
    assert found["undefined"] == ["roc_auc"]
    assert "roc_auc" not in [row["name"] for row in found["rows"]]


def test_the_spread_over_seeds_is_shown_where_a_side_has_it(tmp_path: Path) -> None:
    base, head = sides(tmp_path)
    tables.write_json(head.root / "metrics/evaluate.json", {"deviation": {"accuracy": 0.01}})
    found = metric_changes(base, head, random_pair(50), resamples=100, confidence=0.95, bins=10)
    row = found["rows"][0]
    assert (row["deviation_base"], row["deviation_head"]) == (None, 0.01)
    assert found["rows"][1]["deviation_head"] is None
