"""What samples hold is kept out of a comment, unless params.yaml says that it may be shown."""

from collections.abc import Mapping
from typing import Any

WITHHELD = (
    "What samples hold is not shown here (review.quote_samples in params.yaml); the web page and the JSON file have it."
)
CONTENTS = frozenset({"text", "content", "test_content", "train_content"})
"""Keys, at any depth of the sections on samples, whose values are texts or names of files."""
NAMES = {"name": "id", "test_name": "test_id", "train_name": "train_id"}
"""What samples are called -> their ids. Of pictures and sounds the names are those of files."""


def without_contents(review: Mapping[str, Any]) -> dict[str, Any]:
    """The sections `flips` and `data` with empty texts in place of what samples hold."""
    named = review["flips"].get("modality", "text") == "text"
    sections = {name: _emptied(review[name], named=named) for name in ("flips", "data")}
    recleaned = sections["data"].get("samples", {}).get("recleaned", {})
    for item in recleaned.get("items", []):  # the text before and after cleaning
        item |= {"before": "", "after": ""}
    return sections


def _emptied(value: Any, *, named: bool) -> Any:
    if isinstance(value, Mapping):
        ids = {} if named else {key: value[one] for key, one in NAMES.items() if key in value and one in value}
        return {key: "" if key in CONTENTS else _emptied(inner, named=named) for key, inner in value.items()} | ids
    return [_emptied(inner, named=named) for inner in value] if isinstance(value, list) else value
