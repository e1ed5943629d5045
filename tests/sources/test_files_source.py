"""The source `files`: formats, encodings, quotes, bad rows, several files."""

import gzip
import tracemalloc
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stages.core.errors import UserError

CSV = "text,label\nhello,good\nbye,bad\n"


@pytest.mark.parametrize(
    ("name", "content", "options"),
    [
        ("a.csv", CSV, {}),
        ("a.csv", CSV.replace("\n", "\r\n"), {}),
        ("a.csv", CSV.replace("\n", "\r"), {}),
        ("a.csv", CSV.rstrip(), {}),
        ("a.csv", CSV.replace(",", ";"), {}),
        ("a.csv", CSV.replace(",", ";"), {"delimiter": ";"}),
        ("a.csv", CSV.replace("hello", '"hello"'), {}),
        ("a.csv", CSV.replace("hello", "'hello'"), {"quote": "'"}),
        ("a.csv", CSV.replace("text,", " text ,"), {}),
        ("a.tsv", CSV.replace(",", "\t"), {}),
        ("a.txt", CSV.replace(",", "|"), {}),
        ("a.dat", CSV, {"format": "csv"}),
        ("a.jsonl", '{"text": "hello", "label": "good"}\n\n{"label": "bad", "text": "bye"}\n', {}),
        ("a.txt", "good: hello\nbad: bye\n", {"format": "lines", "pattern": r"(?P<label>\w+): (?P<text>.*)"}),
    ],
)
def test_each_format_gives_the_same_rows(read, name, content, options):
    Path(name).write_text(content, newline="")
    samples = read(name, columns={"text": "text", "label": "label"}, **options)
    assert samples["text"].to_pylist() == ["hello", "bye"]
    assert samples["label"].to_pylist() == ["good", "bad"]
    assert samples["source"].to_pylist() == [name, name]


def test_parquet_is_known_by_its_first_bytes(read):
    pq.write_table(pa.table({"text": ["hello", None], "n": [1.0, 2.5]}), "a.data")
    samples = read("a.data", extra="all")
    assert samples["text"].to_pylist() == ["hello", None]
    assert samples["extra"].to_pylist() == [[("n", "1")], [("n", "2.5")]]


def test_gzip_is_known_by_its_first_bytes(read):
    Path("a.csv").write_bytes(gzip.compress(CSV.encode()))
    assert read("a.csv")["text"].to_pylist() == ["hello", "bye"]
    Path("a.tsv.gz").write_bytes(gzip.compress(b"text\tn\nx,y\t1\n"))
    assert read("a.tsv.gz")["text"].to_pylist() == ["x,y"]


@pytest.mark.parametrize(
    ("written", "option"),
    [
        ("utf-8", "auto"),
        ("utf-8-sig", "auto"),
        ("utf-8-sig", "utf-8"),
        ("utf-16", "auto"),
        ("utf-32", "auto"),
        ("latin-1", "latin-1"),
        ("utf-16-le", "utf-16-le"),
    ],
)
def test_each_encoding_is_read(read, written, option):
    Path("a.csv").write_bytes("text,n\nnaïve café,1\n".encode(written))
    assert read("a.csv", encoding=option)["text"].to_pylist() == ["naïve café"]


def test_columns_are_called_by_position_without_a_header(read):
    Path("a.tsv").write_text('say "hi", you\t1\nbye\t0\n')
    samples = read("a.tsv", columns={"text": 0, "label": 1}, header=False, quote=None)
    assert samples["text"].to_pylist() == ['say "hi", you', "bye"]
    assert samples["label"].to_pylist() == ["1", "0"]


def test_without_a_header_the_delimiter_is_the_one_that_gives_even_rows(read):
    Path("a.txt").write_text("well, yes,1\nno, no, no,0\n".replace(",1", "|1").replace(",0", "|0"))
    assert read("a.txt", columns={"text": 0, "label": 1}, header=False)["label"].to_pylist() == ["1", "0"]


def test_quoted_cells_hold_delimiters_quotes_and_line_ends(read):
    Path("a.csv").write_text('text,n\n"a, ""b""\nc",1\n', newline="")
    assert read("a.csv")["text"].to_pylist() == ['a, "b"\nc']


def test_lines_without_a_pattern_are_texts_and_a_blank_one_is_empty_text(read):
    Path("a.txt").write_text("one\n\ntwo\n")
    assert read("a.txt", format="lines", columns={"text": "line"})["text"].to_pylist() == ["one", "", "two"]


def test_json_values_become_text(read):
    Path("a.jsonl").write_text(
        '{"text": "a", "i": 3, "f": 3.0, "g": 0.1, "b": true, "none": null, "nan": NaN, "list": [1, "é"]}\n'
        '{"text": null, "late": 1e3}\n'
    )
    samples = read("a.jsonl", extra="all")
    assert samples["text"].to_pylist() == ["a", None]
    first = [("i", "3"), ("f", "3"), ("g", "0.1"), ("b", "true"), ("list", '[1, "é"]')]
    assert samples["extra"].to_pylist() == [first, [("late", "1000")]]


