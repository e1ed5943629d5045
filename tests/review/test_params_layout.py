"""params.yaml as DVC writes it: `-S` changes the lines of one value, and no comment is lost."""

import copy
import difflib
from pathlib import Path
from typing import Any

import pytest
from dvc.utils.hydra import apply_overrides

from review.params import look_at_layout
from review.params_layout import is_laid_out, lay_out
from review.params_lines import comments
from stages.core.params import parse, parse_text
from tests import workplace
from tests.workplace import ROOT

SHIPPED = sorted((ROOT / "recipes").glob("*.yaml"))
OLD = """\
# What is wanted.

task: classification            # classification | regression
labels: [negative, "no"] # the classes; []: whatever occurs
decode: null                    # of images

clean:
  order: [unicode, html,
    case]
  steps:                        # in that order
    language: {enabled: false, language: en, min_confidence: 0.95, min_characters: 40, more: 12345} # by py3langid
    urls: {enabled: false, replacement: "[URL]"}
  words: [a, b]                 # never touched
                                # whatever happens
  # of all steps
  share: 0.5
  reject: []                    # none yet

last: {a: 1}
"""
NEW = """\
# What is wanted.

task: classification            # classification | regression
                                # labels: the classes; []: whatever occurs
labels:
- negative
- no
decode:                         # of images

clean:
  order:
  - unicode
  - html
  - case
  steps:                        # in that order
    language:                   # by py3langid
      enabled: false
      language: en
      min_confidence: 0.95
      min_characters: 40
      more: 12345
    urls: {enabled: false, replacement: '[URL]'}
                                # words: never touched
  words:
  - a
  - b
  share: 0.5                    # whatever happens
                                # of all steps
                                # reject: none yet
  reject: []

last: {a: 1}
"""


def put(text: str, folder: Path) -> Path:
    path = folder / "params.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def changed(before: str, after: str) -> list[str]:
    """The lines that differ."""
    lines = difflib.ndiff(before.splitlines(), after.splitlines())
    return [line for line in lines if line[0] in "+-"]


def lists(content: Any, prefix: str = "") -> dict[str, list[Any]]:
    """Lists by dotted key, of mappings whose keys have no dots."""
    found = {}
    for key, value in content.items():
        if isinstance(value, dict) and "." not in key:
            found |= lists(value, f"{prefix}{key}.")
        elif isinstance(value, list) and "." not in key:
            found[f"{prefix}{key}"] = value
    return found


def test_the_old_layout_becomes_that_of_dvc_with_the_same_values_and_comments(tmp_path: Path) -> None:
    found = lay_out(OLD)
    assert found.text == NEW
    assert found.lost == []
    assert lay_out(NEW).text == NEW
    assert parse(put(OLD, tmp_path)) == parse(put(NEW, tmp_path))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_file_is_laid_out_so(path: Path) -> None:
    assert is_laid_out(path.read_text(encoding="utf-8")), "python -m review.params --lay-out"


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_an_override_that_changes_nothing_leaves_every_byte(path: Path, tmp_path: Path) -> None:
    edited = put(path.read_text(encoding="utf-8"), tmp_path)
    apply_overrides(edited, [])
    assert edited.read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("override", "lines"),
    [
        (
            "lr=2e-5",
            ["- lr: 5e-5                        # peak learning rate", "+ lr: 2e-05                       # peak "],
        ),
        ("evaluate.mistakes=30", ["-   mistakes: 20  ", "+   mistakes: 30  "]),
        ("strategy=head", ["- strategy: full ", "+ strategy: head "]),
        ("finetune.batch_tokens=4096", ["-   batch_tokens:  ", "+   batch_tokens: 4096 "]),
        ("finetune.max_grad_norm=null", ["-   max_grad_norm: 1.0 ", "+   max_grad_norm:  "]),
        ("finetune.group_by_length=false", ["-   group_by_length: true ", "+   group_by_length: false "]),
        ("+fetch.splits={dev: validation}", ["-   splits: {} ", "+   splits: ", "+     dev: validation"]),
        ("review.slices=[channel]", ["-   slices: []", "+   slices:", "+   - channel"]),
        ("~clean.labels.map.postive", ["-       postive: positive"]),
        ("clean.labels.map={}", []),  # Hydra merges
        ("labels=[]", ["- labels:", "+ labels: []", "- - negative", "- - neutral", "- - positive"]),
        ("fetch.licence='a text: with marks'", ["-   licence: CC0-1.0 ", "+   licence: 'a text: with marks' "]),
    ],
)
def test_an_override_changes_the_lines_of_its_value_alone(tmp_path: Path, override: str, lines: list[str]) -> None:
    text = workplace.text()
    path = put(text, tmp_path)
    apply_overrides(path, [override])
    after = path.read_text(encoding="utf-8")
    found = changed(text, after)
    assert len(found) == len(lines) and all(map(str.startswith, found, lines)), found
    assert comments(after) == comments(text)


@pytest.mark.parametrize("name", ["messages", "digits", "speech-digits", "sick"])
def test_every_list_can_be_emptied_and_filled_and_no_comment_is_lost(name: str, tmp_path: Path) -> None:
    text = workplace.text(f"recipes/{name}.yaml")
    content, edited = parse_text(text), put(text, tmp_path)
    wanted = copy.deepcopy(content)
    assert len(lists(content)) >= 6
    for value in ([], ["one", "two"], []):
        apply_overrides(edited, [f"{key}=[{','.join(value)}]" for key in lists(content)])
        for key in lists(content):
            *blocks, last = key.split(".")
            block = wanted
            for name in blocks:
                block = block[name]
            block[last] = value
        assert parse(edited) == wanted
        assert sorted(comments(edited.read_text(encoding="utf-8"))) == sorted(comments(text))
    apply_overrides(edited, [f"{key}=[{','.join(map(repr, value))}]" for key, value in lists(content).items()])
    assert parse(edited) == content
    assert sorted(comments(edited.read_text(encoding="utf-8"))) == sorted(comments(text))


@pytest.mark.parametrize("text", ["a: |\n  - x\n  # text\nb: 1\n", "a: 'x\n\n  - y\n  # z'\nb: [1, 2] # c\n"])
def test_a_text_whose_lines_look_like_items_and_comments_is_left_alone_and_told(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layout = lay_out(text)
    assert (layout.text, layout.refused, is_laid_out(text)) == (text, True, False)
    path = put(text, tmp_path)
    look_at_layout(path, write=True)
    assert path.read_text(encoding="utf-8") == text
    assert f"{path}: not laid out as DVC writes it: write texts of several lines on one" in plain(capsys)


@pytest.mark.parametrize("write", [False, True])
def test_a_file_in_another_layout_is_told_with_the_command_or_laid_out(
    write: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = put(OLD, tmp_path)
    look_at_layout(path, write=write)
    assert path.read_text(encoding="utf-8") == (NEW if write else OLD)
    told = "laid out as DVC writes it" if write else f"python -m review.params --lay-out {path}"
    assert told in plain(capsys)


def plain(capsys: pytest.CaptureFixture[str]) -> str:
    """What was printed, without the ends of lines, which are where a terminal is narrow."""
    written = capsys.readouterr()
    return " ".join((written.out + written.err).split())


def test_what_finds_no_place_is_told() -> None:
    found = lay_out("a: 1\nb: [1, 2]\n# the end\n")
    assert found.text.endswith("b:\n- 1\n- 2\n") and comments(found.text) + found.lost == ["# the end"]
