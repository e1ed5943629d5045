"""The source `files` on data that nobody made for it."""

import os
from pathlib import Path

import pytest

from stages.core.errors import UserError

pytestmark = pytest.mark.real

HORROR = "bad_inputs/messytables_horror/horror"
MESSY = sorted(path.name for path in (Path(os.environ.get("REAL_DATA", ".")) / HORROR).glob("*")) or [""]


@pytest.mark.parametrize("bad_rows", ["error", "keep"])
@pytest.mark.parametrize("name", MESSY)
def test_a_messy_table_loads_or_is_told_in_one_line(read, real_data, name, bad_rows):
    path = real_data / HORROR / name
    try:
        samples = read(str(path), columns={"text": 0}, extra="all", bad_rows=bad_rows)
    except UserError as error:
        assert str(error).startswith(str(path))
        assert "\n" not in str(error)
        assert error.hint
    else:
        assert len(samples) > 0


def test_trec_is_read_by_a_pattern(read, real_data):
    options = {
        "format": "lines",
        "encoding": "latin-1",
        "pattern": r"(?P<coarse>[A-Z]+):(?P<fine>\w+) (?P<text>.*)",
    }
    names = {"train": "train_5500.label", "test": "TREC_10.label"}
    samples = read(str(real_data / "trec"), files=names, columns={"text": "text", "label": "coarse"}, **options)
    assert [samples["split"].to_pylist().count(split) for split in ("train", "test")] == [5_452, 500]
    assert set(samples["label"].to_pylist()) == {"ABBR", "DESC", "ENTY", "HUM", "LOC", "NUM"}
    assert samples["text"][65].as_py().endswith("as a sisterðcity with Los Angeles ?")


def test_trec_as_utf_8_is_told_by_its_odd_byte(read, real_data):
    with pytest.raises(UserError, match=r"train_5500.label: line 66, byte \d+ \(0xf0\) is not UTF-8$"):
        read(str(real_data / "trec"), files=["train_5500.label"], format="lines", columns={"text": "line"})


def test_sst2_keeps_its_splits(read, real_data):
    names = {"train": "train.tsv", "dev": "dev.tsv", "test": "test.tsv"}
    columns = {"text": 0, "label": 1}
    samples = read(
        str(real_data / "sst2"),
        files=names,
        columns=columns,
        splits={"dev": "validation"},
        header=False,
        quote=None,
    )
    splits = samples["split"].to_pylist()
    assert [splits.count(split) for split in ("train", "validation", "test")] == [6_920, 872, 1_821]
    assert set(samples["label"].to_pylist()) == {"0", "1"}


def test_thucnews_is_read_without_a_header(read, real_data):
    names = {"train": "dev.txt", "test": "test.txt"}
    columns = {"text": 0, "label": 1}
    samples = read(str(real_data / "thucnews_titles"), files=names, columns=columns, header=False, quote=None)
    assert len(samples) == 20_000
    assert samples["text"][0].as_py() == "体验2D巅峰 倚天屠龙记十大创新概览"
    assert set(samples["label"].to_pylist()) == {str(number) for number in range(10)}


def test_spoken_digits_are_read_by_their_index(open_folder, as_samples, real_data):
    options = {"suffixes": [".wav"], "index": "index.csv", "file_column": "file", "max_files": 1_000}
    reading = open_folder(str(real_data / "fsdd_small"), **options, max_total_bytes=2**30)
    columns = {"audio": "file", "label": "label", "group": "speaker", "split": "split"}
    table = as_samples(reading, columns, extra="all")
    splits, about = table["split"].to_pylist(), reading.provenance()
    assert len(table) == about["files"] == 900
    assert set(splits) == {"train", "test"}
    assert len(set(table["group"].to_pylist())) == 6
    assert set(table["label"].to_pylist()) == {str(number) for number in range(10)}
    assert table["audio"][0].as_py()["path"] == "recordings/0_george_0.wav"
    assert all(cell["bytes"].startswith(b"RIFF") for cell in table["audio"].to_pylist())
    assert about["unlisted_files"] == about["other_files"] == about["hidden_files"] == 0


def test_ants_and_bees_are_read_by_their_folders(open_folder, as_samples, real_data):
    options = {"suffixes": [".jpg", ".jpeg"], "splits_from_folders": True, "max_files": 1_000, "max_file_bytes": 2**24}
    reading = open_folder(str(real_data / "hymenoptera_small"), **options, max_total_bytes=2**30)
    table = as_samples(reading, {"image": "file", "label": "label"}, splits={"val": "validation"})
    assert [table["split"].to_pylist().count(split) for split in ("train", "validation")] == [120, 60]
    assert set(table["label"].to_pylist()) == {"ants", "bees"}