def test_empty_and_repeated_column_names_get_their_position(read):
    Path("a.csv").write_text("text,,n,n\nx,1,2,3\n")
    assert read("a.csv", extra="all")["extra"].to_pylist() == [[("(1)", "1"), ("n (2)", "2"), ("n (3)", "3")]]


def test_several_files_are_read_in_order_and_globs_by_name(read):
    Path("in").mkdir()
    for name in ("b.csv", "a.csv", "c.csv"):
        Path("in", name).write_text(f"text\nfrom {name}\n")
    samples = read("in", files=["c.csv", "*.csv"])
    assert samples["text"].to_pylist() == ["from c.csv", "from a.csv", "from b.csv"]
    assert samples["source"].to_pylist() == ["c.csv", "a.csv", "b.csv"]


def test_a_mapping_of_files_gives_splits(read):
    for name in ("a", "b", "c"):
        Path(f"{name}.csv").write_text(f"text\n{name}\n")
    samples = read(".", files={"train": ["a.csv", "b.csv"], "dev": "c.csv"}, splits={"dev": "validation"})
    assert samples["split"].to_pylist() == ["train", "train", "validation"]


@pytest.mark.parametrize(
    ("name", "content", "raw", "kept"),
    [
        ("a.csv", "text,n\na,1\nb,1,2\nc,1\n", "b,1,2", ["a", None, "c"]),
        ("a.csv", "text,n\na,1\nb\nc,1\n", "b", ["a", None, "c"]),
        ("a.csv", "text,n\na,1\nb\0b,1\nc,1\n", "b\0b,1", ["a", None, "c"]),
        ("a.csv", 'text,n\na,1\n"b,1\nc,1\n', '"b,1', ["a", None, "c"]),
        ("a.csv", 'text,n\na,1\n"b" b,1\nc,1\n', '"b" b,1', ["a", None, "c"]),
        ("a.jsonl", '{"text": "a"}\n{"text": \n{"text": "c"}\n', '{"text":', ["a", None, "c"]),
        ("a.jsonl", '{"text": "a"}\n["b"]\n{"text": "c"}\n', '["b"]', ["a", None, "c"]),
        ("a.jsonl", '{"text": "a"}\n{"text": "\\ud800"}\n', '{"text": "\\ud800"}', ["a", None]),
    ],
)
def test_a_bad_row_is_kept_with_its_text_and_reading_goes_on(read, name, content, raw, kept):
    Path(name).write_text(content)
    samples = read(name, extra="all", bad_rows="keep")
    assert samples["text"].to_pylist() == kept
    assert samples["issues"].to_pylist() == [["row.malformed"] if text is None else [] for text in kept]
    assert samples["extra"].to_pylist()[1] == [("raw", raw)]


def test_bad_rows_with_different_text_have_different_ids(read):
    Path("a.csv").write_text("text,n\na,1\nb\nc\nb\n")
    ids = read("a.csv", bad_rows="keep")["id"].to_pylist()
    assert len({sample_id.partition("-")[0] for sample_id in ids}) == 3
    assert ids[3] == f"{ids[1]}-1"


def test_ten_megabytes_in_one_cell_pass(read):
    Path("a.csv").write_text(f'text,n\n"{"x" * 10_000_000}",1\nb,2\n')
    assert [len(text) for text in read("a.csv")["text"].to_pylist()] == [10_000_000, 1]


def test_memory_does_not_grow_with_the_file():
    from stages.sources.delimited import delimited

    def peak(count: int) -> int:
        tracemalloc.start()
        lines = (f"some text of row {i},label\n" for i in range(count))
        total = sum(raw.rows for raw in delimited(lines, "a", delimiter=",", quote='"', header=False))
        assert total == count
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    assert peak(60_000) < 1.2 * peak(20_000)


def test_a_limit_holds_for_each_split_that_files_give(read):
    for name in ("a", "b"):
        Path(f"{name}.csv").write_text("text\n1\n2\n3\n")
    assert read(".", files={"train": "a.csv", "test": "b.csv"}, limit_rows=2)["text"].to_pylist() == ["1", "2"] * 2
    assert read(".", files=["a.csv", "b.csv"], limit_rows=4)["text"].to_pylist() == ["1", "2", "3", "1"]


def test_nothing_after_the_limit_is_read(read):
    Path("a.csv").write_text("text,n\n" + "a,1\n" * 9_000 + "ragged\n")
    assert len(read("a.csv", limit_rows=8_192)) == 8_192
    with pytest.raises(UserError, match="line 9002"):
        read("a.csv")
