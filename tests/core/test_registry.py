"""Registries: members imported when asked for, options read from signatures."""

import sys
from typing import Annotated, Literal

import pytest
from pydantic import Field

from stages.core import registry
from stages.core.errors import UserError

THIS = __name__
MEMBERS = {"paint": f"{THIS}:paint", "bare": f"{THIS}:bare", "broken": "stages.core.no_such:x"}


def paint(
    _: str = "", /, *, colour: Literal["red", "blue"], coats: Annotated[int, Field(ge=1)], share: float
) -> tuple[str, int, float]:
    """Positional parameters are data, keyword-only ones are options."""
    return colour, coats, share


def bare() -> str:
    """No options."""
    return "bare"


def fails(given: dict[str, object], message: str) -> None:
    with pytest.raises(UserError) as caught:
        registry.build(MEMBERS, "paint", given, "decorate.paint")
    assert str(caught.value) == message


def test_a_member_is_built_from_its_options() -> None:
    assert registry.build(MEMBERS, "paint", {"colour": "red", "coats": 2, "share": 1}, "x") == ("red", 2, 1)
    assert registry.build(MEMBERS, "bare", {}, "x") == "bare"


def test_an_unknown_member_is_told_with_the_nearest() -> None:
    with pytest.raises(UserError) as caught:
        registry.member(MEMBERS, "pain", "decorate.with")
    assert str(caught.value) == "params.yaml: decorate.with: unknown name 'pain', did you mean 'paint'?"
    assert caught.value.hint == "known: bare, broken, paint"


GOOD: dict[str, object] = {"colour": "red", "coats": 2, "share": 0.5}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            GOOD | {"colours": 1},
            "params.yaml: decorate.paint.colours: unknown key, did you mean 'colour'? (known: colour, coats, share)",
        ),
        (
            {"colour": "red", "share": 0.5},
            "params.yaml: decorate.paint.coats: missing; every value stands in params.yaml",
        ),
        (GOOD | {"colour": "green"}, "params.yaml: decorate.paint.colour: 'green': should be 'red' or 'blue'"),
        (GOOD | {"coats": 0}, "params.yaml: decorate.paint.coats: 0: should be greater than or equal to 1"),
        (GOOD | {"coats": "2"}, "params.yaml: decorate.paint.coats: '2': should be a valid integer"),
        (
            {"colour": "x" * 99, "coats": 1.5, "share": 1},
            f"params.yaml: decorate.paint.colour: '{'x' * 56}...: should be 'red' or 'blue'\n"
            "params.yaml: decorate.paint.coats: 1.5: should be a valid integer",
        ),
    ],
)
def test_a_wrong_option_is_told_by_its_dotted_key(given: dict[str, object], message: str) -> None:
    fails(given, message)


def test_a_package_that_is_not_installed_is_told_with_the_pip_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nlpaug.augmenter.char", None)  # whether or not it was imported before
    with pytest.raises(UserError) as caught:
        registry.member({"noise": "nlpaug.augmenter.char:KeyboardAug"}, "noise", "augment.noise")
    assert str(caught.value) == "params.yaml: augment.noise: 'noise' needs a package that is not installed: nlpaug"
    assert caught.value.hint == 'type: pip install "nlpaug==1.1.11"'


def test_a_mistake_in_the_code_is_no_missing_package() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"stages\.core\.no_such"):
        registry.member(MEMBERS, "broken", "x")


def test_only_keyword_only_parameters_are_options() -> None:
    assert list(registry.option_model(paint).model_fields) == ["colour", "coats", "share"]
