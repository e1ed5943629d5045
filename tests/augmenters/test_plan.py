"""How many copies each original gets."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.augmenters.plan import plan
from stages.core.errors import UserError

PLAIN = {"seed": 1, "copies": 0, "share": 1.0, "balance": "none", "max_copies": 3}


def planned(labels: list[str | None], **changes: object) -> list[int]:
    options = {**PLAIN, **changes}
    return plan([f"s{i}" for i in range(len(labels))], labels, **options).copies.tolist()  # type: ignore[arg-type]


def test_nothing_is_wanted_by_default() -> None:
    assert planned(["a", "b", "b"]) == [0, 0, 0]


def test_every_original_gets_its_copies_and_others_none() -> None:
    assert planned(["a", None, "b"], copies=2) == [2, 0, 2]


def test_the_largest_class_is_the_target_and_the_limit_holds() -> None:
    assert planned(["a"] * 9 + ["b", "b", "c"], balance="largest") == [0] * 9 + [3, 3, 3]
    found = planned(["a"] * 5 + ["b"] * 3, balance="largest")
    assert found[:5] == [0] * 5
    assert sorted(found[5:]) == [0, 1, 1]


def test_classes_can_have_their_own_targets() -> None:
    result = plan(["w", "x", "y", "z"], ["a", "a", "b", None], **{**PLAIN, "balance": {"b": 3, "a": 1}})  # type: ignore[arg-type]
    assert result.copies.tolist() == [0, 0, 2, 0]
    assert (result.total, result.originals, result.wanted) == (2, {"a": 2, "b": 1}, {"a": 2, "b": 3})


def test_balance_comes_on_top_of_copies() -> None:
    assert planned(["a", "a", "a", "b", "b"], copies=1, balance="largest") == [1, 1, 1, 2, 2]


def test_a_share_of_originals_is_chosen_and_grows() -> None:
    labels: list[str | None] = ["a"] * 400
    third, half = (np.array(planned(labels, copies=1, share=share)) for share in (0.3, 0.5))
    assert 90 < third.sum() < 150
    assert (third <= half).all()
    assert planned(labels, copies=1, share=0.0) == [0] * 400
    assert planned(labels, copies=1, share=1.0) == [1] * 400


def test_another_seed_chooses_others() -> None:
    labels: list[str | None] = ["a"] * 50
    assert planned(labels, copies=1, share=0.5) != planned(labels, copies=1, share=0.5, seed=2)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    labels=st.lists(st.sampled_from(["a", "b", "c", None]), max_size=40),
    copies=st.integers(0, 2),
    share=st.sampled_from([0.0, 0.4, 1.0]),
    balance=st.sampled_from(["none", "largest"]),
    order=st.randoms(use_true_random=False),
)
def test_the_plan_keeps_its_word(labels, copies, share, balance, order) -> None:
    options = {**PLAIN, "copies": copies, "share": share, "balance": balance}
    ids = [f"s{i}" for i in range(len(labels))]
    result = plan(ids, labels, **options)
    by_id = dict(zip(ids, result.copies.tolist(), strict=True))
    places = list(range(len(ids)))
    order.shuffle(places)
    again = plan([ids[i] for i in places], [labels[i] for i in places], **options)
    assert {ids[i]: n for i, n in zip(places, again.copies.tolist(), strict=True)} == by_id
    assert (again.originals, again.wanted) == (result.originals, result.wanted)
    assert all(count == 0 for count, label in zip(by_id.values(), labels, strict=True) if label is None)
    assert all(0 <= count <= 3 for count in by_id.values())
    for label, originals in result.originals.items():
        mine = [count for count, name in zip(by_id.values(), labels, strict=True) if name == label]
        assert originals + sum(mine) == min(result.wanted[label], 4 * originals)
        if share in (0.0, 1.0):
            assert max(mine) - min(mine) <= 1


def test_more_copies_than_the_limit_is_a_mistake() -> None:
    with pytest.raises(UserError, match=r"augment\.copies: 4 is more than augment\.max_copies \(3\)"):
        planned(["a"], copies=4)


def test_a_target_for_a_label_that_no_original_has_is_a_mistake() -> None:
    with pytest.raises(UserError, match="no original is labelled 'positiv', did you mean 'positive'") as caught:
        planned(["positive", "negative"], balance={"positiv": 3})
    assert caught.value.hint == "labels that occur: negative, positive"
