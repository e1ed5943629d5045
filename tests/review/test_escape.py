"""Words of the data in Markdown: nothing in them is markup, a link, or a call of somebody."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from review.escape import code, folded, plain, plain_lines, table
from tests.workplace import quick

RENDER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
NASTY = [
    "a | b | c",
    "</code><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[click](http://evil.example)",
    "![x](http://evil.example/x.png)",
    "**bold** _it_ ~~no~~ `code`",
    "ping @everyone and @org/team",
    "see #12 and org/repo#34",
    "# heading",
    "- item",
    "1. item",
    "1) item",
    "http://evil.example and www.evil.example",
    "$x^2$ :smile:",
    "\\| \\` \\",
    "line one\nline two\r\n\n## three",
    "<!-- groundwork-review -->",
    "</details></td></table>",
    "&lt;b&gt;",
    "‮evil​",
]


def shown(markdown: str) -> str:
    """What a reader sees of rendered Markdown: its text, without the spaces that have no width."""
    html = RENDER.render(markdown)
    text = re.sub(r"<[^>]*>", "", html)
    for entity, mark in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
        text = text.replace(entity, mark)
    return text.replace("\u200b", "").strip()


def one_line(text: str) -> str:
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())


@pytest.mark.parametrize("text", NASTY)
def test_words_are_shown_as_they_are(text: str) -> None:
    for markdown in (plain(text), code(text)):
        html = RENDER.render(markdown)
        assert shown(markdown) == one_line(text)
        assert set(re.findall(r"</?(\w+)", html)) <= {"p", "code"}


@pytest.mark.parametrize("text", NASTY)
def test_a_cell_stays_one_cell(text: str) -> None:
    html = RENDER.render("\n".join(table(["a", "b"], [[code(text), plain(text)], ["x", "y"]], limit=5)))
    assert html.count("<td>") == 4
    assert set(re.findall(r"</?(\w+)", html)) == {"table", "thead", "tbody", "tr", "th", "td", "code"}


@given(st.text(max_size=60))
@quick
def test_any_text_is_shown_as_it_is(text: str) -> None:
    if one_line(text):
        assert shown(f"{code(text)} {plain(text)}") == f"{one_line(text)} {one_line(text)}"


@pytest.mark.parametrize("text", ["@somebody", "mail to a@b.example", "#12", "org/repo#12"])
def test_nobody_is_called_and_no_issue_referred_to(text: str) -> None:
    assert not re.search(r"@\w|#\d", plain(text))


@pytest.mark.parametrize("text", ["https://evil.example", "www.evil.example", "WWW.evil.example"])
def test_addresses_are_no_links(text: str) -> None:
    assert not re.search(r"(?i)(?<!\\)://|www\.", plain(text))


def test_long_texts_are_cut_and_long_messages_are_not() -> None:
    assert len(plain("word " * 100)) == 120
    assert plain_lines("word " * 60 + "\nanother") == f"{'word ' * 60}".strip() + "<br>another"


def test_a_table_says_how_many_rows_are_left_out() -> None:
    rows = [[str(number)] for number in range(5)]
    assert table(["n"], rows, limit=2, right=[0]) == [
        "| n |",
        "| ---: |",
        "| 0 |",
        "| 1 |",
        "",
        "3 rows are left out here; the JSON file has them.",
        "",
    ]
    assert table(["n"], [], limit=2) == []
    assert folded("nothing", []) == []
