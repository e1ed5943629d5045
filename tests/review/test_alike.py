"""Like texts of two lists: those that a comparison of all with all finds."""

import numpy as np

from review.alike import alike, similarity
from stages.cleaners import near

WORDS = [
    f"{a}{b}" for a in ("par", "del", "ver", "mon", "sat") for b in ("cel", "ivery", "sion", "ey", "urday", "ning")
]


def texts(count: int, seed: int) -> list[str]:
    random = np.random.default_rng(seed)
    return [" ".join(random.choice(WORDS, 12)) for _ in range(count)]


def edited(text: str, number: int) -> str:
    words = text.split()
    return " ".join(words[: len(words) - number % 4] + ["changed"] * (number % 3))


def test_all_pairs_at_or_above_the_threshold_are_found_with_their_similarity() -> None:
    ones = texts(60, 1)
    others = [*texts(50, 2), *(edited(text, number) for number, text in enumerate(ones[:40]))]
    wanted = {
        (i, j): found
        for i, one in enumerate(ones)
        for j, other in enumerate(others)
        if (found := similarity(one, other)) >= 0.7
    }
    pairs = alike(ones, others, threshold=0.7, most=50)
    found = {(pair.one, pair.other): pair.similarity for pair in pairs}
    assert found.items() <= wanted.items()
    assert len(found) >= 0.97 * len(wanted) > 20
    assert [pair[:2] for pair in pairs] == sorted(found)


def test_similarity_does_not_look_at_case() -> None:
    assert similarity("The Parcel", "the parcel") == 1.0
    assert similarity("abcd", "wxyz") == 0.0


def test_nothing_is_like_nothing() -> None:
    assert alike([], ["a"], threshold=0.5, most=1) == alike(["a"], [], threshold=0.5, most=1) == []


def test_rows_of_a_large_bucket_are_compared_in_turns() -> None:
    signed = np.zeros((1, 64), dtype=np.uint32)
    others = np.zeros((1000, 64), dtype=np.uint32)
    found = near.candidates_between(signed, others, threshold=0.7)
    assert near.MOST_PARTNERS < len(found) <= 1000
    assert set(found[:, 0].tolist()) == {0}
    assert len(np.unique(found[:, 1])) == len(found)


def test_candidates_between_two_lists_hold_those_within_one() -> None:
    signed = near.signatures([*texts(40, 1), *texts(40, 1)], shingle_characters=4, permutations=64)
    between = {tuple(pair) for pair in near.candidates_between(signed[:40], signed[40:], threshold=0.7).tolist()}
    within = near.candidates(signed, threshold=0.7)
    crossing = {(one, other - 40) for one, other in within.tolist() if one < 40 <= other}
    assert {(row, row) for row in range(40)} <= crossing <= between


def test_of_many_partners_the_likeliest_are_proved() -> None:
    text = " ".join(WORDS[:20])
    others = [f"{text} {'x' * length}" for length in (12, 1, 6)]
    assert [pair[:2] for pair in alike([text], others, threshold=0.5, most=1)] == [(0, 1)]
    assert [pair[:2] for pair in alike([text], others, threshold=0.5, most=9)] == [(0, 0), (0, 1), (0, 2)]
