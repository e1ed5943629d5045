"""Tables that nobody has described: delimiter, encoding, quotes and header are found out."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stages.core.errors import UserError
from workbench.new.recognise import Tables
from workbench.new.tables import Rows, read, settled

PNG = b"\x89PNG\r\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def rows(content: str | bytes, name: str = "a.csv") -> Rows:
    Path(name).write_bytes(content.encode() if isinstance(content, str) else content)
    return read(Tables(name))


def values(found: Rows) -> dict[str | int, list[str | None]]:
    return {name: column.to_pylist() for name, column in found.columns.items()}


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("name", ["a.csv", "a.txt", "a.tsv"])
def test_the_delimiter_is_found_and_found_again_by_the_columns(delimiter: str, name: str) -> None:
    found = rows("".join(delimiter.join(cells) + "\n" for cells in (("text", "label"), ("one two", "a"))), name)
    assert values(found) == {"text": ["one two"], "label": ["a"]}
    assert settled(found)["delimiter"] == "auto"


def test_an_encoding_that_is_not_utf_8_is_written_down() -> None:
    found = rows("text,label\ncafé au lait,a\n".encode("latin-1"))
    assert values(found)["text"] == ["café au lait"]
    assert settled(found)["encoding"] == "cp1252"


def test_without_a_header_columns_are_positions_and_the_delimiter_stands() -> None:
    found = rows("the parcel is late\t0\nall is well with it\t1\nit came late\t0\n", "a.tsv")
    assert values(found) == {0: ["the parcel is late", "all is well with it", "it came late"], 1: ["0", "1", "0"]}
    assert (settled(found)["header"], settled(found)["delimiter"]) == (False, "\t")


@pytest.mark.parametrize(
    ("first", "is_header"),
    [("text,label", True), ("id,how do you feel", True), (",text,label", True), ("good,pos", False), ("a,a", False)],
)
def test_a_first_row_of_values_is_no_header(first: str, is_header: bool) -> None:
    more = ",".join(["x"] * (first.count(",") - 1))
    found = rows(f"{first}\n{more}{',' if more else ''}bad,neg\n{more}{',' if more else ''}fine,pos\n")
    assert settled(found)["header"] is is_header


def test_rows_that_cannot_be_read_are_kept_and_quotes_may_be_ordinary_characters() -> None:
    ragged = rows("text,label\n" + "one,a\n" * 5 + "two,b,c\n")
    assert (ragged.rows, ragged.bad, settled(ragged)["bad_rows"]) == (6, 1, "keep")
    quotes = rows('text\tlabel\n"so" he said\ta\n"never closed\tb\n', "b.tsv")
    assert (settled(quotes)["quote"], quotes.bad) == (None, 0)
    assert settled(rows('text,label\n"a, b",c\n', "c.csv")) == settled(rows("text,label\na,c\n", "d.csv"))


def test_a_table_of_which_many_rows_cannot_be_read_is_refused() -> None:
    with pytest.raises(UserError, match="2 of 3 rows cannot be read: line 3: expected 2 columns, found 3: 'two,b,c'"):
        rows("text,label\none,a\ntwo,b,c\nthree,c,d\n")


def test_json_lines_and_parquet() -> None:
    found = rows('{"text": "a", "n": 1}\n{"text": "b", "more": [1]}\n', "a.jsonl")
    assert values(found) == {"text": ["a", "b"], "n": ["1", None], "more": [None, "[1]"]}
    image = pa.array([{"bytes": PNG, "path": None}, None])
    pq.write_table(pa.table({"image": image, "label": pa.array([3, 4])}), "a.parquet")
    found = read(Tables("a.parquet"))
    assert (values(found), found.media) == ({"label": ["3", "4"]}, {"image": PNG})


def test_files_with_other_columns_are_no_parts_of_one_table() -> None:
    rows("text,label\na,b\n", "a.csv")
    rows("name,age\na,3\n", "b.csv")
    with pytest.raises(UserError, match=r"different columns \(a.csv: text, label; b.csv: name, age\)"):
        read(Tables(".", ["a.csv", "b.csv"]))
