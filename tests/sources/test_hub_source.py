"""The source `hub`, on local folders in the Hub's layout and without a network."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stages.core.errors import UserError
from stages.core.samples import MEDIA
from stages.sources import hub as hub_module
from stages.sources import rows
from stages.sources.hub import OFFLINE, hub
from stages.sources.reading import Reading
from tests.workplace import ROOT


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
        columns = options.pop("columns", ["text"])
        given = {"config": None, "revision": None, "splits": []}
        return hub(dataset=dataset, **{**given, **options})("unused", columns)

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


def test_a_network_that_does_not_answer_ends_in_a_clear_error():
    """In a process of its own the client is asked in earnest: a closed port of this machine is the Hub."""
    call = "hub(dataset='a/b', config=None, revision=None, splits=[])('', [])"
    program = f"from stages.core import report\nfrom stages.sources.hub import hub\nwith report.ending('fetch'): {call}"
    environment = {**os.environ, "HF_ENDPOINT": "http://127.0.0.1:9", "PYTHONPATH": str(ROOT)}
    environment.pop("HF_HUB_OFFLINE", None)
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == "fetch stopped: a/b: [Errno 111] Connection refused"
    assert done.stderr.splitlines()[1] == f"Next: {OFFLINE}"


def test_a_folder_without_data_files_is_told(open_hub):
    Path("set").mkdir()
    with pytest.raises(UserError, match=r"no '\*\*/\*' in set"):
        open_hub("set")


def test_a_folder_of_pictures_gives_bytes_and_relative_paths(open_hub, png):
    for number, name in enumerate(("train/cat/1.png", "train/dog/2.png", "test/dog/3.png")):
        Path("set", name).parent.mkdir(parents=True, exist_ok=True)
        Path("set", name).write_bytes(png(number))
    table = samples(open_hub("set", columns=[]), columns={"image": "image", "label": "label"})
    assert table["image"].to_pylist() == [
        {"bytes": png(0), "path": "train/cat/1.png"},
        {"bytes": png(1), "path": "train/dog/2.png"},
        {"bytes": png(2), "path": "test/dog/3.png"},
    ]
    assert table["label"].to_pylist() == ["cat", "dog", "dog"]
    assert table["split"].to_pylist() == ["train", "train", "test"]


def test_pictures_and_sounds_in_parquet_keep_their_bytes_and_come_a_few_at_a_time(open_hub, png, wav):
    from datasets import Audio, Features, Image

    rows_there = hub_module.MEDIA_ROWS + 1
    content = {
        "image": [{"bytes": png(1), "path": "1.png"}] * rows_there,
        "audio": [{"bytes": wav(1), "path": "/home/somebody/1.wav"}] * rows_there,
    }
    Path("set").mkdir()
    features = Features({"image": Image(), "audio": Audio(sampling_rate=8_000)})
    pq.write_table(pa.table(content, schema=features.arrow_schema), "set/train.parquet")
    reading = open_hub("set", columns=["image"])
    batches = list(reading.parts[0].batches)
    assert [raw.rows for raw in batches] == [hub_module.MEDIA_ROWS, 1]
    table = samples(open_hub("set", columns=[]), columns={"image": "image", "audio": "audio"})
    assert table["image"][0].as_py() == {"bytes": png(1), "path": "1.png"}
    assert table["audio"][0].as_py() == {"bytes": wav(1), "path": "1.wav"}


def test_only_files_of_the_data_sets_own_repository_are_fetched_by_address(monkeypatch):
    from fsspec.implementations.memory import MemoryFileSystem

    class Hub(MemoryFileSystem):
        protocol = "hf"
        store: ClassVar[dict[str, Any]] = {}

    monkeypatch.setitem(import_module("fsspec.registry")._registry, "hf", Hub)
    Hub().pipe_file("hf://datasets/somebody/set@main/1.png", b"1")
    Hub().pipe_file("hf://datasets/somebody/other@main/1.png", b"2")
    paths = ["hf://datasets/somebody/set@main/1.png", "hf://datasets/somebody/other@main/1.png", "/etc/passwd", None]
    column = pa.array([*({"bytes": None, "path": path} for path in paths), None], MEDIA)
    found = hub_module._filled(column, "somebody/set")
    assert [cell and cell["bytes"] for cell in found.to_pylist()] == [b"1", None, None, None, None]
