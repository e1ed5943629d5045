"""Every mistake with files ends in one message that says what to do."""

import gzip
import sqlite3
import zipfile
from pathlib import Path

import pytest

from stages.core.errors import UserError
from stages.sources.locate import locate

KEEP = "or set fetch.options.bad_rows: keep, which sets such rows apart as row.malformed"
ROWS = "name a file that has rows in fetch.options.files"
SHEET = "save the sheet as CSV (UTF-8) and name that file in its place"
QUOTE = "set fetch.options.quote: null if quotes are ordinary characters here"


def fails(read, *given, **options):
    with pytest.raises(UserError) as caught:
        read(*given, **options)
    return str(caught.value), caught.value.hint


@pytest.mark.parametrize(
    ("content", "options", "what", "hint"),
    [
        ("", {}, "a.csv: an empty file (0 bytes)", ROWS),
        ("text,n\n", {}, "a.csv: no rows under the header", ROWS),
        ("\n\n", {"header": False, "columns": {"text": 0}}, "a.csv: no rows", ROWS),
        (
            "texts,n\na,1\n",
            {},
            "a.csv: no column 'text', did you mean 'texts'?",
            "columns: texts, n; correct fetch.columns or fetch.extra in params.yaml",
        ),
        (
            "text,n\na,1\n",
            {"extra": ["date"]},
            "a.csv: no column 'date'",
            "columns: text, n; correct fetch.columns or fetch.extra in params.yaml",
        ),
        (
            "a,1\n",
            {"header": False, "columns": {"text": 2}},
            "a.csv: no column at position 2: there are 2, counted from 0",
            "columns: 0, 1; correct fetch.columns or fetch.extra in params.yaml",
        ),
        (
            "text;n\na;1\n",
            {"delimiter": ","},
            "a.csv: delimiter ',' does not give the columns 'text'; ';' does",
            'set fetch.options.delimiter: ";"',
        ),
        (
            "text\tn\na\t1\n",
            {"delimiter": ","},
            "a.csv: delimiter ',' does not give the columns 'text'; '\\t' does",
            'set fetch.options.delimiter: "\\t"',
        ),
        (
            "text,n\na,1\nb,2,3\n",
            {},
            "a.csv: line 3: expected 2 columns, found 3: 'b,2,3'",
            f"correct the line, {KEEP}",
        ),
        (
            "text,n\na,1\n\n\nb\n",
            {},
            "a.csv: line 5: expected 2 columns, found 1: 'b'",
            f"correct the line, {KEEP}",
        ),
        ("text,n\na\0,1\n", {}, "a.csv: line 2: a NUL character: 'a\\x00,1'", f"correct the line, {KEEP}"),
        (
            'text,n\n"a,1\nb,2\n',
            {},
            "a.csv: line 2: a quote is opened and never closed: '\"a,1'",
            f"correct the line, {QUOTE}, {KEEP}",
        ),
        (
            'text,n\n"a" b,1\n',
            {},
            "a.csv: line 2: text after a closing quote: '\"a\" b,1'",
            f"correct the line, {QUOTE}, {KEEP}",
        ),
        (
            '"text,n\n',
            {},
            "a.csv: line 1: a quote is opened and never closed: '\"text,n'",
            "correct the first row",
        ),
        (
            "good: a\nb\n",
            {"format": "lines", "pattern": "(?P<label>.*): (?P<text>.*)"},
            "a.csv: line 2: the pattern does not match: 'b'",
            f"correct the line, {KEEP}",
        ),
        (
            '{"text": "a"}\n{"text"}\n',
            {"format": "jsonl"},
            "a.csv: line 2: not JSON: Expecting ':' delimiter: line 1 column 8 (char 7): '{\"text\"}'",
            f"correct the line, {KEEP}",
        ),
        (
            '[\n{"text": "a"}]',
            {"format": "jsonl"},
            "a.csv: a JSON array, not JSON lines",
            "jq -c '.[]' a.csv > a.jsonl",
        ),
        (
            "text\na\n",
            {"format": "parquet"},
            "a.csv: this is not Parquet",
            "set fetch.options.format to what the file is, or to auto",
        ),
        (
            "PAR1 and no more",
            {},
            "a.csv: not readable as Parquet: Parquet magic bytes not found in footer. "
            "Either the file is corrupted or this is not a parquet file.",
            "write the file again",
        ),
    ],
)
def test_bad_content_is_told_by_line_and_by_what_to_do(read, content, options, what, hint):
    Path("a.csv").write_text(content)
    assert fails(read, "a.csv", **options) == (what, hint)


@pytest.mark.parametrize(
    ("content", "what", "hint"),
    [
        (
            "text\nok\ncaf\u00e9 noir\n".encode("latin-1"),
            "a.csv: line 3, byte 11 (0xe9) is not UTF-8",
            "set fetch.options.encoding: cp1252, if that is what the file is in",
        ),
        (
            "text\r今天天气很好，我们去公园散步\r".encode("gb18030"),
            "a.csv: line 2, byte 5 (0xbd) is not UTF-8",
            "set fetch.options.encoding: gb18030, if that is what the file is in",
        ),
        (
            "text\nabc\n".encode("utf-16-le"),
            "a.csv: looks like UTF-16-LE without a byte order mark",
            "set fetch.options.encoding: utf-16-le",
        ),
        (
            b"\xff\xfea\x00b",
            "a.csv: not UTF-16: truncated data",
            "set fetch.options.encoding: auto, or the encoding that the file is in",
        ),
    ],
)
def test_an_encoding_error_names_the_byte_and_suggests_an_encoding(read, content, what, hint):
    Path("a.csv").write_bytes(content)
    assert fails(read, "a.csv") == (what, hint)


