"""Text cleaners that know words: emoji names, stop words, English contractions, Chinese segmentation."""

import re
from collections.abc import Iterable
from functools import cache, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from stages.cleaners import english
from stages.cleaners.chain import Cleaner
from stages.core.errors import UserError

APOSTROPHES = "['’‘ʼ＇`´]"
WORD_AND_SPACE = re.compile(r"(\w+(?:['’ʼ＇]\w+)*+)\s*+")

# Pieces of at most 100 characters: jieba's time and memory grow with the square of a piece.
CHINESE = re.compile("[\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]{1,100}")

SIGNS = ("©", "®", "™")
"""In the emoji list, yet ordinary signs in a text unless a variation selector makes pictures of them."""


def emoji(*, action: Literal["describe", "remove"]) -> Cleaner:
    """Write emoji as their English names between colons (`👍` to ` :thumbs_up: `), or remove them."""
    import emoji as library

    pictures = _emoji_runs(library.EMOJI_DATA)

    def rewrite(picture: str, data: dict[str, Any]) -> str:
        if picture in SIGNS:
            return picture
        return f" {data['en']} " if action == "describe" else " "

    @lru_cache(4096)
    def rewritten(run: str) -> str:
        return str(library.replace_emoji(run, rewrite))

    return lambda text: text if text.isascii() else pictures.sub(lambda match: rewritten(match[0]), text)


def _emoji_runs(known: Iterable[str]) -> re.Pattern[str]:
    """Runs of characters that emoji are made of, so that the library's slow search sees little else."""
    keycaps = "#*0123456789"
    first = _ranges({picture[0] for picture in known} - set(keycaps))
    later = _ranges({mark for picture in known for mark in picture} - set(keycaps) | {"\ufe0e"})
    return re.compile(rf"(?:[{keycaps}](?=\ufe0f?\u20e3)|[{first}])[{later}]{{0,100}}")


def _ranges(marks: Iterable[str], gap: int = 32) -> str:
    """Ranges of a regular expression that hold the marks and small gaps between: few ranges are fast."""
    codes = sorted(map(ord, marks))
    starts = [codes[0], *(b for a, b in pairwise(codes) if b - a > gap)]
    ends = [*(a for a, b in pairwise(codes) if b - a > gap), codes[-1]]
    return "".join(f"{chr(start)}-{chr(end)}" for start, end in zip(starts, ends, strict=True))


def stop_words(*, words: str) -> Cleaner:
    """Remove stop words and the white space after them, whatever their case.

    `words` is `english`, a short list without negations, contrasts and degrees, or a UTF-8 file of one word a
    line, `#` for comments.

    Raises:
        UserError: no such file, not UTF-8, or no word in it.
    """
    plain = english.STOP_WORDS if words == "english" else _word_file(Path(words))
    unwanted = {word.replace("'", apostrophe) for word in plain for apostrophe in "'’ʼ＇"}

    def keep(match: re.Match[str]) -> str:
        return "" if match[1].casefold() in unwanted else match[0]

    return lambda text: WORD_AND_SPACE.sub(keep, text)


def _plain_word(word: str) -> str:
    return re.sub(APOSTROPHES, "'", word.casefold())


def _word_file(path: Path) -> frozenset[str]:
    where = "params.yaml: clean.text.steps.stop_words.words"
    hint = "allowed: english, or the path of a UTF-8 file with one word a line"
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError:
        raise UserError(f"{where}: '{path}': no such file", hint) from None
    except UnicodeDecodeError as error:
        raise UserError(f"{where}: '{path}': not UTF-8 at byte {error.start}", hint) from None
    found = frozenset(_plain_word(line.strip()) for line in lines if line.strip() and not line.startswith("#"))
    if not found:
        raise UserError(f"{where}: '{path}': holds no word", hint)
    return found


def contractions() -> Cleaner:
    """Write English contractions in full: `don't` to `do not`, `we'll` to `we will`, in their own case.

    Straight and curly apostrophes count, missing ones do not (`wont` and `cant` are words). `'s` and `'d`
    stay, since they may be `is`, `has` or a possessive, `had` or `would`.
    """
    quote = APOSTROPHES
    any_apostrophe = re.compile(quote)
    # (?a:…): in Unicode, `ı` and `ſ` would count as `i` and `s`.
    irregular = re.compile(rf"\b(?a:{'|'.join(english.IRREGULAR).replace(chr(39), quote)})\b", re.IGNORECASE)
    negated = re.compile(rf"\b({'|'.join(english.NEGATED)})(n{quote}t)\b", re.IGNORECASE)
    first_person = re.compile(rf"\b(i)({quote}m)\b", re.IGNORECASE)
    suffix = re.compile(rf"(?<=[a-z])()({quote}(?:re|ve|ll))\b", re.IGNORECASE)

    def clean(text: str) -> str:
        if not any_apostrophe.search(text):
            return text
        text = irregular.sub(lambda match: _cased(english.IRREGULAR[_plain_word(match[0])], match[0]), text)
        text = negated.sub(lambda match: match[1] + _cased(" not", match[2]), text)
        text = first_person.sub(lambda match: match[1] + _cased(" am", match[2]), text)
        return suffix.sub(lambda match: _cased(english.SUFFIXES[_plain_word(match[2])], match[2]), text)

    return clean


def _cased(words: str, like: str) -> str:
    """`words` in capitals or with a capital, as `like` was written."""
    if like.isupper():
        return words.upper()
    return words.capitalize() if like[0].isupper() else words


def segment() -> Cleaner:
    """Put spaces between Chinese words, found by jieba, and around them.

    Each word is cut again until it stays whole, so that text segmented here, or by hand into jieba's words,
    stays as it is. Text without Chinese characters stays as it is; Japanese kanji count as Chinese.
    """
    tokenizer = _jieba()

    @lru_cache(65536)
    def words(run: str) -> str:
        cut: list[str] = tokenizer.lcut(run)
        return cut[0] if len(cut) == 1 else " ".join(map(words, cut))

    def spaced(match: re.Match[str]) -> str:
        before = match.string[match.start() - 1 : match.start()] if match.start() else ""
        after = match.string[match.end() : match.end() + 1]
        left = " " if before and not before.isspace() and not CHINESE.match(before) else ""
        right = " " if after and not after.isspace() else ""
        return left + words(match[0]) + right

    return lambda text: text if text.isascii() else CHINESE.sub(spaced, text)


@cache
def _jieba() -> Any:
    """A tokenizer with jieba's dictionary, filled here: jieba would log, and leave a cache in /tmp."""
    import jieba

    tokenizer = jieba.Tokenizer()
    tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(tokenizer.get_dict_file())
    tokenizer.initialized = True
    return tokenizer
