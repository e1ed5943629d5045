"""Text cleaners of characters and patterns. Every pattern takes time linear in the text's length."""

import re
import string
import sys
import unicodedata
from typing import Literal

from stages.cleaners.chain import Cleaner
from stages.core.errors import UserError

# Scripts in which the zero-width joiners are part of the spelling, and what emoji sequences are made of.
JOINED_SCRIPTS = "\u0590-\u08ff\u0900-\u109f\u1780-\u18af\ua840-\ua87f"
JOINED_EMOJI = "\u2190-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff\ufe0f\u20e3\xa9\xae"
JOINED = f"[{JOINED_SCRIPTS}{JOINED_EMOJI}]"
TAGS = "\U000e0020-\U000e007f"  # they spell the flags of Wales, Scotland and England after a black flag

C1 = re.compile("[\x80-\x9f]")
TERMINAL_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
LINE_BREAK = re.compile("\r\n?|[\x0b\x0c\x1c-\x1f\x85\u2028\u2029]")
UNSEEN = (
    "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"  # C0 and C1, but tab and line breaks
    "\xad\u034f\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff"  # zero width, direction
    "\ufdd0-\ufdef\ufff9-\ufffc\ufffe\uffff\U0001d173-\U0001d17a\U000e0001"  # annotations, no characters
)
SUSPECT = re.compile(f"[{UNSEEN}{TAGS}\x0b-\x1f\x85\u200c\u200d\u2028\u2029]")
INVISIBLE = re.compile(
    f"[{UNSEEN}]|(?<!{JOINED})[\u200c\u200d]|[\u200c\u200d](?!{JOINED})|(?<![\U0001f3f4{TAGS}])[{TAGS}]+"
)

WIDE = "\u3000-\u303f\u3400-\u9fff\uff00-\uffef"  # Chinese characters and punctuation end an address
ADDRESS = re.compile(
    rf"(?:(?:https?|ftp)://(?=[\w\[])|(?<![\w.@-])www\.(?=\w)|(?<![\w.@/-])[a-z0-9-]++(?:\.[a-z0-9-]++)*\.[a-z]{{2,}}/)"
    rf"[^\s<>\"{WIDE}]*",
    re.IGNORECASE | re.ASCII,
)
ADDRESS_TAIL = ".,;:!?'…’”»*_~)]}"  # punctuation of the sentence around the address
MENTION = re.compile(r"(?<![\w+-])@\w+(?:@\w[\w.-]*\w)?")
# Looking behind only after the first character has matched is several times as fast.
NUMBER = re.compile(r"\d(?<![A-Za-z_\d].)(?<!\d[.,].)\d*(?:[.,]\d+)*")
APOSTROPHE_IN_WORD = re.compile(r"['’](?<=[^\W_].)(?=[^\W_])")


def unicode(*, repair: bool, form: Literal["NFC", "NFKC", "none"]) -> Cleaner:
    """Repair mojibake (`â€™` to `’`) with ftfy, if asked, and bring the text into a Unicode normal form.

    Entities, full-width letters, ligatures and curly quotes stay as they are; the form NFKC replaces
    full-width letters and ligatures. Lone surrogates become U+FFFD in any case: no file can hold them.
    """
    from ftfy import TextFixerConfig, fix_text
    from ftfy.badness import is_bad
    from ftfy.fixes import fix_surrogates

    config = TextFixerConfig(
        unescape_html=False,
        remove_terminal_escapes=False,
        fix_latin_ligatures=False,
        fix_character_width=False,
        uncurl_quotes=False,
        fix_line_breaks=False,
        remove_control_chars=False,
        normalization=None,  # of the whole text below: ftfy works line by line
        explain=False,
    )

    def clean(text: str) -> str:
        if text.isascii():
            return text
        if repair and (is_bad(text) or C1.search(text)):
            text = fix_text(text, config)
        text = fix_surrogates(text)
        return text if form == "none" else unicodedata.normalize(form, text)

    return clean


def control() -> Cleaner:
    """Remove control, zero-width and direction characters, byte order marks and terminal colours.

    Tabs stay, line breaks of every kind become newlines. Joiners stay inside emoji and inside words of
    scripts that spell with them (Arabic, the scripts of India); variation selectors stay.
    """

    def clean(text: str) -> str:
        if (text.isprintable() and text.isascii()) or not SUSPECT.search(text):
            return text
        return INVISIBLE.sub("", LINE_BREAK.sub("\n", TERMINAL_ESCAPE.sub("", text)))

    return clean


def whitespace() -> Cleaner:
    """Shrink runs of white space, line breaks and no-break spaces included, to one space; trim the ends."""
    return lambda text: " ".join(text.split())


def urls(*, replacement: str) -> Cleaner:
    """Replace web addresses: with a scheme, with `www.`, or a domain followed by a slash (`bit.ly/x`).

    Punctuation that ends the sentence stays, as does a closing bracket that the address did not open.

    Raises:
        UserError: the replacement would itself be replaced.
    """

    def shorten(match: re.Match[str]) -> str:
        address = match[0]
        end = address.rstrip(ADDRESS_TAIL)
        if address[len(end) : len(end) + 1] == ")" and "(" in end:
            end += ")"
        return replacement + address[len(end) :]

    def clean(text: str) -> str:
        return ADDRESS.sub(shorten, text) if "/" in text or "www." in text.lower() else text

    return _checked("urls", clean, replacement)


def mentions(*, replacement: str) -> Cleaner:
    """Replace `@name` and `@name@server`; e-mail addresses stay.

    Raises:
        UserError: the replacement would itself be replaced by something else.
    """

    def clean(text: str) -> str:
        return MENTION.sub(lambda _: replacement, text) if "@" in text else text

    return _checked("mentions", clean, replacement)


def numbers(*, replacement: str) -> Cleaner:
    """Replace numbers with their separators (`1,299.50`); digits after a Latin letter stay (`gr8`, `mp3`).

    Raises:
        UserError: the replacement would itself be replaced by something else.
    """
    return _checked("numbers", lambda text: NUMBER.sub(lambda _: replacement, text), replacement)


def punctuation() -> Cleaner:
    """Put a space for every script's punctuation and for ASCII symbols; inside a word, `'` just goes."""
    marks = (code for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code))[0] == "P")
    spaces = dict.fromkeys([*marks, *map(ord, string.punctuation)], " ")

    def clean(text: str) -> str:
        return APOSTROPHE_IN_WORD.sub("", text).translate(spaces)

    return clean


def case() -> Cleaner:
    """Turn every letter into its lower case."""
    return str.lower


def _checked(name: str, clean: Cleaner, replacement: str) -> Cleaner:
    if clean(replacement) != replacement:
        raise UserError(
            f"params.yaml: clean.text.steps.{name}.replacement: '{replacement}' would itself be replaced",
            "choose a word that is not of the kind being replaced, such as [URL]",
        )
    return clean
