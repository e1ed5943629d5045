"""Every member of TASKS keeps the contract of `Task`."""

from pathlib import Path
from typing import Any, get_args

import numpy as np
import pyarrow as pa
import pytest
from ruamel.yaml import YAML

from stages.core.errors import UserError
from stages.core.finetune_block import Finetune
from stages.core.params import BEST_BY
from stages.core.registry import member
from stages.modalities import MODEL_CLASSES, PIPELINES
from stages.tasks import TASKS
from stages.tasks.task import PLOTS, Task

META = {
    "labels": ["bad", "good"],
    "train_label_counts": {"bad": 3, "good": 2},
    "train_values": {"count": 5, "mean": 2.0, "deviation": 1.0},
}
ENCODED = pa.table({"label": pa.array([0, 1, 1, 0], pa.int32()), "value": [1.0, 2.5, 3.0, 0.5]})
IDS = list("abcd")
NAMES = sorted(TASKS)


def made(name: str) -> tuple[Task, Any, Any]:
    """The task, gold and outputs of four samples."""
    task: Task = member(TASKS, name, "task")(META, bins=5)
    logits = np.random.default_rng(0).normal(size=(4, len(task.names))).astype(np.float32)
    return task, task.gold(ENCODED), task.outputs(logits)


@pytest.mark.parametrize("name", NAMES)
def test_the_scores_that_choose_an_epoch_are_those_that_params_allow_and_that_there_are(name: str) -> None:
    task, gold, outputs = made(name)
    assert tuple(task.best_by) == BEST_BY[name]
    assert task.ties_by in task.best_by and not task.best_by[task.ties_by], "an error: the lower, the better"
    assert set(task.best_by) <= set(task.headline(gold, outputs)) == set(task.headline_names)
    assert set(task.best_by) <= set(get_args(Finetune.model_fields["best_by"].annotation))


@pytest.mark.parametrize("name", NAMES)
def test_the_plots_have_the_columns_that_are_declared_and_dvc_names_each(name: str) -> None:
    task, gold, outputs = made(name)
    found = task.plots(gold, outputs)
    assert found
    assert {plot: tuple(table.column_names) for plot, table in found.items()} == {plot: PLOTS[plot] for plot in found}
    shown = YAML(typ="safe").load(Path(__file__).parents[2] / "dvc.yaml")["plots"]
    drawn = {path for plot in shown if isinstance(plot, dict) for one in plot.values() for path in one["y"]}
    assert {f"metrics/plots/evaluate/{plot}.csv" for plot in PLOTS} <= drawn


@pytest.mark.parametrize("name", NAMES)
def test_predictions_and_mistakes_speak_of_the_same_samples(name: str) -> None:
    task, gold, outputs = made(name)
    predictions = task.predictions(IDS, gold, outputs)
    assert predictions.column_names[:3] == ["id", "gold", "prediction"] and predictions["id"].to_pylist() == IDS
    worst = task.worst(gold, outputs, IDS, limit=2)
    rows = task.mistakes(gold, outputs, IDS, dict.fromkeys(IDS, "x|y"), worst)
    assert [row[0] for row in rows] == [IDS[i] for i in worst] and len(rows[0]) == len(task.mistakes_header)
    assert [row[-1] for row in rows] == ["x|y"] * len(rows)


@pytest.mark.parametrize("name", NAMES)
def test_gold_and_outputs_come_back_from_the_predictions_as_they_were(name: str) -> None:
    task, gold, outputs = made(name)
    found_gold, found = task.from_predictions(task.predictions(IDS, gold, outputs))
    assert np.array_equal(found_gold, gold) and found_gold.dtype == gold.dtype
    assert np.array_equal(found, outputs) and found.dtype == outputs.dtype
    empty = task.predictions([], gold[:0], outputs[:0])
    assert empty.schema == task.predictions(IDS, gold, outputs).schema


@pytest.mark.parametrize("name", NAMES)
def test_the_summary_is_told_in_rows_with_interval_and_baseline(name: str) -> None:
    task, gold, outputs = made(name)
    metrics = task.summary(gold, outputs, resamples=20, confidence=0.9, seed=1)
    rows = task.headline_rows(metrics)
    assert [row[0].split(" ")[0] for row in rows] == list(task.headline_names)
    assert [row[0] for row in rows if row[0].endswith("(lower is better)")] and all(len(row) == 5 for row in rows)


@pytest.mark.parametrize("name", NAMES)
def test_logits_that_are_not_finite_are_told(name: str) -> None:
    task, _, _ = made(name)
    with pytest.raises(UserError, match="logits are not finite for 1 of 2 samples: training has diverged"):
        task.outputs(np.array([[0.0] * len(task.names), [np.nan] * len(task.names)], dtype=np.float32))


def test_every_modality_has_a_model_and_a_pipeline_for_each_task() -> None:
    for known in (MODEL_CLASSES, PIPELINES):
        assert {modality: sorted(tasks) for modality, tasks in known.items()} == dict.fromkeys(known, NAMES)
