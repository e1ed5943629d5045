"""Evaluate: model and encoded test split -> predictions, metrics with intervals, plots and mistakes."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from stages.core import cautions, report, samples, tables
from stages.core.errors import UserError
from stages.core.params import load
from stages.core.registry import member
from stages.modalities import MODEL_CLASSES
from stages.modalities.page import page
from stages.tasks import TASKS, simple
from stages.tasks.mistakes import Row
from stages.tasks.spread import member_table, spread
from stages.tasks.task import PLOTS, Task, headline_header, rounded

SAVED = "models/model"
SHOWN = 10
"""Mistakes on the terminal; all of them stand in the file."""


def main() -> None:
    params = load()
    test, meta = tables.read("data/encoded/test", "inputs"), tables.read_json("data/encoded/meta.json")
    if not len(test):
        raise UserError(
            "the test split has no samples: there is nothing to evaluate on",
            "raise split.ratios.test in params.yaml, or see metrics/split.json for where the samples went",
        )
    task: Task = member(TASKS, params.task, "task")(meta, bins=params.evaluate.calibration_bins)
    predict = partial(
        predict_logits,
        test,
        model_class=MODEL_CLASSES[params.modality][params.task],
        pad_token_id=meta.get("pad_token_id", 0),
        arrays=meta.get("arrays"),
        seed=params.seed,
        threads=params.finetune.threads,
        batch_size=params.finetune.eval_batch_size,
        device=params.finetune.device,
        precision=params.finetune.precision,
    )
    ids, gold, outputs = test["id"].to_pylist(), task.gold(test), task.outputs(predict(SAVED))
    bootstrap = params.evaluate.bootstrap
    compare = partial(simple.compare, resamples=bootstrap.resamples, confidence=bootstrap.confidence, seed=params.seed)
    summary = partial(task.summary, resamples=bootstrap.resamples, confidence=bootstrap.confidence, seed=params.seed)
    metrics = summary(gold, outputs)
    metrics |= of_members(metrics, task, lambda folder: task.headline(gold, task.outputs(predict(folder))))
    metrics |= out_of_fold(task, summary)
    answered = task.predictions(ids, gold, outputs)
    others = simple.outputs_of(tables.read("data/baseline", "predictions"), answered, task)
    name = tables.read_json("data/baseline/meta.json")["model"]
    metrics[simple.KEY] = {"model": name, **compare(task, gold, outputs, others)}
    warned = list(simple.no_better(metrics, task.shown[1], params.modality))
    metrics |= cautions.as_metrics(warned)
    worst = task.worst(gold, outputs, ids, limit=params.evaluate.mistakes)
    found = contents_of([ids[i] for i in worst], params.modality)
    rows = task.mistakes(gold, outputs, ids, {i: one.content for i, one in found.items()}, worst)
    write(answered, task.plots(gold, outputs), metrics)
    write_mistakes(rows, found, task, params.modality)
    show(task, metrics, [(found[row[0]].name, *row[1:]) for row in rows], bootstrap.confidence)
    cautions.tell(warned)


def predict_logits(
    test: pa.Table,
    folder: str,
    *,
    model_class: str,
    pad_token_id: int,
    arrays: Mapping[str, Mapping[str, Any]] | None,
    seed: int,
    threads: int,
    batch_size: int,
    device: str,
    precision: str,
) -> npt.NDArray[np.float32]:
    """Logits (N, K) of the model in a folder for the encoded samples, in their order."""
    from stages.strategies.adapter import load as load_model
    from stages.training.device import pick, prepare
    from stages.training.predict import predict

    tables.read_json(f"{folder}/config.json")  # a missing model is told like any missing output
    chosen = pick(device)
    prepare(seed, threads)
    model = load_model(Path(folder), model_class)
    return predict(
        model.to(chosen),
        test,
        pad_token_id=pad_token_id,
        arrays=arrays,
        batch_size=batch_size,
        device=chosen,
        precision=precision,
        description="evaluate",
    )


def of_members(metrics: Mapping[str, Any], task: Task, score: Callable[[str], Mapping[str, float]]) -> dict[str, Any]:
    """Of several members, the headline metrics of each, their mean and deviation; nothing in an ordinary run.

    `score` gives those of the model in a folder.
    """
    listed = tables.read_json("models/members/members.json")["members"]
    if not listed:
        return {}
    own = {name: metrics[name] for name in task.headline_names if name in metrics}
    members = {one["name"]: own if one["path"] == SAVED else rounded(score(one["path"])) for one in listed}
    return {**spread(list(members.values())), "members": members}


def out_of_fold(task: Task, summary: Callable[..., Mapping[str, Any]]) -> dict[str, Any]:
    """The metrics of the out-of-fold predictions for the original training samples, where there are any."""
    table = tables.read_file("models/out_of_fold.parquet")
    table = table.filter(pc.equal(table["split"], "train"))
    if not len(table):
        return {}
    found = summary(*task.from_predictions(table))
    return {"out_of_fold": {name: value for name, value in found.items() if name != "per_class"}}


class Held(NamedTuple):
    """What people call a sample, the cleaned text with its pair or the path, and the bytes of an image or sound."""

    name: str
    content: str
    data: bytes | None


def contents_of(ids: Sequence[str], modality: str) -> dict[str, Held]:
    """By id, of these samples only, what they hold."""
    wanted = pa.array(ids, pa.string())
    size = tables.comfortable_rows("data/cleaned", "samples")
    columns = list(dict.fromkeys(["id", "source", "row", modality, "text_pair"]))
    batches = tables.batches("data/cleaned", "samples", columns, batch_rows=size) if ids else ()
    found: dict[str, Held] = {}
    for batch in batches:
        for row in batch.filter(pc.is_in(batch["id"], wanted)).to_pylist():
            one = row[modality]
            text = " / ".join(part for part in (row["text"], row["text_pair"]) if part) if modality == "text" else ""
            content, data = (one["path"], one["bytes"]) if isinstance(one, dict) else (text, None)
            found[row["id"]] = Held(samples.name_of(row), content, data)
    return found


def write_mistakes(rows: Sequence[Row], found: Mapping[str, Held], task: Task, modality: str) -> None:
    """The mistakes as a table, and as files to look at or to listen to; on a sheet, as pictures where they are."""
    media = [(row, found[row[0]]) for row in rows if modality != "text" and row[0] in found]
    named = [(found[row[0]].name if row[0] in found else row[0], *row) for row in rows]
    with tables.new_folder("data/mistakes") as folder:
        kinds = [pa.string(), pa.string(), pa.string(), pa.string(), pa.float64(), pa.string()]
        columns = [pa.array([row[place] for row in named], kind) for place, kind in enumerate(kinds)]
        pyarrow.csv.write_csv(pa.table(columns, names=["sample", *task.mistakes_header]), folder / "index.csv")
        for row, one in media:
            (folder / f"{row[0]}{Path(one.content).suffix}").write_bytes(one.data or b"")
    with tables.new_folder("data/sheets/evaluate") as folder:
        if modality == "image" and media:
            from stages.modalities.picture import decode
            from stages.tasks.sheets import mistakes_sheet

            sheet = mistakes_sheet([(decode(one.data or b""), row[1], row[2], row[3]) for row, one in media])
            (folder / "mistakes.png").write_bytes(sheet)
        else:
            shown = [[name, answer, predicted, f"{size:.4f}", text] for name, _, answer, predicted, size, text in named]
            header = ["sample", *task.mistakes_header[1:]]
            (folder / "mistakes.svg").write_text(page(task.mistakes_title, header, shown), encoding="utf-8")


def write(predictions: pa.Table, plots: Mapping[str, pa.Table], metrics: Mapping[str, Any]) -> None:
    """Predictions, plots and metrics, each whole or not at all."""
    tables.write_file("models/predictions.parquet", predictions)
    with tables.new_folder("metrics/plots/evaluate") as folder:
        for name, columns in PLOTS.items():  # a plot of another task has its header alone: dvc.yaml names it
            empty = pa.table({column: pa.array([], pa.string()) for column in columns})
            pyarrow.csv.write_csv(plots.get(name, empty), folder / f"{name}.csv")
    tables.write_json("metrics/evaluate.json", metrics)


def show(task: Task, metrics: Mapping[str, Any], rows: Sequence[Row], confidence: float) -> None:
    """The headline values beside those of simple models, what is undefined, and the mistakes."""
    title = f"{metrics['samples']} test samples"
    header = headline_header(task, f"{100 * confidence:g}% interval")
    report.table(title, header, task.headline_rows(metrics))
    report.note(simple.sentence(metrics, task.shown[1]))
    if "members" in metrics:
        report.table(*member_table(metrics, task.shown))
    if "out_of_fold" in metrics:
        found = metrics["out_of_fold"]
        report.table(f"Out of fold: {found['samples']} training samples", header, task.headline_rows(found))
    for name in task.headline_names:
        if name not in metrics:
            report.note(f"{name} is left out: {task.undefined}")
    if rows:
        header = ("sample", *task.mistakes_header[1:])
        report.table(f"{task.mistakes_title} (more: data/mistakes/index.csv)", header, rows[:SHOWN])


if __name__ == "__main__":
    report.run("evaluate", main)
