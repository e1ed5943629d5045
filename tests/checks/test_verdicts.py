"""From masks to reason codes and examples."""

import numpy as np
import pytest

from stages.checks.verdicts import add_codes, any_of, build, remember
from stages.core.errors import UserError
from tests import workplace

MASKS = {"text.empty": np.array([True, False, False]), "label.missing": np.array([True, True, False])}


def test_checks_come_in_the_order_of_params() -> None:
    families = {"text": {"too_long": {"max_characters": 3}, "missing": {}}, "label": {"missing": {}}}
    assert list(build(families)) == ["text.too_long", "text.missing", "label.missing"]


def test_an_unknown_check_and_an_unknown_option_are_told() -> None:
    with pytest.raises(UserError, match=r"validate\.checks\.text\.emty: unknown name 'text\.emty', did you mean 'text"):
        build({"text": {"emty": {}}})
    with pytest.raises(UserError, match=r"validate\.checks\.text\.empty\.min: unknown key"):
        build({"text": {"empty": {"min": 1}}})


def test_codes_are_added_once_to_those_a_row_came_with() -> None:
    found = add_codes([["label.missing"], [], ["value.invalid"]], MASKS)
    assert found == [["label.missing", "text.empty"], ["label.missing"], ["value.invalid"]]


def test_only_the_codes_that_reject_count() -> None:
    assert any_of(MASKS, ["text.empty"], 3).tolist() == [True, False, False]
    assert any_of(MASKS, [], 3).tolist() == [False, False, False]


def test_three_examples_a_code_are_remembered() -> None:
    examples: dict[str, list[str]] = {}
    batch = workplace.table([{"text": f"{'long ' * 20}{n}", "label": "odd"} for n in range(2)])
    masks = {"text.too_long": np.array([True, True]), "label.unknown": np.array([False, True])}
    for _ in range(2):
        remember(examples, batch, masks)
    first, second = batch["id"].to_pylist()
    text = "'" + ("long " * 20)[:40] + "'"
    assert examples == {
        "text.too_long": [f"{first}: {text}", f"{second}: {text}", f"{first}: {text}"],
        "label.unknown": [f"{second}: 'odd'", f"{second}: 'odd'"],
    }
