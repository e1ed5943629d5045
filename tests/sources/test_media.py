"""Columns of images and sounds, in whatever form a source holds them."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stages.core.errors import UserError
from stages.core.samples import MEDIA, content_digest
from stages.sources import media as module
from stages.sources.media import media, pieces, tidy
from stages.sources.reading import BadRow, Part, Raw, Reading

WHERE = "here: fetch.columns.image"


def cells(column: pa.Array, root: Path | None = None) -> list[dict | None]:
    found, _missing = media(column, root, WHERE)
    assert found.type == MEDIA
    return found.to_pylist()


def fails(column: pa.Array, root: Path | None = None) -> tuple[str, str]:
    with pytest.raises(UserError) as caught:
        media(column, root, WHERE)
    return str(caught.value), caught.value.hint


@pytest.mark.parametrize(
    "kind",
    [
        MEDIA,
        pa.struct([("path", pa.large_string()), ("bytes", pa.large_binary())]),
        pa.struct([("bytes", pa.binary()), ("sampling_rate", pa.int64()), ("path", pa.string())]),
    ],
)
def test_a_structure_is_taken_by_the_names_of_its_fields(kind):
    column = pa.array([{"bytes": b"1", "path": "a/1.png"}, None, {"bytes": b"2", "path": None}], kind)
    expected = [{"bytes": b"1", "path": "a/1.png"}, None, {"bytes": b"2", "path": None}]
    assert cells(column) == expected
    assert cells(column.slice(1)) == expected[1:]


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.binary(1)])
def test_bytes_are_media_without_a_path(kind):
    assert cells(pa.array([b"1", None], kind)) == [{"bytes": b"1", "path": None}, None]


def test_a_column_that_a_batch_lacks_is_null():
    assert cells(pa.nulls(2)) == [None, None]


def test_text_names_files_in_the_folder(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/1.png").write_bytes(b"1")
    given = ["a/1.png", "./a//1.png", "a/../a/1.png", str(tmp_path / "a/1.png"), "", None]
    for column in (pa.array(given), pa.array(given, pa.large_string()), pa.array(given).dictionary_encode()):
        assert cells(column, tmp_path) == [{"bytes": b"1", "path": "a/1.png"}] * 4 + [None] * 2


@pytest.mark.parametrize("path", ["a/2.png", "a", "a/1.png/x", "x\0y", "https://example.org/1.png", "n" * 300])
def test_a_file_that_is_not_there_is_missing_and_keeps_its_path(tmp_path, path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/1.png").write_bytes(b"1")
    found, missing = media(pa.array(["a/1.png", path, None]), tmp_path, WHERE)
    assert missing == [1]
    assert found[1].as_py()["bytes"] is None
    assert found[1].as_py()["path"] == ("1.png" if "://" in path else path)


def test_a_structure_without_bytes_is_read_from_the_folder_or_missing_without_one(tmp_path):
    (tmp_path / "1.png").write_bytes(b"1")
    column = pa.array([{"bytes": None, "path": "1.png"}, {"bytes": b"", "path": "1.png"}], MEDIA)
    assert cells(column, tmp_path) == [{"bytes": b"1", "path": "1.png"}, {"bytes": b"", "path": "1.png"}]
    found, missing = media(column, None, WHERE)
    assert (found.to_pylist()[0], missing) == ({"bytes": None, "path": "1.png"}, [0])


@pytest.mark.parametrize("path", ["../secret", "/etc/passwd", "a/../../secret", "link"])
def test_a_path_that_leads_out_of_the_folder_is_an_error(tmp_path, path):
    (tmp_path / "secret").write_text("s")
    (tmp_path / "set").mkdir()
    (tmp_path / "set/link").symlink_to("../secret")
    told = fails(pa.array([path]), tmp_path / "set")
    assert told == (
        f"{WHERE}: '{path}' leads out of fetch.path",
        "put the files inside fetch.path, so that DVC watches them",
    )


def test_other_columns_are_refused():
    assert fails(pa.array([1]))[0] == f"{WHERE}: the column holds int64, neither bytes nor names of files"
    assert fails(pa.array([{"path": "x"}]))[0].endswith("holds struct<path: string>, neither bytes nor names of files")
    what, hint = fails(pa.array(["1.png"]))
    assert what == f"{WHERE}: the column holds text, and there is no folder in which to look for files of these names"
    assert hint == "set fetch.path to the folder that holds them, and name the table in fetch.options.files"


def test_a_file_that_is_too_large_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAX_FILE_BYTES", 3)
    (tmp_path / "1.png").write_bytes(b"1234")
    assert fails(pa.array(["1.png"]), tmp_path)[0] == f"{WHERE}: 1.png: more than 3 bytes"


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("a/b.png", "a/b.png"),
        ("./a//b.png", "a/b.png"),
        ("/home/somebody/b.png", "b.png"),
        ("C:\\pictures\\b.png", "b.png"),
        ("../b.png", "b.png"),
        ("hf://datasets/somebody/set@main/a/b.png", "b.png"),
        ("zip://a/b.png::hf://datasets/somebody/set/c.zip", "b.png"),
        ("12:30.wav", "12:30.wav"),
    ],
)
def test_a_path_is_kept_relative_or_by_its_last_part(path, kept):
    assert tidy(path) == kept
    assert cells(pa.array([{"bytes": b"1", "path": path}], MEDIA))[0]["path"] == kept


def test_a_batch_is_cut_where_its_media_would_take_too_much_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PIECE_BYTES", 10)
    for name, size in (("a", 4), ("b", 6), ("c", 1), ("d", 30), ("e", 1)):
        (tmp_path / name).write_bytes(bytes(size))
    names = pa.array(["a", "b", "c", "d", "e", "x", None])
    raw = Raw(["file", "n"], [names, pa.array(range(7))], 7, {4: BadRow(9, "odd", "row")}, blank_lines=2)
    found = list(pieces(raw, {0: WHERE}, tmp_path))
    assert [piece.columns[1].to_pylist() for piece in found] == [[0, 1], [2], [3], [4, 5, 6]]
    assert [dict(piece.bad) for piece in found] == [{}, {}, {}, {0: BadRow(9, "odd", "row")}]
    assert [piece.blank_lines for piece in found] == [2, 0, 0, 0]
    assert len(list(pieces(raw, {}, tmp_path))) == 1


@pytest.fixture
def album(tmp_path, monkeypatch, png) -> Path:
    """A folder `set` with two pictures."""
    monkeypatch.chdir(tmp_path)
    Path("set").mkdir()
    for number in (1, 2):
        Path(f"set/{number}.png").write_bytes(png(number))
    return tmp_path / "set"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", "picture,label,note\n1.png,cat,x\n3.png,dog,z\n2.png,dog,y\n4.png,,z\n"),
        (
            "t.jsonl",
            '{"picture": "1.png", "label": "cat", "note": "x"}\n{"picture": "3.png", "label": "dog", "note": "z"}\n'
            '{"picture": "2.png", "label": "dog", "note": "y"}\n{"picture": "4.png", "note": "z"}\n',
        ),
    ],
)
def test_a_table_of_names_is_read_with_its_files(album, read, png, name, content):
    (album / name).write_text(content)
    columns = {"image": "picture", "label": "label"}
    table = read("set", files=[name], columns=columns, extra="all")
    assert table["image"].to_pylist() == [
        {"bytes": png(1), "path": "1.png"},
        {"bytes": None, "path": "3.png"},
        {"bytes": png(2), "path": "2.png"},
        {"bytes": None, "path": "4.png"},
    ]
    assert table["issues"].to_pylist() == [[], ["image.missing"], [], ["image.missing"]]
    assert table["extra"].to_pylist() == [[("note", note)] for note in "xzyz"]
    ids = table["id"].to_pylist()
    assert ids[0] == content_digest([None, None, png(1), None])
    assert len({part.partition("-")[0] for part in ids}) == 4  # files that are not there are no repeats


def test_a_row_that_cannot_be_read_has_no_media(album, read):
    (album / "t.csv").write_text("picture,label\n1.png,cat\nodd\n")
    table = read("set", files=["t.csv"], columns={"image": "picture"}, bad_rows="keep")
    assert table["image"][1].as_py() is None
    assert table["issues"].to_pylist() == [[], ["row.malformed"]]


def test_a_table_alone_gives_no_folder_to_look_in(album, read):
    (album / "t.csv").write_text("picture\n1.png\n")
    with pytest.raises(UserError, match=r"^t.csv: fetch.columns.image: the column holds text, and there is no folder"):
        read("set/t.csv", columns={"image": "picture"})


def test_parquet_of_the_datasets_library_keeps_bytes_and_base_names(album, read, png):
    from datasets import Audio, Features, Image, Value

    features = Features({"image": Image(), "sound": Audio(), "caption": Value("string")})
    content = {
        "image": [{"bytes": png(7), "path": "/home/somebody/7.png"}, {"bytes": None, "path": "2.png"}, None],
        "sound": [{"bytes": b"s", "path": None}] * 3,
        "caption": ["seven", "two", "none"],
    }
    pq.write_table(pa.table(content, schema=features.arrow_schema), album / "t.parquet")
    columns = {"image": "image", "audio": "sound", "text": "caption"}
    table = read("set", files=["t.parquet"], columns=columns, extra="all")
    assert table["image"].to_pylist() == [
        {"bytes": png(7), "path": "7.png"},
        {"bytes": png(2), "path": "2.png"},
        None,
    ]
    assert table["audio"].to_pylist() == [{"bytes": b"s", "path": None}] * 3
    assert table["id"][0].as_py() == content_digest(["seven", None, png(7), b"s"])
    assert table["issues"].to_pylist() == [[], [], []]


def test_columns_of_bytes_are_noted_as_left_out_only_where_they_are_not_mapped(as_samples):
    raw = Raw(["a", "b"], [pa.array([b"1"]), pa.array([b"2"])], 1)
    reading = Reading([Part("here", None, iter([raw]), {})], "files", {})
    table = as_samples(reading, {"image": "a"}, extra="all")
    assert reading.parts[0].bytes_columns == ["b"]
    assert table["extra"].to_pylist() == [[]]
