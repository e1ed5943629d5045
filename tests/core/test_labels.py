"""Labels: one name a class."""

from typing import Any

import pytest

from stages.core.errors import UserError
from stages.core.labels import normaliser

ALL: dict[str, Any] = {
    "labels": ["Positive", "negative"],
    "strip": True,
    "casefold": True,
    "mapping": {"good": "Positive", "SCHLECHT ": "negative"},
}


@pytest.mark.parametrize(
    ("changes", "label", "expected"),
    [
        ({}, "Positive", "Positive"),
        ({}, " POSITIVE\n", "Positive"),
        ({}, "Good", "Positive"),
        ({}, "schlecht", "negative"),
        ({}, " mixed ", "mixed"),
        ({"casefold": False}, "positive", "positive"),
        ({"casefold": False}, " Positive", "Positive"),
        ({"strip": False}, " Positive", " Positive"),
        ({"strip": False}, "GOOD", "Positive"),
        ({"labels": []}, " anything ", "anything"),
        ({"labels": []}, "good", "Positive"),
    ],
)
def test_a_label_becomes_the_class_it_means(changes: dict[str, Any], label: str, expected: str) -> None:
    normalise = normaliser(**ALL | changes)
    assert normalise(label) == expected
    assert normalise(expected) == expected


def test_a_mapping_to_something_that_is_no_class_is_refused() -> None:
    with pytest.raises(UserError) as caught:
        normaliser(**ALL | {"mapping": {"good": "positive", "bad": "negative"}})
    assert str(caught.value) == "params.yaml: clean.labels.map: not among `labels`: positive, did you mean 'Positive'?"
    assert caught.value.hint == "labels has: Positive, negative; add the class there, or map to one of these"
