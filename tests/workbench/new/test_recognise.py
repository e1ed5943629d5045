"""What DATA is: told by what is there; what no source reads is refused with what to do."""

import shutil
import zipfile
from pathlib import Path

import pytest

from stages.core.errors import UserError
from workbench.new.recognise import Files, Tables, recognise


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(*names: str, content: bytes = b"text,label\na,b\n") -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(content)


def files(data: str) -> Files:
    found = recognise(data)
    assert isinstance(found, Files)
    return found


def test_a_table_is_one_by_its_content() -> None:
    write("in/a.csv", "in/b")
    assert recognise("in/a.csv") == Tables("in/a.csv")
    assert recognise(str(Path("in/b").resolve())) == Tables("in/b")


def test_a_folder_of_tables_is_read_by_split_where_the_names_say_so() -> None:
    write("a/one.csv", "a/two.csv", "b/train.tsv", "b/my_dev.tsv", "b/test-2.tsv", "c/train.txt", "c/test.txt")
    assert recognise("a") == Tables("a", ["one.csv", "two.csv"])
    assert recognise("b") == Tables("b", {"validation": ["my_dev.tsv"], "test": ["test-2.tsv"], "train": ["train.tsv"]})
    assert recognise("c") == Tables("c", {"test": ["test.txt"], "train": ["train.txt"]})


def test_class_folders_of_pictures_are_found_in_a_folder_and_in_archives() -> None:
    write("photos/cat/1.jpg", "photos/cat/2.JPEG", "photos/dog/3.png", "photos/.hidden/4.jpg", "photos/notes.md")
    shutil.make_archive("photos", "zip", root_dir="photos")
    shutil.make_archive("photos", "gztar", root_dir="photos")
    for data in ("photos", "photos.zip", "photos.tar.gz"):
        found = files(data)
        assert (found.modality, found.index, found.splits) == ("image", None, {})
        assert sorted(member.name for member in found.members) == ["cat/1.jpg", "cat/2.JPEG", "dog/3.png"]
        assert sorted(found.suffixes) == [".jpeg", ".jpg", ".png"]


def test_the_kind_that_most_files_are_of_is_taken() -> None:
    write("mixed/a/1.wav", "mixed/b/2.wav", "mixed/b/cover.jpg")
    assert files("mixed").modality == "audio"


def test_first_folders_that_are_splits_are_taken_as_such() -> None:
    write("in/train/cat/1.jpg", "in/train/dog/2.jpg", "in/Val/cat/3.jpg")
    assert files("in").splits == {"Val": "validation", "train": "train"}
    write("odd/train/1.jpg", "odd/test/2.jpg")
    assert files("odd").splits == {}


def test_splits_one_folder_further_down_are_pointed_at() -> None:
    write("in/photos/train/cat/1.jpg", "in/photos/test/cat/2.jpg")
    with pytest.raises(UserError, match=r"the splits \(test, train\) lie one folder further down") as caught:
        recognise("in")
    assert caught.value.hint == "DATA=in/photos, of an archive once it is unpacked"


def test_a_table_beside_the_files_is_their_index() -> None:
    write("in/a.wav", "in/b.wav", "in/meta/all.csv", "in/index.csv")
    assert files("in").index == "index.csv"


@pytest.mark.parametrize(
    ("name", "content", "told", "hint"),
    [
        ("a.csv", b"", "an empty file", "give one that has rows"),
        ("a.jpg", b"\xff\xd8\xff", "one file", "a folder or archive of pictures"),
        ("a.pdf", b"%PDF-1.7", "a PDF document", "export the table"),
        ("in/notes.md", b"x", "neither tables nor pictures nor sounds", "give a table"),
        ("in/pos/1.txt", b"x", "texts in files of their own", "give a table"),
        ("in/1.jpg", b"x", "1 files and no class", "a folder a class"),
    ],
)
def test_what_cannot_be_read_is_refused(name: str, content: bytes, told: str, hint: str) -> None:
    write(name, content=content)
    with pytest.raises(UserError, match=told) as caught:
        recognise(name.partition("/")[0])
    assert hint in caught.value.hint


def test_a_workbook_is_no_archive_of_tables() -> None:
    with zipfile.ZipFile("a.xlsx", "w") as book:
        book.writestr("[Content_Types].xml", "x")
        book.writestr("xl/workbook.xml", "x")
    with pytest.raises(UserError, match="an Excel workbook") as caught:
        recognise("a.xlsx")
    assert "save the sheet as CSV" in caught.value.hint


def test_a_path_that_is_not_there_names_the_nearest_and_an_address_the_command_that_fetches_it() -> None:
    write("tickets.csv")
    with pytest.raises(UserError, match=r"no such file or folder, did you mean 'tickets\.csv'"):
        recognise("ticket.csv")
    with pytest.raises(UserError) as caught:
        recognise("https://example.org/a.csv")
    assert caught.value.hint == "fetch it first: curl --location --remote-name https://example.org/a.csv"