def test_a_late_encoding_error_names_its_own_line(read):
    Path("a.csv").write_bytes(b"text\n" + b"plain\n" * 20_000 + b"caf\xe9\n")
    assert fails(read, "a.csv")[0] == "a.csv: line 20002, byte 120008 (0xe9) is not UTF-8"


@pytest.mark.parametrize(
    ("start", "what"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook or another Office file (OLE)"),
        (b"%PDF-1.7", "a PDF document"),
        (b"<!DOCTYPE html>\n<p>", "HTML, not a table"),
        (b"\n <html>", "HTML, not a table"),
        (b'<?xml version="1.0"?>', "XML, not a table"),
        (b"BZh91AY", "compressed with bzip2"),
        (b"\xfd7zXZ\x00", "compressed with xz"),
        (b"\x28\xb5\x2f\xfd", "compressed with Zstandard"),
        (b"version https://git-lfs.github.com/spec/v1", "a Git LFS pointer, not the data"),
        (b"\x80\x04\x95\x00", "a Python pickle, which is not read since it can run code"),
    ],
)
def test_other_kinds_of_file_are_recognised_whatever_their_suffix(read, start, what):
    Path("a.csv").write_bytes(start)
    assert fails(read, "a.csv")[0] == f"a.csv: this is {what}"


@pytest.mark.parametrize(
    ("inside", "what", "hint"),
    [
        ("xl/workbook.xml", "an Excel workbook or another Office file (OOXML)", SHEET),
        ("data.csv", "a zip archive", "unpack it and name the file inside in fetch.options.files"),
    ],
)
def test_zipped_kinds_are_told_apart(read, inside, what, hint):
    with zipfile.ZipFile("a.csv", "w") as archive:
        archive.writestr(inside, "x")
    assert fails(read, "a.csv") == (f"a.csv: this is {what}", hint)


def test_an_sqlite_database_is_recognised(read):
    connection = sqlite3.connect("a.csv")
    connection.execute("create table t (text)")
    connection.close()
    assert fails(read, "a.csv")[0] == "a.csv: this is an SQLite database"


def test_a_cut_off_gzip_file_is_told(read):
    Path("a.csv").write_bytes(gzip.compress(b"text\n" + bytes(range(97, 123)) * 999)[:-12])
    what, hint = fails(read, "a.csv")
    assert what.startswith("a.csv: damaged or cut off gzip file (")
    assert hint == "fetch the file again"


@pytest.mark.parametrize(
    ("path", "names", "what", "hint"),
    [
        (
            "dat",
            ["a.csv"],
            "fetch.path: dat: no such file or folder, did you mean 'data'?",
            "correct fetch.path",
        ),
        ("lost", [], "fetch.path: lost: no such file or folder", "dvc pull lost.dvc"),
        (
            "data",
            [],
            "fetch.path: data is a folder, and fetch.options.files names no file in it",
            "there are: a.csv",
        ),
        (
            "data",
            ["b.csv"],
            "fetch.options.files: no 'b.csv' in data, did you mean 'a.csv'?",
            "there are: a.csv",
        ),
        ("data", ["*.tsv"], "fetch.options.files: no '*.tsv' in data", "there are: a.csv"),
        (
            "data/a.csv",
            ["a.csv"],
            "fetch.options.files: 'a.csv' is looked for inside fetch.path, but data/a.csv is a file",
            "set files: [], or set fetch.path to the folder",
        ),
        (
            "data",
            ["../a.csv"],
            "fetch.options.files: '../a.csv' is neither an http(s) URL nor inside data",
            "set fetch.path to the folder that holds it, so that DVC watches it",
        ),
        (
            "data",
            {"train": "a.csv", "test": "*.csv"},
            "fetch.options.files: data/a.csv is in two splits: train and test",
            "name each file once",
        ),
    ],
)
def test_names_that_lead_nowhere_are_told(read, path, names, what, hint):
    Path("data").mkdir()
    Path("data/a.csv").write_text("text\na\n")
    Path("lost.dvc").write_text("outs: []\n")
    assert fails(read, path, files=names) == (f"params.yaml: {what}", hint)


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"delimiter": "::"}, "delimiter: '::': should be auto or one character"),
        ({"quote": "''"}, "quote: \"''\": should be null or one character"),
        ({"delimiter": '"'}, "delimiter: '\"' is also params.yaml: fetch.options.quote"),
        ({"encoding": "utf-9"}, "encoding: 'utf-9': no such text encoding"),
        ({"encoding": "base64"}, "encoding: 'base64': no such text encoding"),
        ({"pattern": "("}, "pattern: '(': missing ), unterminated subpattern at position 0"),
        ({"pattern": "(a)"}, "pattern: '(a)': no named group"),
    ],
)
def test_options_that_cannot_be_are_told(read, options, what):
    Path("a.csv").write_text("text\na\n")
    assert fails(read, "a.csv", **options)[0] == f"params.yaml: fetch.options.{what}"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("cat/1.JPG", "pictures are read by fetch.source: folder with modality: image: make new DATA=data"),
        ("dog/bark.wav", "sounds are read by fetch.source: folder with modality: audio: make new DATA=data"),
    ],
)
def test_a_folder_of_media_is_sent_to_the_source_that_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, hint: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (Path("data") / name).parent.mkdir(parents=True)
    (Path("data") / name).touch()
    with pytest.raises(UserError, match="data is a folder") as caught:
        locate("data", [])
    assert caught.value.hint == hint
