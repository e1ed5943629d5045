"""Mean and deviation of members' scores."""

import numpy as np
import pytest

from stages.tasks.spread import member_table, spread

ROWS = [{"accuracy": 0.8, "r2": 0.1}, {"accuracy": 0.9, "r2": 0.1}, {"accuracy": 0.75}]


def test_they_are_numpys_over_the_scores_that_all_members_have() -> None:
    values = [row["accuracy"] for row in ROWS]
    assert spread(ROWS) == {
        "mean": {"accuracy": round(float(np.mean(values)), 6)},
        "deviation": {"accuracy": round(float(np.std(values, ddof=1)), 6)},
    }


def test_members_that_agree_do_not_deviate() -> None:
    assert spread([{"mse": 2.0}] * 3) == {"mean": {"mse": 2.0}, "deviation": {"mse": 0.0}}


@pytest.mark.parametrize("names", [["accuracy", "r2"], ["loss", "accuracy"]])
def test_the_table_shows_each_member_and_then_mean_and_deviation(names: list[str]) -> None:
    metrics = {"members": dict(zip("abc", ROWS, strict=True)), **spread(ROWS)}
    title, header, rows = member_table(metrics, names)
    assert (title, header) == ("3 members", ["member", "accuracy"])
    assert rows == [("a", "0.8000"), ("b", "0.9000"), ("c", "0.7500"), ("mean ± deviation", "0.8167 ± 0.0764")]
