"""The closing table of `make repro`."""

import json
from pathlib import Path

import pytest

from review import results
from stages.core import report, tables
from tests.repository import Repository
from tests.small_line import dvc, replace

EVALUATE = {
    "accuracy": 0.9,
    "log_loss": 0.25,
    "samples": 120,
    "interval": {"accuracy": {"low": 0.85, "high": 0.95}},
    "baseline": {"accuracy": 0.4},
}


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(report.console, "width", 120)


def test_without_metrics_it_says_what_to_type(capsys: pytest.CaptureFixture[str]) -> None:
    results.main()
    assert capsys.readouterr().out == "no metrics/evaluate.json yet: type dvc repro\n"


def test_a_finished_run_shows_samples_headline_and_next_steps(capsys: pytest.CaptureFixture[str]) -> None:
    tables.write_json("metrics/clean.json", {"rows": 900, "kept": 880, "dropped": 20, "reasons": {"x": 20}})
    tables.write_json("metrics/evaluate.json", EVALUATE)
    tables.write_json("data/mistakes/index.csv", {})
    results.main()
    shown = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "clean 900 rows, 880 kept, 20 dropped" in shown
    assert "Model, on 120 test samples it has never seen" in shown
    assert "accuracy 0.9000 0.8500 - 0.9500 0.4000 log_loss (lower is better) 0.2500" in shown
    assert "data/mistakes/index.csv: the most confident mistakes" in shown
    assert "dvc.lock does not tell which run these are of: they are what metrics/ holds" in shown
    assert "dvc exp run -S lr=2e-5" in shown
    assert "models/model" not in shown


def test_several_members_are_shown_with_mean_and_deviation(capsys: pytest.CaptureFixture[str]) -> None:
    members = {"fold0-seed1": {"accuracy": 0.9, "log_loss": 0.25}, "fold1-seed1": {"accuracy": 0.8, "log_loss": 0.35}}
    spread = {"mean": {"accuracy": 0.85, "log_loss": 0.3}, "deviation": {"accuracy": 0.070711, "log_loss": 0.070711}}
    tables.write_json("metrics/evaluate.json", EVALUATE | {"members": members} | spread)
    results.main()
    shown = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "2 members, on the same samples" in shown and "fold1-seed1 0.3500 0.8000" in shown
    assert "mean ± deviation 0.3000 ± 0.0707 0.8500 ± 0.0707" in shown


def test_a_regression_is_shown_beside_the_training_mean(capsys: pytest.CaptureFixture[str]) -> None:
    given = {"mse": 0.25, "pearson": 0.87, "samples": 9, "interval": {}, "baseline": {"mse": 1.0}}
    tables.write_json("metrics/evaluate.json", given)
    tables.write_json("data/mistakes/index.csv", {})
    results.main()
    shown = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "metric value interval simple model training mean" in shown
    assert "mse (lower is better) 0.2500 1.0000 pearson 0.8700" in shown
    assert "data/mistakes/index.csv: the largest errors" in shown


@pytest.fixture
def run_line(line: Repository, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """The small line, which has run, as the place that results are asked for."""
    monkeypatch.chdir(line.folder)
    for name, value in line.environment.items():
        monkeypatch.setenv(name, value)
    return line


def shown_by(capsys: pytest.CaptureFixture[str]) -> list[str]:
    results.main()
    return [" ".join(row.split()) for row in capsys.readouterr().out.splitlines() if row.strip()]


@pytest.mark.usefixtures("run_line")
def test_a_run_that_ended_well_is_shown_without_caution(capsys: pytest.CaptureFixture[str]) -> None:
    shown = shown_by(capsys)
    assert shown[0] == "Model, on 4 test samples it has never seen"
    assert shown[3:] == [
        "accuracy 1.0000",
        "models/model: the model",
        "Ask what if: dvc exp run -S lr=2e-5, then make experiments",
        "make page: all of this as one page to look at",
    ]


@pytest.mark.parametrize("ended_with", ["encode", "finetune"])
def test_scores_of_an_older_run_are_not_shown(
    run_line: Repository, capsys: pytest.CaptureFixture[str], ended_with: str
) -> None:
    replace(run_line, "params.yaml", "seed: 42", "seed: 43")
    dvc(run_line, "repro", ended_with)
    assert (
        shown_by(capsys)
        == {
            "encode": ["finetune, evaluate have not run through since encode did: dvc repro"],
            "finetune": [
                "evaluate has not run through since encode did: dvc repro",
                "models/model: the model",
                "make page: all of this as one page to look at",
            ],
        }[ended_with]
    )


def test_stages_stand_in_the_order_of_the_line_and_splits_are_counted() -> None:
    found = {
        "split": {"rows": 10, "unused": 1, "splits": {"train": {"rows": 7}, "test": {"rows": 2}}},
        "fetch": {"rows": 10, "splits": {"train": 0, "unassigned": 10}, "bytes": 5},
        "finetune": {"steps": 3},
    }
    assert results.sample_rows(found) == [
        ("fetch", "10 rows"),
        ("split", "10 rows, 1 unused, 7 train, 2 test"),
    ]


@pytest.mark.parametrize(
    ("architecture", "told"),
    [
        ("BertForSequenceClassification", "the model: transformers.pipeline('text-classification', 'm')"),
        ("ResNetForImageClassification", "the model: transformers.pipeline('image-classification', 'm')"),
        ("Wav2Vec2ForSequenceClassification", "the model: transformers.pipeline('audio-classification', 'm')"),
        ("Unheard", "the model"),
    ],
)
def test_the_pipeline_is_that_of_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, architecture: str, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("m").mkdir()
    Path("m/config.json").write_text(json.dumps({"architectures": [architecture]}))
    assert results.model_sentence(Path("m")) == told
    Path("m/adapter_config.json").write_text("{}")
    assert results.model_sentence(Path("m")) == "the adapter: python -m review.predict m …"


def test_what_stages_warned_of_is_said_again(capsys: pytest.CaptureFixture[str]) -> None:
    warned = [{"code": "large_group", "sentence": "the largest group holds 69 % of the samples"}]
    tables.write_json("metrics/split.json", {"rows": 9, "warnings": warned})
    tables.write_json("metrics/evaluate.json", EVALUATE)
    results.main()
    assert "split warns: the largest group holds 69 % of the samples\n" in capsys.readouterr().out
