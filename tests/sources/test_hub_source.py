"""The source `hub`, on local folders in the Hub's layout and without a network."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from stages.core.errors import UserError
from stages.sources import rows
from stages.sources.hub import OFFLINE, hub
from stages.sources.reading import Reading


@pytest.fixture
def open_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Reading]:
    """`open_hub(dataset, **options)`, with huggingface's own switch for being offline."""
    import datasets.config
    import huggingface_hub.constants

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")

    def open_it(dataset: str, **options: Any) -> Reading:
        given = {"config": None, "revision": None, "splits": []}
        return hub(dataset=dataset, **{**given, **options})("unused", ["text"])

    return open_it


def samples(reading: Reading, **given: Any) -> pa.Table:
    mapping = {
        "columns": {"text": "text", "label": "label"},
        "extra": "all",
        "splits": {},
        "labels": {},
        "limit_rows": None,
    }
    return pa.concat_tables(rows.read(reading, **{**mapping, **given}))


def write_csv() -> None:
    Path("set").mkdir()
    Path("set/train.csv").write_text("text,label,n\na,1,7\nb,0,8\n")
    Path("set/test.csv").write_text("text,label,n\nc,1,9\n")


def test_a_folder_of_csv_files_gives_its_splits(open_hub):
    write_csv()
    table = samples(open_hub("set"))
    assert table["text"].to_pylist() == ["a", "b", "c"]
    assert table["label"].to_pylist() == ["1", "0", "1"]
    assert table["split"].to_pylist() == ["train", "train", "test"]
    assert table["extra"].to_pylist() == [[("n", "7")], [("n", "8")], [("n", "9")]]
    assert set(table["source"].to_pylist()) == {"set"}


def test_only_the_splits_asked_for_are_read_and_mapped(open_hub):
    write_csv()
    table = samples(open_hub("set", splits=["test"]), splits={"test": "validation"})
    assert table["split"].to_pylist() == ["validation"]


def test_a_folder_of_json_lines_is_read(open_hub):
    Path("set").mkdir()
    Path("set/train.jsonl").write_text("".join(json.dumps({"text": t, "label": t}) + "\n" for t in "ab"))
    assert samples(open_hub("set"))["label"].to_pylist() == ["a", "b"]


def test_class_numbers_become_names_and_minus_one_is_no_label(open_hub):
    from datasets import ClassLabel, Dataset, Features, Image, Value, disable_progress_bars

    disable_progress_bars()
    features = Features({"text": Value("string"), "label": ClassLabel(names=["bad", "good"]), "image": Image()})
    content = {"text": ["a", "b", "c"], "label": [1, 0, -1], "image": [{"bytes": b"\xff", "path": None}] * 3}
    Path("set").mkdir()
    Dataset.from_dict(content, features=features).to_parquet("set/train.parquet")
    reading = open_hub("set")
    table = samples(reading)
    assert table["label"].to_pylist() == ["good", "bad", None]
    assert table["label_source"].to_pylist() == ["gold", "gold", None]
    assert table["extra"].to_pylist() == [[], [], []]
    assert reading.parts[0].bytes_columns == ["image"]


def test_provenance_lists_a_local_folders_files(open_hub):
    write_csv()
    reading = open_hub("set")
    samples(reading)
    about = reading.provenance()
    assert {key: about[key] for key in ("dataset", "config", "revision", "bytes")} == {
        "dataset": "set",
        "config": None,
        "revision": None,
        "bytes": 44,
    }
    assert [(file["name"], file["bytes"]) for file in about["files"]] == [
        ("set/test.csv", 19),
        ("set/train.csv", 25),
    ]
    assert [(part["name"], part["rows"]) for part in about["dataset_splits"]] == [("train", 2), ("test", 1)]


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"splits": ["dev"]}, "set: Bad split: dev. Available splits: ['train', 'test']"),
        ({"config": "other"}, "set: BuilderConfig 'other' not found. Available: ['default']"),
    ],
)
def test_a_split_or_config_that_is_not_there_is_told(open_hub, options, what):
    write_csv()
    with pytest.raises(UserError) as caught:
        samples(open_hub("set", **options))
    assert str(caught.value) == what
    assert caught.value.hint == "see fetch.options.config, revision and splits in params.yaml"


def test_a_column_that_is_not_there_is_told(open_hub):
    Path("set").mkdir()
    Path("set/train.csv").write_text("texts,label\na,1\n")
    with pytest.raises(UserError, match=r"^set: split train: no column 'text', did you mean 'texts'\?$"):
        samples(open_hub("set"))


def test_without_a_network_a_hub_id_ends_in_a_clear_error(open_hub, capsys):
    with pytest.raises(UserError) as caught:
        open_hub("somebody/something")
    assert str(caught.value).startswith("somebody/something: Cannot reach https://huggingface.co/api/datasets/")
    assert caught.value.hint == OFFLINE
    assert "fetch.options.revision is null" in capsys.readouterr().out


def test_a_folder_without_data_files_is_told(open_hub):
    Path("set").mkdir()
    with pytest.raises(UserError, match=r"no '\*\*/\*' in set"):
        open_hub("set")
