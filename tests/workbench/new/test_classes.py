"""Spellings of one class are found, classes that differ stay apart, and answers that are no class are left out."""

import pytest

from stages.core.errors import UserError
from workbench.new.classes import find_classes

MESSY = {
    "Billing": 120,
    "billing": 80,
    "BILLING": 15,
    "biling": 9,
    "billing.": 4,
    "Billing issue": 12,
    "bill": 6,
    "Delivery": 150,
    "delievry": 8,
    "Praise": 50,
    "praise!": 10,
    "n/a": 15,
    "???": 3,
    "spam": 4,
}


def test_spellings_that_differ_in_case_punctuation_or_a_letter_or_two_are_one_class() -> None:
    classes = find_classes(MESSY)
    assert classes.rows == {"Billing": 246, "Delivery": 158, "Praise": 60}
    assert classes.others == {"n/a": 15, "???": 3, "spam": 4}
    assert set(classes.guessed) == {"biling", "Billing issue", "bill", "delievry"}


def test_the_map_holds_what_trimming_and_case_do_not_settle() -> None:
    classes = find_classes(MESSY)
    same = {"biling": "Billing", "billing.": "Billing", "Billing issue": "Billing", "bill": "Billing"}
    rest = {"delievry": "Delivery", "praise!": "Praise"}
    assert classes.renamed(casefold=True) == {**same, **rest}
    assert classes.renamed(casefold=False) == {"billing": "Billing", "BILLING": "Billing", **same, **rest}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("happy", "unhappy"),
        ("satisfied", "dissatisfied"),
        ("hotel", "motel"),
        ("class 1", "class 2"),
        ("plan a", "plan b"),
        ("1", "10"),
        ("2020", "2021"),
        ("male", "female"),
        ("positive", "negative"),
        ("猫", "狗"),
    ],
)
def test_names_that_look_alike_and_mean_something_else_stay_apart(one: str, other: str) -> None:
    assert find_classes({one: 400, other: 20}).rows == {one: 400, other: 20}


def test_a_name_as_frequent_as_another_is_no_misspelling_of_it() -> None:
    assert find_classes({"deposit": 100, "deposits": 80}).rows == {"deposit": 100, "deposits": 80}
    assert find_classes({"deposit": 100, "deposits": 12, "refund": 50}).rows == {"deposit": 112, "refund": 50}


def test_a_name_that_may_be_each_of_two_classes_is_neither() -> None:
    assert find_classes({"billing a": 100, "billing b": 100, "billing": 20, "bil": 3}).others == {"bil": 3}


def test_classes_that_are_given_are_taken_however_rare() -> None:
    classes = find_classes({"cat": 50, "dog": 3, "bird": 40}, ["cat", "dog"])
    assert (classes.rows, classes.others) == ({"cat": 50, "dog": 3}, {"bird": 40})
    assert find_classes({"cat": 5}, ["cat", "dog"]).rows == {"cat": 5, "dog": 0}


def test_numbers_are_in_their_order_and_others_by_letter() -> None:
    assert list(find_classes({str(number): 20 for number in (10, 9, 2)}).rows) == ["2", "9", "10"]


def test_where_all_are_rare_each_answer_is_a_class() -> None:
    assert find_classes({"cat": 4, "dog": 3}).rows == {"cat": 4, "dog": 3}


@pytest.mark.parametrize("counts", [{}, {"cat": 100}, {"cat": 100, "n/a": 50}])
def test_one_class_is_refused(counts: dict[str, int]) -> None:
    with pytest.raises(UserError, match="class with 10 rows or more") as caught:
        find_classes(counts)
    assert "LABEL=column" in caught.value.hint
