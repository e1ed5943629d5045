"""The predict command: an answer a line, and clear errors."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from review import predict
from stages.core.errors import UserError


@pytest.fixture
def model(tiny_model: Path, tmp_path: Path) -> Path:
    import torch
    from transformers import AutoTokenizer, BertForSequenceClassification

    torch.manual_seed(1)
    named = {"id2label": {0: "bad", 1: "good"}, "label2id": {"bad": 0, "good": 1}}
    BertForSequenceClassification.from_pretrained(tiny_model, **named).save_pretrained(tmp_path / "model")
    AutoTokenizer.from_pretrained(tiny_model).save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def typed(monkeypatch: pytest.MonkeyPatch, capsys: Any, *arguments: str) -> list[list[str]]:
    monkeypatch.setattr(sys, "argv", ["predict", *arguments])
    capsys.readouterr()
    predict.main()
    return [line.split("\t") for line in capsys.readouterr().out.splitlines()]


def test_each_text_gets_its_label_and_probability(
    model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = typed(monkeypatch, capsys, str(model), "a day", "no " * 100)
    assert [row[2] for row in rows] == ["a day", "no " * 100]
    assert all(row[0] in ("bad", "good") and 0.5 <= float(row[1]) <= 1 for row in rows)
    monkeypatch.setattr(sys, "stdin", io.StringIO("a day\n\nb\n"))
    again = typed(monkeypatch, capsys, str(model))
    assert again[0] == rows[0] and [row[2] for row in again] == ["a day", "b"]


@pytest.mark.parametrize(
    ("config", "inputs", "message"),
    [
        (None, ["x"], "no model here (no config.json)"),
        ("{", ["x"], "config.json is no JSON"),
        ({"architectures": ["BertModel"]}, ["x"], "BertModel is no classifier"),
        ({"architectures": ["BertForSequenceClassification"]}, [], "nothing to predict"),
        ({"architectures": ["ViTForImageClassification"]}, ["none.png"], "no such file: none.png"),
        ({"architectures": ["Wav2Vec2ForSequenceClassification"]}, ["none.wav"], "no such file: none.wav"),
    ],
)
def test_what_cannot_be_answered_is_told(tmp_path: Path, config: Any, inputs: list[str], message: str) -> None:
    if config is not None:
        (tmp_path / "config.json").write_text(config if isinstance(config, str) else json.dumps(config))
    with pytest.raises(UserError) as caught:
        list(predict.answers(tmp_path, inputs))
    assert message in str(caught.value) and caught.value.hint


def test_a_file_is_not_taken_for_a_text(
    model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    table = model.parent / "tickets.csv"
    table.write_text("text\na day\n")
    with pytest.raises(UserError, match=r"tickets\.csv is a file, and its name would be taken for a text") as caught:
        typed(monkeypatch, capsys, str(model), str(table))
    assert caught.value.hint.endswith(f"python -m review.predict {model} < FILE")
    rows = typed(monkeypatch, capsys, str(model), "no.such file", "x" * 5000)
    assert rows[0][2] == "no.such file"
