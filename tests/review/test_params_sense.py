"""What a params file that is well formed still gets wrong: seen without data, each with the value and what to do."""

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from review.params import main
from tests.workplace import ROOT, params


def write(changes: dict[str, Any], recipe: str = "recipes/messages.yaml") -> Path:
    path = Path("params.yaml")
    YAML(typ="safe").dump(params(changes, recipe), path)
    return path


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("recipes").symlink_to(ROOT / "recipes")


@pytest.mark.parametrize(
    ("changes", "told", "hint"),
    [
        ({"lr": 5e5}, "lr: 500000: no training bears such a rate", "did you mean 5e-05?"),
        ({"finetune.best_by": "pearson"}, "finetune.best_by: pearson (one of: accuracy, macro_f1, log_loss)", ""),
        (
            {"labels": ["negative", "neutral", "positive", "Positive"]},
            "the same class more than once: positive",
            "take",
        ),
        ({"clean.labels.map": {"bad": "negativ"}}, "clean.labels.map: not among `labels`: negativ", "negative"),
        ({"clean.labels.map": {"Neutral": "negative"}}, "'Neutral' is a class of `labels`", "take it out"),
        ({"clean.labels.missing": "fill", "clean.labels.fill": "none"}, "'none' is not among `labels`", "one of: neg"),
        (
            {"model": "bundled:all-minilm"},
            "no bundled model 'all-minilm', did you mean 'all-MiniLM-L6-v2'?",
            "bundled:",
        ),
        ({"model": "models/mine/best"}, "model: no such folder: models/mine/best", "a Hub id"),
        ({"model": "./mine"}, "model: no such folder: ./mine", "a Hub id"),
        (
            {"split.options": {"column": "date"}},
            "split.options.column: unknown key",
            "complete examples: recipes/texts",
        ),
    ],
)
def test_what_is_wrong_is_told_with_what_to_do(
    changes: dict[str, Any], told: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(write(changes))]) == 1
    out, err = capsys.readouterr()
    assert (told in err and hint in err, out) == (True, "")


@pytest.mark.parametrize(
    ("recipe", "example"),
    [("messages", "texts"), ("digits", "images"), ("speech-digits", "sounds"), ("sick", "values")],
)
def test_the_example_to_compare_with_is_one_of_such_data(
    recipe: str, example: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(write({"seed": "x"}, f"recipes/{recipe}.yaml"))]) == 1
    assert capsys.readouterr().err.endswith(f"  compare with recipes/{example}.yaml\n")


def test_when_all_is_right_it_says_what_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(write({"fetch.path": "in/a.csv"}))]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "params.yaml: dvc exp run -S would rewrite more than the value: python -m review.params --lay-out params.yaml",
        "params.yaml is right: classification of texts from in/a.csv, 3 classes; full, model bundled:all-MiniLM-L6-v2",
        "params.yaml: fetch.path: in/a.csv is not here; if it lies in a DVC remote: dvc pull",
    ]
    Path("in").mkdir()
    Path("in/a.csv.dvc").touch()
    main(["params.yaml"])
    assert "is not here" not in capsys.readouterr().out
