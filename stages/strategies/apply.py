"""A strategy applied: what is trained, and how the ordinary model comes out of it."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from stages.core.errors import UserError
from stages.core.registry import member
from stages.strategies import STRATEGIES
from stages.strategies.dropout import quick_dropout
from stages.strategies.front import front_only


def prepare(
    model: Any, strategy: str, *, cut: Mapping[str, Any] | None, lora: Mapping[str, Any] | None
) -> Callable[[], Any]:
    """Apply a strategy to a model, in place; the result gives the ordinary, whole model to save.

    A member of the registry takes the model and, as keywords, those of `cut` and `lora` that it names. It returns
    nothing, or a function that gives the ordinary, whole model once it is trained.

    Raises:
        UserError: an unknown strategy, one that the model cannot have, or inputs that were encoded for another.
    """
    function = member(STRATEGIES, strategy, "strategy")
    wanted = inspect.signature(function).parameters
    given = {name: value for name, value in {"cut": cut, "lora": lora}.items() if name in wanted}
    if ("cut" in wanted) != (cut is not None):
        raise UserError(f"data/encoded was not made for strategy: {strategy}", "run `dvc repro`")
    if given.get("lora", {}) is None:
        raise UserError("params.yaml: finetune.lora: missing", "see recipes/texts.yaml")
    make_whole = function(model, **given) or (lambda: model)
    undone = [front_only(model), quick_dropout(model)]

    def whole() -> Any:
        for undo in undone:
            undo()
        return make_whole()

    return whole
