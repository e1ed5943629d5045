"""The model card: front matter that parses, and every value as it is."""

from typing import Any

import pytest
from ruamel.yaml import YAML

from stages.training.card import bullets, card

GIVEN: dict[str, Any] = {
    "task": "classification",
    "pipeline": "text-classification",
    "base_model": "bundled:all-MiniLM-L6-v2",
    "labels": ["bad", "good"],
    "provenance": {"source": "files", "rows": 3, "files": [{"name": "a.csv", "rows": 1}, {"name": "b.csv", "rows": 2}]},
    "recipe": {"strategy": "full", "lr": 0.00125, "seed": 42, "finetune": {"weight_decay": 0.01, "adam_epsilon": 1e-8}},
    "metrics": {"accuracy": 0.912345},
}


@pytest.mark.parametrize("name", ["bundled:all-MiniLM-L6-v2", "org/name@v1.0", "my #1 model: v2", "~", "1e3"])
def test_the_front_matter_is_yaml_whatever_the_model_is_called(name: str) -> None:
    _, front, body = card(**GIVEN | {"base_model": name}).split("---\n", 2)
    assert YAML(typ="safe").load(front) == {
        "library_name": "transformers",
        "pipeline_tag": "text-classification",
        "base_model": name,
        "tags": ["groundwork", "classification"],
    }
    assert body.startswith(f"\n# Classification with {name}\n")


def test_the_card_holds_data_params_metrics_and_limits() -> None:
    text = card(**GIVEN)
    headings = [line for line in text.splitlines() if line.startswith("## ")]
    assert headings == ["## Use", "## Training data", "## Params", "## Validation", "## Limits"]
    assert "Classes: bad, good." in text
    for line in (
        "- source: files",
        "  - 2:\n    - name: b.csv\n    - rows: 2",
        "- lr: 0.00125",
        "- accuracy: 0.912345",
    ):
        assert f"{line}\n" in text
    assert "- It answers with one of 2 classes" in text
    assert text.endswith("\n") and not text.endswith("\n\n")


def test_without_classes_the_card_speaks_of_a_number() -> None:
    text = card(**GIVEN | {"task": "regression", "labels": []})
    assert "It answers with a number, in the unit of its training data" in text
    assert "class" not in text.split("## Limits")[1]


def test_values_are_neither_rounded_nor_renamed() -> None:
    values = {"a": 0.00375, "b": 0.01, "c": 5e-05, "d": None, "e": True, "f": "x", "g": [0.9, 0.999], "h": {}}
    assert bullets(values).splitlines() == [
        "- a: 0.00375",
        "- b: 0.01",
        "- c: 5e-05",
        "- d: null",
        "- e: true",
        "- f: x",
        "- g: [0.9, 0.999]",
    ]
