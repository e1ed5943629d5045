"""The contract: each clause at its edge."""

from typing import Any

import pytest

from stages.checks.contract import Breach, breaches, check_codes
from stages.core.errors import UserError

KEPT: dict[str, Any] = {
    "rows": 100,
    "classes": {"a": 60, "b": 30},
    "codes": {"text.empty": 10},
    "labels": ["a", "b"],
    "min_rows": 100,
    "min_rows_per_class": 30,
    "max_imbalance": 2.0,
    "max_shares": {"text.empty": 0.1, "row.duplicate": 0.0},
}


def test_without_classes_no_clause_about_them_holds() -> None:
    assert breaches(**KEPT | {"classes": None, "labels": [], "min_rows_per_class": 99}) == []
    assert [b.clause for b in breaches(**KEPT | {"classes": None, "min_rows": 101})] == ["min_rows"]


def test_data_at_the_edge_of_every_clause_keep_the_contract() -> None:
    assert breaches(**KEPT) == []


@pytest.mark.parametrize(
    ("changes", "clause", "found", "allowed"),
    [
        ({"min_rows": 101}, "min_rows", "100 rows", ">= 101"),
        ({"min_rows_per_class": 31}, "min_rows_per_class: b", "30 rows", ">= 31"),
        ({"labels": ["a", "b", "c"]}, "min_rows_per_class: c", "0 rows", ">= 30"),
        ({"max_imbalance": 1.99}, "max_imbalance", "2.0 to 1", "<= 1.99 to 1"),
        ({"codes": {"text.empty": 11}}, "max_shares: text.empty", "11 rows, 11.00%", "<= 10.00%"),
        ({"codes": {"row.duplicate": 1}}, "max_shares: row.duplicate", "1 row, 1.00%", "<= 0.00%"),
        ({"labels": ["a"], "classes": {"a": 90}}, "labels", "1 class (a)", ">= 2"),
        ({"labels": [], "classes": {"a": 90}}, "labels", "1 class (a)", ">= 2"),
        ({"labels": [], "classes": {}}, "labels", "0 class (none)", ">= 2"),
    ],
)
def test_one_step_further_breaks_that_clause_alone(
    changes: dict[str, Any], clause: str, found: str, allowed: str
) -> None:
    (breach,) = breaches(**KEPT | changes)
    assert (breach.clause, breach.found, breach.allowed) == (clause, found, allowed)
    assert breach.advice


def test_without_any_row_nothing_is_divided() -> None:
    broken = breaches(**KEPT | {"rows": 0, "classes": {}, "codes": {}})
    assert [breach.clause for breach in broken] == ["min_rows", "min_rows_per_class: a", "min_rows_per_class: b"]
    assert isinstance(broken[0], Breach)


def test_a_code_that_no_check_gives_is_told() -> None:
    check_codes(["text.empty"], ["text.empty", "label.missing"], "validate.reject")
    with pytest.raises(UserError) as caught:
        check_codes(["text.empty", "text.emty"], ["text.empty", "label.missing"], "validate.reject")
    assert str(caught.value) == "params.yaml: validate.reject: no such check: text.emty"
    assert caught.value.hint == "validate.checks has: text.empty, label.missing"
