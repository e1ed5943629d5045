"""Cleaners joined into one function."""

from stages.cleaners.chain import UNSTABLE, chain


def test_cleaners_run_in_order_until_nothing_changes() -> None:
    clean = chain({"ab": lambda text: text.replace("ab", ""), "cd": lambda text: text.replace("cd", "")})
    assert clean("acdb") == ("", ("ab", "cd"))
    assert clean("x cd") == ("x ", ("cd",))


def test_a_text_that_nothing_changes_comes_back_without_names() -> None:
    text = "nothing to do"
    cleaned, names = chain({"strip": str.strip})(text)
    assert cleaned is text
    assert names == ()


def test_a_text_without_an_end_is_marked_unstable() -> None:
    text, names = chain({"strip": str.strip, "grow": lambda text: text + "!"})(" a")
    assert names == ("strip", "grow", UNSTABLE)
    assert text == "a" + "!" * 10


def test_no_cleaner_means_no_change() -> None:
    assert chain({})(" a ") == (" a ", ())
