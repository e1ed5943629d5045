"""HTML in a text: tags, comments, scripts, entities. Every pattern takes time linear in the text's length."""

import re
from html import unescape
from html.entities import html5

from stages.cleaners.chain import Cleaner

_BLOCKS = """
address article aside blockquote body br button caption center dd details dialog dir div dl dt fieldset
figcaption figure footer form frame frameset h1 h2 h3 h4 h5 h6 head header hr html iframe img input legend li
main menu nav noscript object ol optgroup option p pre script section select style summary table tbody td
template textarea tfoot th thead title tr ul video
"""
BLOCKS = frozenset(_BLOCKS.split())
"""Elements that separate words: their tags become a space."""

_INLINE = """
a abbr acronym area audio b base bdi bdo big canvas cite code col colgroup data datalist del dfn em embed
font i ins kbd label link map mark meta meter o:p output param picture progress q rp rt ruby s samp small
source span strike strong sub sup svg time track tt u var wbr
"""
INLINE = frozenset(_INLINE.split())
"""Elements inside a word or a sentence: their tags leave nothing."""

# Only what is written as a tag is one: a name, then attributes (with `=`, or the usual ones without a value).
# No part runs past the next `<`, and nothing possessive (`*+`) is tried again at every length: linear time.
TAG = re.compile(
    r"""
    <(?:
        /(?P<closed>[a-z][a-z0-9:]{0,14})\s*+
    |
        (?P<opened>[a-z][a-z0-9:]{0,14})(?:
            \s*+/?
        |   (?:\s++(?:async|checked|defer|disabled|hidden|multiple|nowrap|readonly|required|selected))++\s*+/?
        |   [\s/](?=[^<>]*=)(?:[^<>"']|"[^"<]*"|'[^'<]*')*+
        |   [\s/](?=[^<>]*=)[^<>]*+
        )
    )>
    """,
    re.IGNORECASE | re.VERBOSE,
)
DECLARATION = re.compile(r"<!doctype\b[^<>]*+>|<!\[(?:if|endif)\b[^<>]*+>|<\?xml\b[^<>]*+>", re.IGNORECASE)
HIDDEN = re.compile(r"<(?:(?P<comment>!--)|(?P<script>script)\b[^<>]*+>|(?P<style>style)\b[^<>]*+>)", re.IGNORECASE)
HIDDEN_END = {
    "comment": re.compile("-->"),
    "script": re.compile(r"</script\s*+>", re.IGNORECASE),
    "style": re.compile(r"</style\s*+>", re.IGNORECASE),
}
ESCAPED_AMPERSANDS = re.compile(r"&(?:(?:amp|#0*+38|#x0*+26);)++", re.IGNORECASE)
ENTITY = re.compile(
    r"&(?:#[0-9]{1,8};|#[0-9]{2,8}|#[xX][0-9a-fA-F]{2,6};?|(?P<name>[a-zA-Z][a-zA-Z0-9]{1,31};)"
    r"|(?P<open>amp|lt|gt|quot|nbsp)(?![\w=;]))"
)


def html() -> Cleaner:
    """Remove tags, comments, scripts and styles with their content; turn entities into characters.

    Tags of blocks (`<p>`, `<br>`) become a space, tags inside a sentence (`<b>`) nothing. `a < b`, `<3`, `<-`
    and names in angle brackets that HTML does not know (`<user>`) stay. Entities need their semicolon, but
    for numbers and `&amp`, `&lt`, `&gt`, `&quot`, `&nbsp` at the end of a word. A tag written in entities is
    a tag as well: otherwise the result would change when cleaned again.
    """

    def clean(text: str) -> str:
        if "<" in text:
            text = TAG.sub(_tag, DECLARATION.sub(" ", _without_hidden(text)))
        if "&" in text:
            text = ENTITY.sub(_entity, ESCAPED_AMPERSANDS.sub("&", text))
        return text

    return clean


def _without_hidden(text: str) -> str:
    """The text without comments, scripts and styles; one that is opened and never ended stays."""
    kept, position, endless = [], 0, set()
    for opening in HIDDEN.finditer(text):
        kind = opening.lastgroup or ""
        if opening.start() < position or kind in endless:
            continue
        end = HIDDEN_END[kind].search(text, opening.end())
        if end is None:
            endless.add(kind)
            continue
        kept += [text[position : opening.start()], "" if kind == "comment" else " "]
        position = end.end()
    return "".join(kept) + text[position:] if position else text


def _tag(match: re.Match[str]) -> str:
    name = (match["closed"] or match["opened"]).lower()
    if name in BLOCKS:
        return " "
    return "" if name in INLINE else match[0]


def _entity(match: re.Match[str]) -> str:
    if match["name"]:
        return html5.get(match["name"], match[0])
    if match["open"]:
        return html5[match["open"] + ";"]
    return unescape(match[0])
