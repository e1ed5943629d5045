"""Which columns the table of experiments has, in which order, and what goes where there is no room."""

from typing import Any

import pytest

from workbench import columns
from workbench.columns import Column
from workbench.rows import Row


def row(name: str = "one", params: dict[str, Any] | None = None, **values: Any) -> Row:
    return Row(values.pop("kind", "experiment"), name, params=params or {}, **values)


def told(found: list[Column]) -> list[str]:
    return [column.told for column in found]


def test_experiments_stand_indented_and_states_only_where_there_are_any() -> None:
    rows = [row("workspace", kind="workspace"), row("calm-owl")]
    assert [column.cells for column in columns.names(rows)] == [("workspace", "  calm-owl")]
    (_, states) = columns.names([*rows, row("wild-cat", state="queued")])
    assert states == Column("state", "state", ("", "", "queued"))


def test_only_params_that_differ_have_a_column_and_those_with_most_values_come_first() -> None:
    rows = [
        row(params={"seed": 1, "epochs": 4, "lr": 1e-3}),
        row(params={"seed": 1, "epochs": 3, "lr": 2e-5}),
        row(params={"seed": 1.0, "epochs": 4, "lr": 3e-5}),
    ]
    assert columns.params(rows) == [
        Column("lr", "lr", ("0.001", "2e-05", "3e-05")),
        Column("epochs", "epochs", ("4", "3", "4")),
    ]


def test_a_row_without_a_key_differs_and_one_that_cannot_be_read_does_not_count() -> None:
    rows = [row(params={"lr": 1, "version": 2}), row(params={"lr": 1}), row(state="unreadable")]
    assert columns.params(rows) == [Column("version", "version", ("2", "", ""))]


def test_names_are_as_short_as_they_can_be_told_apart() -> None:
    known = ["lr", "seed", "search.seed", "steps.emoji.enabled", "steps.html.enabled", "finetune.loss"]
    assert columns.short_names(known, known) == {
        "lr": "lr",
        "seed": "seed",
        "search.seed": "search.seed",
        "steps.emoji.enabled": "emoji.enabled",
        "steps.html.enabled": "html.enabled",
        "finetune.loss": "loss",
    }


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, "null"),
        (True, "true"),
        (2e-05, "2e-05"),
        (100000, "100000"),
        (0.1 + 0.2, "0.3"),
        ([1, 2, 3], "[1, 2, 3]"),
        ("[bold]x[/]", "[bold]x[/]"),
        ("a\nb\x1b[31m", "a b [31m"),
        ("x" * 30, "x" * 19 + "…"),
        (list(range(99)), "[0, 1, 2, 3, 4, 5, …"),
    ],
)
def test_values_are_cells_of_bounded_length(value: Any, cell: str) -> None:
    assert columns.shown(value) == cell


def test_equal_numbers_are_the_same_value_and_true_is_not_one() -> None:
    same = [columns.identity(value) for value in (1, 1.0, True, "1")]
    assert same[0] == same[1] and len(set(same)) == 3


def test_the_score_that_chooses_comes_first_then_the_same_on_test_then_the_others() -> None:
    params = {"task": "classification", "finetune.best_by": "log_loss"}
    scored = row(params=params, validation={"log_loss": 0.5, "ece": 1.0}, test={"accuracy": 0.9, "log_loss": 0.6})
    assert columns.scores([scored, row(params=params)]) == [
        Column("validation\nlog_loss", "validation log_loss", (0.5, "–")),
        Column("test\nlog_loss", "test log_loss", (0.6, "–")),
        Column("test\naccuracy", "test accuracy", (0.9, "–")),
    ]


def test_a_regression_has_its_own_scores() -> None:
    params = {"task": "regression", "finetune.best_by": "pearson"}
    scored = row(params=params, validation={"pearson": 0.5}, test={"r2": 0.9, "mse": 0.6, "pearson": 0.7})
    assert told(columns.scores([scored])) == ["validation pearson", "test pearson", "test mse", "test r2"]


@pytest.mark.parametrize(
    ("room", "kept", "left_out"),
    [
        (9, "n p q s1 s2 s3 s4", ""),
        (6, "n p q s1 s2 s3", "s4"),
        (4, "n p s1 s2", "q s3 s4"),
        (3, "n s1 s2", "p q s3 s4"),
        (1, "n s1 s2", "p q s3 s4"),
    ],
)
def test_scores_beyond_two_go_first_then_params_that_differ_least(room: int, kept: str, left_out: str) -> None:
    first, params, scores = (
        [Column(name, name, ()) for name in names.split()] for names in ("n", "p q", "s1 s2 s3 s4")
    )
    found = columns.fitting(first, params, scores, lambda chosen: len(chosen) <= room)
    assert [told(part) for part in found] == [kept.split(), left_out.split()]
