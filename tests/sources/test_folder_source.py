"""The source `folder`: class folders, splits, an index, limits, links; memory."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from stages.core.errors import UserError
from stages.core.registry import build
from stages.sources import SOURCES
from stages.sources import folder as module

BOTH = {"image": "file", "label": "label"}


def write(files: dict[str, bytes | str], root: str = "set") -> None:
    for name, content in files.items():
        path = Path(root, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def fails(act: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(UserError) as caught:
        act()
    return str(caught.value), caught.value.hint


def test_a_folder_is_its_files_class_and_rows_come_by_name(open_folder, as_samples, png):
    write({"dog/b.png": png(2), "cat/a.PNG": png(1), "a/cat/c.png": png(3), "root.png": png(4)})
    reading = open_folder("set", suffixes=[".png"])
    table = as_samples(reading, BOTH, extra=["name"])
    assert table["image"].to_pylist() == [
        {"bytes": png(3), "path": "a/cat/c.png"},
        {"bytes": png(1), "path": "cat/a.PNG"},
        {"bytes": png(2), "path": "dog/b.png"},
        {"bytes": png(4), "path": "root.png"},
    ]
    assert table["label"].to_pylist() == ["cat", "cat", "dog", None]
    assert table["extra"][0].as_py() == [("name", "a/cat/c.png")]
    assert set(table["source"].to_pylist()) == {"set"}
    assert table["split"].to_pylist() == [None] * 4


def test_the_same_bytes_under_another_name_are_a_repeat(open_folder, as_samples, png):
    write({"cat/1.png": png(1), "cat/2.png": png(1), "dog/1.png": png(2)})
    ids = as_samples(open_folder("set"), BOTH)["id"].to_pylist()
    assert ids[1] == f"{ids[0]}-1"
    assert ids[2].partition("-")[0] != ids[0]


def test_sounds_are_read_like_pictures(open_folder, as_samples, wav):
    write({"yes/1.wav": wav(1), "no/1.wav": wav(2)})
    table = as_samples(open_folder("set"), {"audio": "file", "label": "label"})
    assert table["audio"].to_pylist() == [
        {"bytes": wav(2), "path": "no/1.wav"},
        {"bytes": wav(1), "path": "yes/1.wav"},
    ]


def test_the_first_folder_is_the_split_where_that_is_asked_for(open_folder, as_samples, png):
    write({"val/dog/1.png": png(1), "train/cat/1.png": png(2), "train/dog/1.png": png(3), "train/0.png": png(4)})
    reading = open_folder("set", splits_from_folders=True)
    table = as_samples(reading, BOTH, splits={"val": "validation"})
    assert table["split"].to_pylist() == ["train", "train", "train", "validation"]
    assert table["label"].to_pylist() == [None, "cat", "dog", "dog"]
    assert reading.provenance()["parts"] == [
        {"name": "set/train", "split": "train", "rows": 3, "blank_lines": 0},
        {"name": "set/val", "split": "val", "rows": 1, "blank_lines": 0},
    ]


def test_a_file_outside_of_every_split_is_told(open_folder):
    write({"train/cat/1.png": b"1", "labels.csv": b"2"})
    what, hint = fails(lambda: open_folder("set", splits_from_folders=True))
    assert what == "set: labels.csv: in no folder, and so in no split"
    assert hint == "move it, leave its suffix out of fetch.options.suffixes, or see splits_from_folders"


def test_what_is_passed_over_is_counted_and_told(open_folder, as_samples, capsys):
    write({"cat/1.png": "1", "cat/.DS_Store": "", "__MACOSX/cat/._1.png": "", "Thumbs.db": "", "read.me": "", "2": ""})
    reading = open_folder("set", suffixes=[".png"])
    as_samples(reading, BOTH)
    about = reading.provenance()
    assert {key: about[key] for key in ("name", "kind", "bytes", "files", "hidden_files", "other_files")} == {
        "name": "set",
        "kind": "folder",
        "bytes": 1,
        "files": 1,
        "hidden_files": 3,
        "other_files": 2,
    }
    assert "set: files passed over: 3 hidden, 2 of other suffixes" in capsys.readouterr().out


def test_the_digest_is_that_of_sha256sum_over_the_sorted_files(open_folder, as_samples):
    write({"b/1": "one", "a/2": "two"})
    reading = open_folder("set")
    as_samples(reading, BOTH)
    lines = "".join(f"{hashlib.sha256(c).hexdigest()}  {n}\n" for n, c in (("a/2", b"two"), ("b/1", b"one")))
    assert reading.provenance()["sha256"] == hashlib.sha256(lines.encode()).hexdigest()


INDEX = """file,label,group,split,"note, long"
clips/b.wav,yes,ann,train,x
clips/a.wav,no,bob,test,
clips/b.wav,no,,train,z
"""
MAPPED = {"audio": "file", "label": "label", "group": "group", "split": "split"}


def test_an_index_gives_the_rows_their_order_and_their_columns(open_folder, as_samples, wav):
    write({"index.csv": INDEX, "clips/a.wav": wav(1), "clips/b.wav": wav(2), "clips/c.wav": wav(3), "read.me": ""})
    reading = open_folder("set", suffixes=[".wav"], index="index.csv")
    table = as_samples(reading, MAPPED, extra="all")
    assert [cell["path"] for cell in table["audio"].to_pylist()] == ["clips/b.wav", "clips/a.wav", "clips/b.wav"]
    assert [cell["bytes"] for cell in table["audio"].to_pylist()] == [wav(2), wav(1), wav(2)]
    assert table["label"].to_pylist() == ["yes", "no", "no"]
    assert table["group"].to_pylist() == ["ann", "bob", table["id"][2].as_py()]
    assert table["split"].to_pylist() == ["train", "test", "train"]
    assert table["extra"][0].as_py() == [("name", "clips/b.wav"), ("note, long", "x")]
    about = reading.provenance()
    assert (about["files"], about["unlisted_files"], about["other_files"]) == (2, 1, 1)
    assert about["bytes"] == len(wav(1)) * 2
    sha256 = hashlib.sha256(INDEX.encode()).hexdigest()
    assert about["index"] == {"name": "index.csv", "bytes": len(INDEX), "sha256": sha256}


def test_an_index_may_be_json_lines_with_names_from_its_own_folder(open_folder, as_samples):
    write({"meta/index.jsonl": '{"path": "a.wav", "n": 1}\n{"path": "b.wav", "take": 2}\n'})
    write({"meta/a.wav": "1", "audio/b.wav": "2"})
    reading = open_folder("set", index="meta/index.jsonl", file_column="path")
    table = as_samples(reading, {"audio": "file"}, extra="all")
    assert [cell["path"] for cell in table["audio"].to_pylist()] == ["meta/a.wav", "audio/b.wav"]
    assert table["extra"].to_pylist() == [
        [("name", "meta/a.wav"), ("path", "a.wav"), ("n", "1")],
        [("name", "audio/b.wav"), ("path", "b.wav"), ("take", "2")],
    ]


def test_an_index_finds_its_own_delimiter_and_may_have_a_column_called_file(open_folder, as_samples):
    write({"i.csv": "url;file;name\n1.png;x;first\n", "1.png": "1"})
    table = as_samples(open_folder("set", index="i.csv", file_column="url"), {"image": "file"}, extra="all")
    assert table["image"].to_pylist() == [{"bytes": b"1", "path": "1.png"}]
    assert table["extra"].to_pylist() == [[("url", "1.png"), ("file (index)", "x"), ("name", "first")]]


WHERE_IN = "names are looked for from fetch.path, from the index's own folder, and as the end of exactly one path"


@pytest.mark.parametrize(
    ("index", "what", "hint"),
    [
        ("file\na.wav\nx.wav\n../a.wav\n", "set/i.csv: 2 of 3 files are not there: x.wav, ../a.wav", WHERE_IN),
        (
            "file\n" + "".join(f"{n}.wav\n" for n in range(9)),
            "set/i.csv: 9 of 9 files are not there: 0.wav, 1.wav, 2.wav, 3.wav, 4.wav, …",
            WHERE_IN,
        ),
        ("file\nb.wav\n", "set/i.csv: row 1: 'b.wav' may be each of u/b.wav, v/b.wav", WHERE_IN),
        ("file,n\na.wav,1\n,2\n", "set/i.csv: row 2 names no file", "correct the row"),
        ("file,n\na.wav\n", "set/i.csv: line 2: expected 2 columns, found 1: 'a.wav'", "correct the line"),
        (
            "files\na.wav\n",
            "set/i.csv: no column 'file', did you mean 'files'?",
            "set fetch.options.file_column to the one that names the files",
        ),
        ("file\n", "set/i.csv: no rows", "name a file that has rows in fetch.options.index"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "", "name a CSV or JSON lines file in fetch.options.index"),
        (
            b"file\ncaf\xe9.wav\n",
            "set/i.csv: not UTF-8: 'utf-8' codec can't decode byte 0xe9 in position 8: invalid continuation byte",
            "save the index as UTF-8",
        ),
    ],
)
def test_an_index_that_does_not_fit_is_told(open_folder, index, what, hint):
    write({"a.wav": "1", "u/b.wav": "2", "v/b.wav": "3", "i.csv": index})
    told = fails(lambda: open_folder("set", index="i.csv"))
    assert told == (what or "set/i.csv: this is an old Excel workbook or another Office file (OLE)", hint)


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"suffixes": ["png"]}, "params.yaml: fetch.options.suffixes: 'png': should begin with a dot"),
        ({"suffixes": [".gif", ".bmp"]}, "params.yaml: fetch.path: set: no files that end in .gif, .bmp"),
        ({"index": "index.cvs"}, "params.yaml: fetch.options.index: no 'index.cvs' in set, did you mean 'index.csv'?"),
        ({"max_files": 2}, "one more than fetch.options.max_files (2)"),
        ({"max_file_bytes": 3}, "set: cat/1.png: 4 bytes, more than fetch.options.max_file_bytes (3)"),
        ({"max_total_bytes": 7}, "set: index.csv: 9 bytes up to here, more than fetch.options.max_total_bytes (7)"),
        ({"suffixes": [".csv"], "index": "index.csv", "max_file_bytes": 4}, "more than fetch.options.max_file_bytes"),
    ],
)
def test_an_option_that_does_not_fit_the_folder_is_told(open_folder, options, what):
    write({"cat/1.png": "1234", "index.csv": "12345", "other.csv": "1"})
    assert what in fails(lambda: open_folder("set", **options))[0]


def test_a_limit_names_its_option_and_large_files_that_are_no_samples_do_no_harm(open_folder, as_samples):
    write({"cat/1.png": "1234", "copy.zip": "123456789"})
    assert len(as_samples(open_folder("set", suffixes=[".png"], max_file_bytes=4), BOTH)) == 1
    hint = fails(lambda: open_folder("set", max_file_bytes=4))[1]
    assert hint == "set fetch.options.max_file_bytes higher if you trust this data, or take the file out"


def test_a_column_or_path_that_is_not_there_is_told(open_folder):
    write({"cat/1.png": "1"})
    assert fails(lambda: open_folder("set", ("file", "labels"))) == (
        "set: no column 'labels', did you mean 'label'?",
        "columns: file, label, name; correct fetch.columns or fetch.extra in params.yaml",
    )
    assert fails(lambda: open_folder("sets"))[0] == (
        "params.yaml: fetch.path: sets: no such file or folder, did you mean 'set'?"
    )


@pytest.mark.parametrize(
    ("target", "what"),
    [
        ("../../secret", "a link that leads out of the folder"),
        ("/etc/passwd", "a link that leads out of the folder"),
        ("..", "a link to a folder"),
        ("nothing", "a link that leads nowhere"),
    ],
)
def test_a_link_that_leads_elsewhere_is_refused(open_folder, target, what):
    write({"cat/1.png": "1"})
    Path("secret").write_text("s")
    Path("set/cat/2.png").symlink_to(target)
    told = fails(lambda: open_folder("set"))
    assert told == (f"set: cat/2.png: {what}", "put the file itself in the link's place")


def test_a_link_inside_the_folder_is_read_and_a_hidden_one_left_alone(open_folder, as_samples):
    write({"cat/1.png": "1"})
    Path("set/cat/2.png").symlink_to("1.png")
    Path("set/.cache").symlink_to("/nowhere")
    table = as_samples(open_folder("set"), BOTH)
    assert [cell["bytes"] for cell in table["image"].to_pylist()] == [b"1", b"1"]


def test_a_pipe_is_refused_and_not_waited_for(open_folder):
    write({"cat/1.png": "1"})
    os.mkfifo("set/cat/2.png")
    assert fails(lambda: open_folder("set")) == ("set: cat/2.png: neither a file nor a folder", "take it out")


def test_a_name_that_is_no_utf_8_is_read_under_a_name_that_can_be_written(open_folder, as_samples):
    write({"cat/1.png": "1"})
    Path(os.fsdecode(b"set/cat/caf\xe9.png")).write_text("2")
    table = as_samples(open_folder("set"), BOTH)
    assert [cell["path"] for cell in table["image"].to_pylist()] == ["cat/1.png", "cat/caf\ufffd.png"]


def test_a_file_that_grows_while_it_is_read_is_told(open_folder, as_samples):
    write({"cat/1.png": "1"})
    reading = open_folder("set")
    Path("set/cat/1.png").write_text("12")
    assert fails(lambda: as_samples(reading, BOTH))[0] == "set: cat/1.png: its size changed while it was read"


def test_batches_come_out_before_all_files_are_read(open_folder, monkeypatch):
    write({f"cat/{number}.png": "x" * 10 for number in range(9)})
    monkeypatch.setattr(module, "BATCH_BYTES", 30)
    reading = open_folder("set")
    batches = reading.parts[0].batches
    assert next(batches).rows == 3
    assert reading.described["files"] == 3
    for number in range(3, 9):
        Path(f"set/cat/{number}.png").unlink()
    assert "cat/3.png: cannot be read" in fails(lambda: next(batches))[0]


def test_a_limit_of_rows_reads_no_more_files(open_folder, as_samples):
    write({f"{split}/cat/{number}.png": f"{split}{number}" for number in range(4) for split in ("test", "train")})
    reading = open_folder("set", splits_from_folders=True)
    table = as_samples(reading, BOTH, limit_rows=2)
    assert [cell["path"] for cell in table["image"].to_pylist()] == [
        "test/cat/0.png",
        "test/cat/1.png",
        "train/cat/0.png",
        "train/cat/1.png",
    ]


def test_the_source_is_built_by_its_name_and_checks_its_options(tmp_path):
    given = {"suffixes": [], "index": None, "file_column": "file", "splits_from_folders": False, "max_files": 1}
    given |= {"max_file_bytes": 0, "max_total_bytes": 1}
    what = fails(lambda: build(SOURCES, "folder", given, "fetch.options"))[0]
    assert what == "params.yaml: fetch.options.max_file_bytes: 0: should be greater than or equal to 1"
    (tmp_path / "1.png").write_bytes(b"1")
    source = build(SOURCES, "folder", {**given, "max_file_bytes": 1}, "fetch.options")
    assert source(str(tmp_path), ["file"]).parts[0].name == tmp_path.name
