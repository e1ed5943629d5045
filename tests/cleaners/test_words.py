"""Cleaners that know words."""

import tempfile
from pathlib import Path

import pytest

from stages.cleaners import english, words
from stages.core.errors import UserError


@pytest.mark.parametrize(
    ("given", "described", "removed"),
    [
        ("great 👍", "great  :thumbs_up: ", "great  "),
        ("👩\u200d💻👍🏽", " :woman_technologist:  :thumbs_up_medium_skin_tone: ", "  "),
        ("1️⃣ 🇩🇪 ❤ ❤️", " :keycap_1:   :Germany:   :red_heart:   :red_heart: ", "       "),
        ("hi👋there", "hi :waving_hand: there", "hi there"),
        ("© 2020 → 5 # é 你好", "© 2020 → 5 # é 你好", "© 2020 → 5 # é 你好"),
    ],
)
def test_emoji_are_described_or_removed(given: str, described: str, removed: str) -> None:
    assert words.emoji(action="describe")(given) == described
    assert words.emoji(action="remove")(given) == removed


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("The cat is on the mat", "cat mat"),
        ("It is not good but I don't hate it", "not good but don't hate "),
        ("It’s late, and I'm unhappy", "late, unhappy"),
        ("theme isle another's", "theme isle another's"),
    ],
)
def test_stop_words_go_and_negations_stay(given: str, expected: str) -> None:
    assert words.stop_words(words="english")(given) == expected


@pytest.mark.parametrize("word", ["no", "not", "nor", "never", "none", "nothing", "without", "cannot", "but", "very"])
def test_the_english_list_keeps_words_that_carry_the_label(word: str) -> None:
    assert word not in english.STOP_WORDS


def test_stop_words_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("# mine\nFoo\n\nisn't\n", encoding="utf-8")
    assert words.stop_words(words=str(path))("foo the Foo isn’t bar") == "the bar"


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "no such file"), (b"", "holds no word"), (b"caf\xe9", "not UTF-8 at byte 3")],
)
def test_a_file_without_stop_words_is_a_clear_error(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "words.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        words.stop_words(words=str(path))
    assert str(caught.value).startswith("params.yaml: clean.text.steps.stop_words.words: ")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("don't Don’t DON'T isn`t", "do not Do not DO NOT is not"),
        ("can't Can't CAN'T won't shan't ain't", "cannot Cannot CANNOT will not shall not is not"),
        ("I'm I'M i’m we'll WE'LL they've you're", "I am I AM i am we will WE WILL they have you are"),
        ("wouldn't've Let's y'all", "would not have Let us you all"),
        (
            "it's John's he'd cant wont ma'am o'clock rock'n'roll",
            "it's John's he'd cant wont ma'am o'clock rock'n'roll",
        ),
    ],
)
def test_contractions_are_written_in_full_in_their_own_case(given: str, expected: str) -> None:
    assert words.contractions()(given) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("我来到北京清华大学", "我 来到 北京 清华大学"),
        ("你好，世界！", "你好 ， 世界 ！"),
        ("iPhone手机很好 ok", "iPhone 手机 很 好 ok"),
        ("我 来到 北京 清华大学", "我 来到 北京 清华大学"),
        ("plain café", "plain café"),
    ],
)
def test_segment_puts_spaces_between_chinese_words(given: str, expected: str) -> None:
    assert words.segment()(given) == expected


def test_segment_is_silent_and_leaves_no_cache_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    words._jieba.cache_clear()
    assert words.segment()("北京大学") == "北京大学"
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")
