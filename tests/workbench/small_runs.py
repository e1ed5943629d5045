"""Small runs to look at: texts by the real stages, pictures, sounds and values as their tables and metrics."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from stages.core import tables
from stages.modalities.page import page
from stages.tasks.task import PLOTS
from tests import folders, pictures, sounds, two_sides
from tests.workplace import Row

EVIL = "[red]m900 <script>alert('x')</script><img src=https://example.org/x.png onerror=alert(1)>"
LOSS = "epoch,series,loss\n1,train,1.0\n1,validation,0.9\n2,train,0.5\n2,validation,0.6\n"
CONFUSION = "actual,predicted\n" + "negative,negative\n" * 7 + "neutral,positive\n" * 3 + "positive,positive\n" * 5


def build_texts(folder: Path) -> two_sides.Sides:
    """A run on 160 short texts with one that is like a script, one that is empty and one that is there twice."""
    sides = two_sides.begin(folder)
    rows = two_sides.messages()
    same = {"author": "z", "channel": "mail"}
    rows.insert(0, {"message": EVIL, "sentiment": "neutral", **same})
    rows.append({"message": "", "sentiment": "neutral", **same})
    rows.append({**rows[1]})
    sides.make(rows, {"clean.text": {"order": [], "steps": {}}})
    sides.predict(skill=0.5)
    write_plots(folder, {"finetune/loss": LOSS, "evaluate/confusion": CONFUSION})
    tables.write_json(folder / "metrics/finetune.json", {"samples": {"train": 112}, "steps": 14, "epochs": 2})
    (folder / "data/sheets/evaluate").mkdir(parents=True)
    (folder / "data/sheets/evaluate/mistakes.svg").write_text(page("Mistakes", ["id"], [["a"]]))
    return sides


def write_plots(folder: Path, contents: dict[str, str]) -> None:
    """The data of plots; of those of evaluate that are not given the header alone, as evaluate writes it."""
    empty = {f"evaluate/{name}": ",".join(columns) + "\n" for name, columns in PLOTS.items()}
    for name, content in {**empty, **contents}.items():
        path = folder / f"metrics/plots/{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def build_media(folder: Path, modality: str, *, count: int = 6) -> Path:
    """A run on pictures or sounds of two classes, of which the first in test is predicted wrong."""
    recipe = {"image": "recipes/digits.yaml", "audio": "recipes/speech-digits.yaml"}[modality]
    splits = ["train"] * (count - 2) + ["test"] * 2
    rows: list[Row] = []
    for number, split in enumerate(splits):
        content = pictures.png("across", number) if modality == "image" else sounds.coded(sounds.tone(300 + number))
        path = f"{number % 2}/{number:03d}.{'png' if modality == 'image' else 'wav'}"
        media = {"bytes": content, "path": path}
        rows.append({"id": f"{number:016x}", modality: media, "label": str(number % 2), "split": split})
    parent = rows[0]
    derived = [{**parent, "id": f"{parent['id']}+1", "parent": parent["id"], "split": None}]
    folders.lay_out(folder, rows, derived=derived, recipe=recipe)
    held = [row for row in rows if row["split"] == "test"]
    labels = [row["label"] for row in held]
    write_predictions(folder, held, labels, ["1", *labels[1:]], {"0": [0.1, 0.2], "1": [0.9, 0.8]})
    scores = {"accuracy": 0.5, "samples": 2, "interval": {"accuracy": {"low": 0.0, "high": 1.0}}}
    tables.write_json(folder / "metrics/evaluate.json", {**scores, "baseline": {"accuracy": 0.5}})
    return folder


def build_values(folder: Path) -> Path:
    """A run whose samples have values: two test samples, the second far off."""
    rows: list[Row] = [
        {"text": f"text {number}", "text_pair": f"pair {number}", "value": float(number), "split": split}
        for number, split in enumerate(["train"] * 3 + ["test"] * 2)
    ]
    ids = [f"{number:016x}" for number in range(5)]
    rows = [{"id": one, **row} for one, row in zip(ids, rows, strict=True)]
    folders.lay_out(folder, rows, recipe="recipes/sick.yaml")
    write_predictions(folder, rows[3:], [3.0, 4.0], [3.25, 1.5], {})
    scores = {"mse": 3.1563, "pearson": -1.0, "samples": 2, "interval": {"mse": {"low": 1.0, "high": 6.0}}}
    tables.write_json(folder / "metrics/evaluate.json", {**scores, "baseline": {"mse": 4.0}})
    ranges = {"train": {"rows": 3, "groups": 3, "values": {"min": 0.0, "mean": 1.0, "max": 2.0}}}
    tables.write_json(folder / "metrics/split.json", {"rows": 5, "splits": ranges})
    write_plots(folder, {"evaluate/values": "gold,predicted,residual\n3,3.25,-0.25\n4,1.5,2.5\n"})
    return folder


def write_predictions(
    folder: Path, rows: Sequence[Row], gold: Sequence[Any], predicted: Sequence[Any], scores: dict[str, list[float]]
) -> None:
    """models/predictions.parquet, as evaluate writes it."""
    columns = {"id": [row["id"] for row in rows], "gold": gold, "prediction": predicted}
    (folder / "models").mkdir()
    shares = {f"probability.{name}": values for name, values in scores.items()}
    pq.write_table(pa.table({**columns, **shares}), folder / "models/predictions.parquet")
