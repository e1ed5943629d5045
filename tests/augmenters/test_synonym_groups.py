"""The file of synonym groups: the shipped one, and mistakes in a user's."""

from pathlib import Path

import pytest

from stages.augmenters.groups import read_groups
from stages.augmenters.protect import Protected
from stages.core.errors import UserError
from stages.core.params import checked
from tests.workplace import params

ROOT = Path(__file__).parents[2]


def test_the_shipped_file_has_groups_enough_and_no_word_that_carries_a_label() -> None:
    augment = checked(params({})).augment
    groups = read_groups(ROOT / augment.text.steps["synonym"].options["groups"])
    protected = Protected(augment.limits.protected_words)
    assert len(groups) >= 120
    assert [word for group in groups for word in group if word in protected] == []


def test_comments_blank_lines_spaces_and_a_byte_order_mark_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "groups.txt"
    path.write_text("\ufeff# goods\n\nparcel ,  big   box # two\n包裹,快递\n", encoding="utf-8")
    assert read_groups(path) == [["parcel", "big box"], ["包裹", "快递"]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"parcel, package\nshop\n", "line 2: 'shop': a group needs two words"),
        (b"parcel, package\n\nbox, Parcel\n", "line 3: 'Parcel' stands in line 1 already"),
        (b"parcel, parcel\n", "line 1: 'parcel' stands in line 1 already"),
        (b"# nothing\n", "no group of synonyms in it"),
        (b"caf\xe9, bar\n", "not UTF-8 (byte 3)"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "groups.txt"
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        read_groups(path)
    assert message in str(caught.value)


def test_a_missing_file_is_named_with_its_key(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"augment\.text\.steps\.synonym\.groups: .*none\.txt: no such file"):
        read_groups(tmp_path / "none.txt")
