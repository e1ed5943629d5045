"""Edits of texts, word by word, with a few words around; in Markdown and without markup of the texts' own."""

from hypothesis import given
from hypothesis import strategies as st

from review.markdown_data import marked
from review.words import GAP, edits


def test_what_went_and_what_came_stand_between_the_words_that_stayed() -> None:
    assert edits("the parcel is late", "the parcel was very late") == [
        ("kept", "the parcel "),
        ("gone", "is"),
        ("new", "was very"),
        ("kept", " late"),
    ]


def test_far_from_a_change_nothing_is_shown() -> None:
    words = " ".join(f"w{number}" for number in range(100))
    (kept, gone, new) = edits(f"{words} end", f"{words} stop")
    assert kept.text == f"{GAP}w95 w96 w97 w98 w99 "
    assert (gone, new) == (("gone", "end"), ("new", "stop"))
    first, *_, last = edits(f"start {words}", f"begin {words}")
    assert (first.kind, last.text) == ("gone", f" w0 w1 w2 w3 w4{GAP}")


def test_between_two_changes_the_middle_is_left_out() -> None:
    words = " ".join(f"w{number}" for number in range(50))
    pieces = edits(f"a {words} z", f"b {words} y")
    (kept,) = [piece.text for piece in pieces if piece.kind == "kept"]
    assert kept == f" w0 w1 w2 w3 w4{GAP}w45 w46 w47 w48 w49 "


def test_a_very_long_text_is_told_as_replaced() -> None:
    assert [piece.kind for piece in edits("a " * 5_000, "b " * 5_000)] == ["gone", "new"]


def test_in_markdown_words_of_the_data_are_no_markup() -> None:
    told = marked("fine <b>x</b> @all", "fine [x](http://y) @all")
    assert told.startswith("fine <del>&lt;b&gt;") and "<b>\\[</b>x" in told
    assert "@\u200ball" in told and "[x](" not in told
    assert marked("", "") == "" and marked("same", "same") == "same"


@given(st.text(max_size=60), st.text(max_size=60))
def test_the_pieces_make_both_texts(before: str, after: str) -> None:
    pieces = edits(before, after)
    if GAP not in before + after and all(GAP not in piece.text for piece in pieces):
        assert "".join(piece.text for piece in pieces if piece.kind != "new") == before
        assert "".join(piece.text for piece in pieces if piece.kind != "gone") == after
