"""Bad input: one clear message, exit code 1, no traceback, nothing half-written."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stages import augment, baseline, clean, encode, evaluate, fetch, finetune, split, validate
from stages.core import report, tables
from stages.core.seeds import seed_of
from tests import workplace

MAINS: dict[str, Callable[[], None]] = {
    "fetch": fetch.main,
    "validate": validate.main,
    "clean": clean.main,
    "augment": augment.main,
    "split": split.main,
    "baseline": baseline.main,
    "encode": encode.main,
    "finetune": finetune.main,
    "evaluate": evaluate.main,
}
OUTPUTS = {
    "fetch": "data/fetched",
    "validate": "data/validated",
    "clean": "data/cleaned",
    "augment": "data/augmented",
    "split": "data/split",
    "baseline": "data/baseline",
    "encode": "data/encoded",
    "finetune": "models/model",
    "evaluate": "models/predictions.parquet",
}
SYNONYMS = {"augment.text.steps.synonym.groups": str(workplace.ROOT / "stages/augmenters/synonyms.txt")}
Stop = Callable[..., str]


@pytest.fixture
def stop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Stop:
    """Run stages; the last must stop with a message, which is returned, and leave nothing behind."""

    def run(*stages: str, given: Callable[[], None] = lambda: None, written: bool = False, **changes: Any) -> str:
        dotted = {key.replace("__", "."): value for key, value in changes.items()}
        with workplace.working_in(tmp_path, SYNONYMS | dotted):
            given()
            for stage in stages[:-1]:
                report.run(stage, MAINS[stage])
            capsys.readouterr()
            with pytest.raises(SystemExit) as ended:
                report.run(stages[-1], MAINS[stages[-1]])
            assert ended.value.code == 1
            assert Path(OUTPUTS[stages[-1]]).exists() == written
            assert Path(f"metrics/{stages[-1]}.json").exists() == written
            assert workplace.leftovers() == []
        shown = capsys.readouterr()
        assert "Traceback" not in shown.out + shown.err
        first, stopped, message = shown.err.partition(f"{stages[-1]} stopped: ")
        before = shown.out + first
        assert stopped and message.count("stopped:") == 0
        assert "\nNext: " in message
        return message.replace("\nNext:", " Next:") if not before.strip() else before + message

    return run


def fetched(rows: list[workplace.Row]) -> Callable[[], None]:
    return lambda: workplace.put("fetched", "samples", workplace.table(rows))


def cleaned(rows: list[workplace.Row]) -> Callable[[], None]:
    return lambda: workplace.put("cleaned", "samples", workplace.table(rows))


def labelled(*labels: str | None, each: int = 100, **more: Any) -> list[workplace.Row]:
    """Rows whose texts have nothing in common."""
    return [{"text": str(seed_of(label, n)), "label": label, **more} for label in labels for n in range(each)]


LAX = {key.replace(".", "__"): value for key, value in workplace.LAX.items()}


def test_one_class_only_breaks_the_contract(stop: Stop) -> None:
    shown = stop("validate", given=fetched(labelled("negative")), written=True)
    assert "2 clauses of the data contract broken: min_rows_per_class: neutral, min_rows_per_class: positive" in shown
    shown = stop("validate", given=fetched(labelled("negative")), written=True, labels=[])
    assert "1 clause of the data contract broken: labels" in shown


def test_one_class_only_cannot_be_split_whatever_the_contract(stop: Stop) -> None:
    shown = stop("validate", "clean", "split", given=fetched(labelled("negative")), **LAX)
    assert "split: only one class: negative" in shown


def test_fewer_groups_than_folds(stop: Stop) -> None:
    rows = [row | {"group": f"g{n % 8}"} for n, row in enumerate(labelled("negative", "positive"))]
    shown = stop("split", given=cleaned(rows), split__folds=10)
    assert "params.yaml: split.folds: 10 folds, but 6 groups to train on fill only 6" in shown


def test_labels_that_differ_from_the_contract(stop: Stop) -> None:
    shown = stop("validate", given=fetched(labelled("neg", "neu", "pos")), written=True)
    for clause in ("min_rows_per_class: negative", "min_rows_per_class: positive", "max_shares: label.unknown"):
        assert clause in shown
    assert "300 rows, 100.00%" in shown
    assert "'neg'" in shown  # an example


@pytest.mark.parametrize(
    ("name", "code"), [("a.csv", "label.unknown"), ("a.jsonl", "label.missing"), ("a.parquet", "label.missing")]
)
def test_nan_as_a_label(stop: Stop, name: str, code: str) -> None:
    rows = labelled("negative", "neutral", "positive", "NaN")

    def given() -> None:
        path = Path("in", name)
        path.parent.mkdir()
        if name == "a.csv":
            path.write_text("\n".join(["text,label", *(f"{row['text']},{row['label']}" for row in rows)]))
        elif name == "a.jsonl":
            nan = [row | {"label": float("nan")} if row["label"] == "NaN" else row for row in rows]
            path.write_text("\n".join(map(json.dumps, nan)))
        else:
            numbers = [float("nan") if row["label"] == "NaN" else len(row["label"]) / 2 for row in rows]
            pq.write_table(pa.table({"text": [row["text"] for row in rows], "label": numbers}), path)

    changes: dict[str, Any] = {"fetch__path": "in", "fetch__columns": {"text": "text", "label": "label"}}
    changes |= {"fetch__options__files": [name]} | ({"labels": []} if name == "a.parquet" else {})
    shown = stop("fetch", "validate", given=given, written=True, **changes)
    assert f"1 clause of the data contract broken: max_shares: {code}" in shown
    assert "100 rows, 25.00%" in shown


def test_ten_megabytes_in_one_cell_are_rejected_and_the_line_goes_on(tmp_path: Path) -> None:
    rows = [*labelled("negative", "neutral", "positive", each=40), {"text": "x" * 10_000_000, "label": "neutral"}]
    (tmp_path / "in").mkdir()
    lines = [f"{row['text']},{row['label']}" for row in rows]
    (tmp_path / "in/a.csv").write_text("\n".join(["text,label", *lines]) + "\n")
    fetching = {"fetch.path": "in", "fetch.options.files": ["a.csv"]}
    with workplace.working_in(tmp_path, fetching | {"fetch.columns": {"text": "text", "label": "label"}}):
        for stage in ("fetch", "validate", "clean", "split"):
            report.run(stage, MAINS[stage])
        assert [row["issues"] for row in workplace.rows("validated", "rejected")] == [["text.too_long"]]
        assert tables.read_json("metrics/clean.json")["kept"] == 120


@pytest.mark.parametrize("stage", list(MAINS))
def test_a_typo_in_params_stops_every_stage(stop: Stop, stage: str) -> None:
    shown = stop(stage, lr="fast", split__ratio=1)
    assert "params.yaml: lr: 'fast': should be a valid number" in shown
    assert "params.yaml: split.ratio: unknown key, did you mean 'ratios'?" in shown


def test_a_typo_in_the_file_ends_the_script_with_1(tmp_path: Path) -> None:
    text = workplace.text().replace("\nlr:", "\nlrr:")
    (tmp_path / "params.yaml").write_text(text, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(workplace.ROOT)}
    command = [sys.executable, "-m", "stages.split"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("split stopped: params.yaml: ")
    assert "params.yaml: lrr: unknown key, did you mean 'lr'?" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["params.yaml"]


def test_nothing_left_after_cleaning(stop: Stop) -> None:
    shown = stop("validate", "clean", "augment", "split", given=fetched(labelled("a", "b")), **LAX)
    assert "no samples are left after cleaning Next: see metrics/clean.json and data/cleaned/dropped" in shown


def test_a_broken_contract_still_writes_its_report(stop: Stop, tmp_path: Path) -> None:
    rows = labelled("negative", "neutral", "positive", each=30) + labelled(None, each=10)
    shown = stop("validate", given=fetched(rows), written=True)
    assert "1 clause of the data contract broken: max_shares: label.missing" in shown
    assert "mend the data, or change validate.contract in a commit that says why" in shown
    assert tables.read_json(tmp_path / "metrics/validate.json")["contract_breaches"] == 1
    assert tables.rows(tmp_path / "data/validated", "verdicts") == 100


def test_a_group_so_large_that_test_is_empty(stop: Stop) -> None:
    rows = [row | {"group": f"g{n > 20}"} for n, row in enumerate(labelled("negative", "positive"))]
    shown = stop("split", given=cleaned(rows))
    assert "split: no sample for test (ratio 0.15; 200 samples, 0 unused)" in shown
    assert "large groups (fetch.columns.group, clean.duplicates.near) may leave none" in shown


def test_a_split_along_time_without_dates(stop: Stop) -> None:
    rows = labelled("negative", "positive", extra=[("author", "ann")])
    options = {"column": "date", "format": "iso"}
    shown = stop("split", given=cleaned(rows), split__method="temporal", split__options=options)
    assert "params.yaml: split.options.column: sample " in shown
    assert " has no 'date'; it has: author Next: keep the column with fetch.extra" in shown


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "holds no config.json"),
        ({"config.json": "{}"}, "holds no weights"),
        ({"config.json": "{}", "pytorch_model.bin": ""}, "holds only pickled weights (pytorch_model.bin)"),
        (
            {"config.json": '{"auto_map": {"AutoModel": "x.Y"}}', "model.safetensors": ""},
            "needs code of its own (auto_map in config.json), which is not run",
        ),
    ],
)
def test_a_model_folder_that_is_not_safe(stop: Stop, files: dict[str, str], message: str) -> None:
    def given() -> None:
        Path("mine").mkdir()
        for name, content in files.items():
            Path("mine", name).write_text(content)

    assert f"params.yaml: model: mine {message}" in stop("encode", given=given, model="mine")


def test_a_bundled_model_that_there_is_not(stop: Stop) -> None:
    shown = stop("encode", model="bundled:all-MiniLM-L12")
    assert "params.yaml: model: no bundled model 'all-MiniLM-L12' Next: bundled: all-MiniLM-L6-v2" in shown


@pytest.mark.parametrize(
    ("stage", "missing"),
    [
        ("fetch", "data/source"),
        ("validate", "data/fetched: no samples-00000.parquet here"),
        ("clean", "data/fetched: no samples-00000.parquet here"),
        ("augment", "data/cleaned: no samples-00000.parquet here"),
        ("split", "data/cleaned: no samples-00000.parquet here"),
        ("encode", "data/split: no assignment-00000.parquet here"),
        ("finetune", "data/encoded/"),
        ("evaluate", "data/encoded/"),
    ],
)
def test_a_stage_before_that_has_not_run(stop: Stop, tiny_model: Path, stage: str, missing: str) -> None:
    assert missing in stop(stage, model=str(tiny_model))


def test_verdicts_without_their_samples(stop: Stop) -> None:
    shown = stop("clean", given=fetched(labelled("negative")))
    assert "data/validated: no verdicts-00000.parquet here" in shown
