"""The stage encode: model inputs by split, once, and in = encoded + unused."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from stages import encode
from stages.core import tables
from stages.core.errors import UserError
from stages.split import SCHEMA
from tests import workplace

ORIGINALS: list[workplace.Row] = [
    {"id": "a", "text": "abc", "label": "good"},
    {"id": "b", "text": "ab", "label": "bad"},
    {"id": "c", "text": "a" * 20, "label": "good"},
    {"id": "d", "text": "abcd", "label": "bad"},
    {"id": "e", "text": "e", "label": "good"},
]
DERIVED: list[workplace.Row] = [
    {"id": "a+1", "parent": "a", "text": "abx", "label": "good"},
    {"id": "c+1", "parent": "c", "text": "aaa", "label": "good"},
    {"id": "e+1", "parent": "e", "text": "f", "label": "good"},
]
SPLITS = {"a": "train", "b": "train", "c": "validation", "d": "test", "e": None}


@pytest.fixture
def run(tmp_path: Path, tiny_model: Path) -> Any:
    def encoded(
        originals: list[workplace.Row] = ORIGINALS, derived: list[workplace.Row] = DERIVED, **changes: Any
    ) -> dict[str, Any]:
        dotted = {key.replace("__", "."): value for key, value in changes.items()}
        given = {"model": str(tiny_model), "labels": ["bad", "good"], "encode.max_length_tokens": 8}
        with workplace.working_in(tmp_path, given | dotted):
            workplace.put("cleaned", "samples", workplace.table(originals))
            workplace.put("augmented", "samples", workplace.table(derived))
            rows = [[row["id"] for row in originals], [SPLITS[row["id"]] for row in originals]]
            workplace.put("split", "assignment", pa.table([*rows, *[[None] * len(originals)] * 2], schema=SCHEMA))
            encode.main()
            return tables.read_json("metrics/encode.json")

    return encoded


def inputs(folder: Path, split: str, *columns: str) -> list[Any]:
    rows = tables.read(folder / "data/encoded" / split, "inputs").to_pylist()
    return [tuple(row[name] for name in columns) for row in rows]


def test_each_split_gets_its_samples_and_derived_ones_only_train(run: Any, tmp_path: Path) -> None:
    metrics = run()
    assert inputs(tmp_path, "train", "id", "parent", "label", "fold", "length") == [
        ("a", None, 1, None, 5),
        ("b", None, 0, None, 4),
        ("a+1", "a", 1, None, 5),
    ]
    assert inputs(tmp_path, "validation", "id", "label", "length") == [("c", 1, 8)]
    assert inputs(tmp_path, "test", "id", "label", "length") == [("d", 0, 6)]
    assert metrics == {
        "rows": 8,
        "unused": 3,
        "tokens": {
            "train": {"rows": 3, "mean": 4.67, "median": 5.0, "p95": 5.0, "max": 5, "truncated": 0},
            "validation": {"rows": 1, "mean": 22.0, "median": 22.0, "p95": 22.0, "max": 22, "truncated": 1},
            "test": {"rows": 1, "mean": 6.0, "median": 6.0, "p95": 6.0, "max": 6, "truncated": 0},
        },
        "unknown_tokens": 0.0,
    }


def test_the_meta_file_tells_what_finetune_needs(run: Any, tmp_path: Path) -> None:
    run()
    assert tables.read_json(tmp_path / "data/encoded/meta.json") == {
        "modality": "text",
        "labels": ["bad", "good"],
        "model_inputs": ["input_ids"],
        "pad_token_id": 0,
        "max_length_tokens": 8,
        "model": "tiny",
        "train_label_counts": {"bad": 1, "good": 1},
    }


def test_the_model_limits_the_length(run: Any, tmp_path: Path) -> None:
    run(encode__max_length_tokens=1000)
    assert tables.read_json(tmp_path / "data/encoded/meta.json")["max_length_tokens"] == 64


def test_without_named_labels_those_that_occur_are_the_classes(run: Any, tmp_path: Path) -> None:
    run(labels=[])
    assert tables.read_json(tmp_path / "data/encoded/meta.json")["labels"] == ["bad", "good"]


@pytest.mark.parametrize("batch_rows", [1, 2, 1024])
def test_a_samples_inputs_do_not_depend_on_its_neighbours(run: Any, tmp_path: Path, batch_rows: int) -> None:
    originals = [row | ({"text_pair": "x"} if row["id"] == "b" else {}) for row in ORIGINALS]
    run(originals, encode__batch_rows=batch_rows)
    assert tables.read_json(tmp_path / "data/encoded/meta.json")["model_inputs"] == ["input_ids", "token_type_ids"]
    assert inputs(tmp_path, "train", "id", "length") == [("a", 6), ("b", 6), ("a+1", 6)]


def test_two_runs_give_the_same_bytes(run: Any, tmp_path: Path) -> None:
    files = []
    for batch_rows in (1024, 2):
        run(encode__batch_rows=batch_rows)
        files.append({path.name: path.read_bytes() for path in (tmp_path / "data/encoded").rglob("*.*")})
    assert files[0] == files[1]


@pytest.mark.parametrize("label", ["odd", None])
def test_a_label_that_is_no_class_is_told_and_nothing_is_written(run: Any, tmp_path: Path, label: str | None) -> None:
    with pytest.raises(UserError, match=f"sample b has the label {label!r}, which is none of: bad, good"):
        run([row | ({"label": label} if row["id"] == "b" else {}) for row in ORIGINALS])
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["augmented", "cleaned", "split"]


def test_without_derived_samples_the_originals_are_enough(run: Any) -> None:
    metrics = run(derived=[])
    assert (metrics["rows"], metrics["unused"]) == (5, 1)


def test_texts_that_the_vocabulary_lacks_are_warned_of(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert "warnings" not in run()
    known = [row | {"text": "今天"} for row in ORIGINALS]
    capsys.readouterr()
    metrics = run(known)
    assert metrics["unknown_tokens"] >= 0.05
    (warned,) = metrics["warnings"]
    assert warned["code"] == "unknown_tokens"
    assert warned["sentence"].startswith(f"{metrics['unknown_tokens']:.1%} of the tokens are unknown to ")
    assert f"warning: {warned['sentence']}\n" in capsys.readouterr().out
