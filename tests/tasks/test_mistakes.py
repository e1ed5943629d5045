"""The most confident mistakes, in order and readable."""

import numpy as np
import pytest

from stages.tasks import mistakes

GOLD = np.array([0, 0, 1, 1, 1])
PROBABILITIES = np.array([[0.9, 0.1], [0.2, 0.8], [0.8, 0.2], [0.3, 0.7], [0.99, 0.01]])
IDS = ["e", "d", "c", "b", "a"]


def test_the_most_confident_mistake_comes_first_and_equals_by_id() -> None:
    assert mistakes.most_confident(GOLD, PROBABILITIES, IDS, limit=20).tolist() == [4, 2, 1]
    assert mistakes.most_confident(GOLD, PROBABILITIES, IDS, limit=1).tolist() == [4]
    assert mistakes.most_confident(GOLD, PROBABILITIES, IDS, limit=0).tolist() == []


def test_rows_show_labels_confidence_and_text() -> None:
    texts = {"a": "so\nlate ", "c": None}
    assert mistakes.rows(GOLD, PROBABILITIES, IDS, ["bad", "good"], texts, np.array([4, 2, 1])) == [
        ("a", "good", "bad", 0.99, "so late"),
        ("c", "good", "bad", 0.8, ""),
        ("d", "bad", "good", 0.8, ""),
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\tb\r\n c", "a b c"),
        ("red\x1b[31mflag\u202e", "red [31mflag"),
        ("x" * 120, "x" * 120),
        ("x" * 121, "x" * 119 + "…"),
        ("迟到了 👍", "迟到了 👍"),
    ],
)
def test_a_text_is_one_short_visible_line(text: str, line: str) -> None:
    assert mistakes.one_line(text) == line
