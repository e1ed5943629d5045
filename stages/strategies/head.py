"""The classification head alone is trained, on features of the frozen body."""

from collections.abc import Callable, Mapping
from typing import Any

from stages.strategies.cut import shorten
from stages.strategies.freeze import release, train_head
from stages.strategies.mean import append_mean


def head(model: Any, *, cut: Mapping[str, Any]) -> Callable[[], Any]:
    """Train from the cached features where there are any; the result gives the whole model back."""
    if cut["pooling"] == "mean":
        append_mean(model)
    train_head(model)
    restore = shorten(model, 0) if cut["cached"] else None

    def whole() -> Any:
        if restore:
            restore()
        release(model)
        return model

    return whole
