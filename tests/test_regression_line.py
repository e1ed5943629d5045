"""Regression through the whole line: pairs of texts with values in, a model that answers in their unit out."""

import csv
import importlib
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from review import results
from stages.core import tables
from stages.tasks.task import PLOTS
from tests.workplace import ROOT, rows, working_in

STAGES = ["fetch", "validate", "clean", "augment", "split", "baseline", "encode", "finetune", "evaluate"]
WORDS = ["ant", "bee", "cat", "dog", "elk", "fox"]
PAIRS = [(one, two) for one in WORDS for two in WORDS]
ODD = [("gnu", "gnu", ""), ("hen", "gnu", "much"), ("ibis", "gnu", "2000"), ("ant", "ant", "300")]
"""No value, no number, out of range, and another value for a pair that came before."""
CHANGES: dict[str, Any] = {
    "task": "regression",
    "labels": [],
    "model": "tiny",
    "lr": 3e-3,
    "epochs": 2,
    "batch_size": 8,
    "fetch.path": "pairs.tsv",
    "fetch.columns": {"text": "one", "text_pair": "two", "value": "price"},
    "fetch.options": {
        "files": [], "format": "tsv", "delimiter": "auto", "quote": None, "encoding": "auto", "header": True,
        "pattern": None, "bad_rows": "error",
    },
    "validate.checks": {"value": {"missing": {}, "invalid": {}, "out_of_range": {"minimum": 0, "maximum": 1000.0}}},
    "validate.reject": ["value.out_of_range"],
    "validate.contract.min_rows": 30,
    "validate.contract.max_shares": {"value.invalid": 0.1},
    "clean.labels.conflicts": "drop",
    "clean.duplicates.near.enabled": False,
    "augment.balance": "none",
    "augment.copies": 1,
    "augment.workers": 1,
    "augment.text.steps.keyboard": {"enabled": True, "p": 1.0, "strength": 0.2},
    "augment.text.steps.synonym.groups": str(ROOT / "stages/augmenters/synonyms.txt"),
    "encode.max_length_tokens": 64,
    "finetune.loss": "huber",
    "finetune.huber_delta": 1.0,
    "finetune.best_by": "mae",
    "finetune.threads": 1,
    "finetune.device": "cpu",
    "search.objective": "mae",
    "evaluate.bootstrap.resamples": 50,
    "review.gates.bounds": {},
    "review.gates.drops": {},
    "review.gates.slices": {},
    "review.gates.data.min_class_share": None,
}  # fmt: skip


def value_of(one: str, two: str) -> float:
    """Between 400 and 700: what depends on both texts."""
    return 400.0 + 50 * WORDS.index(one) + 10 * WORDS.index(two)


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    """A folder in which all stages have run."""
    folder = tmp_path_factory.mktemp("line")
    (folder / "tiny").symlink_to(tiny_model)
    with (folder / "pairs.tsv").open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, delimiter="\t")
        out.writerow(["one", "two", "price"])
        out.writerows([f"the {one} ran off again", f"a {two}", value_of(one, two)] for one, two in PAIRS)
        out.writerows([f"the {one} ran off again", f"a {two}", price] for one, two, price in ODD)
    threads = torch.get_num_threads()
    for stage in STAGES:
        with working_in(folder, CHANGES):
            importlib.import_module(f"stages.{stage}").main()
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)
    return folder


