"""The HTML cleaner."""

import pytest

from stages.cleaners.markup import html


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("<p>Hello<br>world<br/>!</p>", " Hello world ! "),
        ("<b>W</b>ord and <A HREF='x'>link</A>", "Word and link"),
        ('<img alt="5 > 3" src=x>ok <input disabled>', " ok  "),
        ('<a href="unclosed>text</a><o:p></o:p>', "text"),
        ("a<!-- <b>x</b> -->b<script type=x>if (a<b) c()</script>d<style>p {}</style>", "ab d "),
        ("<!DOCTYPE html><?xml version='1.0'?><![endif]>x", "   x"),
    ],
)
def test_tags_comments_and_scripts_are_removed(given: str, expected: str) -> None:
    assert html()(given) == expected


@pytest.mark.parametrize(
    "kept",
    [
        "I <3 you",
        "a < b, 5<6 and 7>6",
        "<- back ->",
        "x<y and y>z",
        "a<b and c>d",
        "if a<b=c>d",
        "<user> <http://x.y> <a@b.c>",
        "<!-- never ended",
        "<>",
        "R&D, this&not that, ?a=1&lt=2, &foo;",
    ],
)
def test_what_only_looks_like_markup_stays(kept: str) -> None:
    assert html()(kept) == kept


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("AT&amp;T &copy; &hellip; &AMP;", "AT&T © … &"),
        ("it&#39;s &#x27;ok&#x27; you&#39re", "it's 'ok' you're"),
        ("&lt;3 a &lt b &gt", "<3 a < b >"),
        ("a&nbsp;b &nbsp c", "a\xa0b \xa0 c"),
        ("&amp;amp;amp;lt;", "<"),
        ("&#0; &#xD800; &#99999999;", "\ufffd \ufffd \ufffd"),
    ],
)
def test_entities_become_characters(given: str, expected: str) -> None:
    assert html()(given) == expected
