"""All sections together, on folders: values, older revisions, and what is told before the numbers."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ruamel.yaml import YAML

from review.compare import compare
from review.html import page
from review.markdown import markdown
from stages.core import tables
from stages.core.errors import UserError
from stages.core.seeds import generator
from tests import folders

SICK = "recipes/sick.yaml"
TEST, ALL = 60, 100


def side(folder: Path, *, noise: float, deviation: float | None = None, changes: Any = None) -> None:
    """A regressor's outputs: 60 test samples, 40 training samples; its errors are `noise` times random ones."""
    values = generator("values").normal(size=ALL) + 3
    rows = [
        {
            "id": f"s{number:03d}",
            "text": f"one sentence {'word ' * (number % 7)}{number}",
            "text_pair": f"another {number}",
            "value": float(values[number]),
            "split": "test" if number < TEST else "train",
        }
        for number in range(ALL)
    ]
    more = {"review.gates.bounds": {"pearson": {"min": 0.2}}, "review.gates.slices": {}, **(changes or {})}
    folders.lay_out(folder, rows, recipe=SICK, changes=more)
    predicted = values[:TEST] + noise * generator("errors", noise).normal(size=TEST)
    ids = [row["id"] for row in rows[:TEST]]
    (folder / "models").mkdir()
    table = pa.table({"id": ids, "gold": values[:TEST], "prediction": predicted})
    pq.write_table(table, folder / "models/predictions.parquet")
    metrics: dict[str, Any] = {"pearson": float(np.corrcoef(values[:TEST], predicted)[0, 1])}
    metrics |= {} if deviation is None else {"deviation": {"mse": deviation}}
    tables.write_json(folder / "metrics/evaluate.json", metrics)


def compared(folder: Path) -> dict[str, Any]:
    return compare(*(folders.side(folder / name, name) for name in ("base", "head")))


def test_values_are_compared_by_their_errors(tmp_path: Path) -> None:
    side(tmp_path / "base", noise=0.3, deviation=0.01)
    side(tmp_path / "head", noise=1.5)
    found = compared(tmp_path)
    assert found["verdict"]["worse"] == ["pearson", "mse", "mae", "r2", "spearman"]
    assert "gates failed: drops.pearson, " in found["verdict"]["text"]
    assert "; Pearson's correlation worse by 0." in found["verdict"]["text"]
    assert {row["by"] for row in found["slices"]["rows"]} == {"value", "length"}
    text = markdown(found)
    assert text.index("The error grew on") < text.index("Error grew: 20 of")
    assert "mean squared error ↓ | 0.0" in text and " ± 0.01" in text
    sides = (folders.side(tmp_path / name, name) for name in ("base", "head"))
    assert "mean squared error" in page(found, *sides)


def test_a_head_older_than_the_block_review_is_judged_by_the_workspace(tmp_path: Path) -> None:
    side(tmp_path / "base", noise=0.3)
    side(tmp_path / "head", noise=0.3)
    path = tmp_path / "head/params.yaml"
    content = YAML(typ="safe").load(path)
    del content["review"]
    YAML().dump(content, path)
    found = compare(*(folders.side(tmp_path / name, name) for name in ("base", "head")), root=tmp_path / "base")
    assert found["notes"][-1].startswith("The head's params.yaml has no block review")
    assert "bounds.pearson" in {gate["name"] for gate in found["gates"]}


def test_too_few_resamples_are_told(tmp_path: Path) -> None:
    for name in ("base", "head"):
        side(tmp_path / name, noise=0.3, changes={"review.resamples": 100})
    assert compared(tmp_path)["notes"][-1].startswith("review.resamples is 100: too few for any claim")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"review.resamples": 0}, "review.resamples: .*0"),
        ({"review.gates.bounds": {"accuracy": {"min": 0.5}}}, "review.gates.bounds.accuracy: the task regression has"),
        ({"review.slices": ["genre"]}, "review.slices: genre: the samples have no such column"),
    ],
)
def test_wrong_settings_are_told(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    side(tmp_path / "base", noise=0.3)
    side(tmp_path / "head", noise=0.3, changes=changes)
    with pytest.raises(UserError, match=said):
        compared(tmp_path)
