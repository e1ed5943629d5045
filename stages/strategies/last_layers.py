"""The last blocks, what comes after them and the head are trained; the rest is frozen."""

from collections.abc import Callable, Mapping
from typing import Any

from stages.strategies.cut import shorten
from stages.strategies.freeze import release, train_last


def last_layers(model: Any, *, cut: Mapping[str, Any]) -> Callable[[], Any]:
    """Train from the cached hidden states where there are any; the result gives the whole model back."""
    train_last(model, cut["last_layers"])
    restore = shorten(model, cut["last_layers"]) if cut["cached"] else None

    def whole() -> Any:
        if restore:
            restore()
        release(model)
        return model

    return whole