@pytest.fixture(autouse=True)
def _in_the_line(line: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(line)


def test_every_row_stays_or_leaves_with_its_reason() -> None:
    assert tables.read_json("metrics/fetch.json")["labelled"] == 38
    validated, cleaned = tables.read_json("metrics/validate.json"), tables.read_json("metrics/clean.json")
    assert validated["issues"] == {"value.invalid": 1, "value.missing": 1, "value.out_of_range": 1}
    assert (validated["rejected"], validated["contract_breaches"]) == (1, 0)
    assert (cleaned["rows"], cleaned["kept"]) == (39, 35)
    assert cleaned["reasons"] == {"value.conflict": 2, "value.invalid": 1, "value.missing": 1}


def test_derived_samples_have_their_parents_value_and_only_training_sees_them() -> None:
    metrics = tables.read_json("metrics/augment.json")
    assert metrics["classes"] == {"value": {"before": 35, "wanted": 35 + 35, "after": 35 + metrics["derived"]}}
    values = {row["id"]: row["value"] for row in rows("cleaned", "samples")}
    derived = rows("augmented", "samples")
    assert derived and all(row["value"] == values[row["parent"]] for row in derived)
    for name in ("train", "validation", "test"):
        inputs = tables.read(f"data/encoded/{name}", "inputs")
        assert "label" not in inputs.column_names and "token_type_ids" in inputs.column_names
        assert all((row["parent"] is None) or name == "train" for row in inputs.to_pylist())
        assert all(row["value"] == values[row["parent"] or row["id"]] for row in inputs.to_pylist())


def test_the_training_values_are_those_of_the_originals() -> None:
    inputs = tables.read("data/encoded/train", "inputs").to_pylist()
    own = [row["value"] for row in inputs if row["parent"] is None]
    meta = tables.read_json("data/encoded/meta.json")
    assert meta["labels"] == [] and "train_label_counts" not in meta
    assert meta["train_values"] == {"count": len(own), "mean": np.mean(own), "deviation": np.std(own)}


def test_the_saved_model_answers_in_the_unit_of_the_data_with_the_ordinary_class() -> None:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

    model: Any = AutoModelForSequenceClassification.from_pretrained("models/model")
    tokenizer: Any = AutoTokenizer.from_pretrained("models/model")
    config = model.config
    assert (config.num_labels, config.problem_type, config.id2label) == (1, "regression", {0: "value"})
    cleaned = {row["id"]: row for row in rows("cleaned", "samples")}
    predictions = pq.read_table("models/predictions.parquet").to_pylist()
    asked = pipeline("text-classification", "models/model", device="cpu")
    for row in predictions:
        one, two = cleaned[row["id"]]["text"], cleaned[row["id"]]["text_pair"]
        with torch.no_grad():
            answer = model(**tokenizer(one, two, return_tensors="pt")).logits
        assert answer.shape == (1, 1)
        assert answer.item() == pytest.approx(row["prediction"], rel=1e-5)
        assert asked({"text": one, "text_pair": two}) == {"label": "value", "score": pytest.approx(answer.item())}
        assert 300 < row["prediction"] < 800 and row["gold"] == cleaned[row["id"]]["value"]


def test_validation_is_scored_in_the_unit_of_the_data_and_the_best_epoch_by_params() -> None:
    metrics = tables.read_json("metrics/finetune.json")
    assert list(metrics["validation"]) == ["loss", "mse", "mae", "r2", "pearson", "spearman"]
    assert metrics["validation"]["mae"] > 5 > metrics["validation"]["loss"] > 0
    scores = Path("metrics/plots/finetune/scores.csv").read_text().splitlines()
    assert {line.split(",")[1] for line in scores[1:]} == {'"r2"', '"pearson"', '"spearman"', '"r2 (training)"'}
    losses = Path("metrics/plots/finetune/loss.csv").read_text().splitlines()
    assert len(losses) == 1 + 2 * 2


def test_the_outputs_of_evaluate_agree_with_each_other() -> None:
    predictions = pq.read_table("models/predictions.parquet")
    assert predictions.column_names == ["id", "gold", "prediction"]
    gold, found = (predictions[name].to_numpy() for name in ("gold", "prediction"))
    metrics = tables.read_json("metrics/evaluate.json")
    assert metrics["samples"] == len(gold) and metrics["mse"] == pytest.approx(((found - gold) ** 2).mean(), abs=1e-4)
    train = tables.read_json("data/encoded/meta.json")["train_values"]["mean"]
    assert metrics["baseline"]["mae"] == pytest.approx(np.abs(gold - train).mean(), abs=1e-5)
    assert set(metrics["interval"]) == {"mse", "mae", "r2", "pearson", "spearman"}
    worst = int(np.argmax(np.abs(found - gold)))
    with Path("data/mistakes/index.csv").open(encoding="utf-8", newline="") as file:
        first = next(csv.DictReader(file))
    assert first["id"] == predictions["id"][worst].as_py()
    assert " / a" in first["text"], "the pair is shown with the text"
    assert math.isclose(float(first["error"]), found[worst] - gold[worst], abs_tol=1e-4)


def test_plots_of_the_other_task_have_a_header_alone() -> None:
    folder = Path("metrics/plots/evaluate")
    assert sorted(path.stem for path in folder.iterdir()) == sorted(PLOTS)
    counts = {name: len((folder / f"{name}.csv").read_text().splitlines()) for name in PLOTS}
    samples = tables.read_json("metrics/evaluate.json")["samples"]
    assert counts == {name: 1 + (samples if name == "values" else 0) for name in PLOTS}
    for name, columns in PLOTS.items():
        header = (folder / f"{name}.csv").read_text().splitlines()[0]
        assert header == ",".join(f'"{column}"' for column in columns)


def test_the_card_and_the_closing_table_speak_of_values(capsys: pytest.CaptureFixture[str]) -> None:
    card = Path("models/model/README.md").read_text()
    assert "# Regression with tiny" in card and "It answers with a number" in card and "- loss: huber" in card
    results.main()
    shown = capsys.readouterr().out
    assert "training mean" in shown and "spearman" in shown and "the largest errors" in shown


def test_training_and_measuring_again_gives_the_same_bytes(line: Path) -> None:
    def outputs() -> dict[str, bytes]:
        found = [path for top in ("models", "metrics") for path in Path(top).rglob("*") if path.is_file()]
        return {path.as_posix(): path.read_bytes() for path in found}

    before, threads = outputs(), torch.get_num_threads()
    for stage in STAGES[5:]:
        with working_in(line, CHANGES):
            importlib.import_module(f"stages.{stage}").main()
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)
    assert outputs() == before
