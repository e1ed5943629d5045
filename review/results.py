"""The short table at the end of `make repro`: what became of the data, how good the model is, what to do.

Stages that have not run through since one before them did are left out: their numbers are of an older run.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from review.predict import task_of as pipeline_of
from review.standing import Standing, standing
from stages.core import report, tables
from stages.core.cautions import sentences
from stages.core.errors import UserError
from stages.core.registry import member
from stages.tasks import TASKS, simple
from stages.tasks.spread import member_table
from stages.tasks.task import headline_header

METRICS = Path("metrics")
COUNTED = ("rows", "kept", "rejected", "dropped", "derived", "unused")
"""Counts of samples that the stages report, in the order in which they are shown."""


def main() -> None:
    line = standing(Path())
    stale = line.stale if line else ()
    found = {path.stem: tables.read_json(path) for path in sorted(METRICS.glob("*.json")) if path.stem not in stale}
    rows = sample_rows(found)
    if rows:
        report.table("Samples", ["stage", "samples"], rows)
    if "evaluate" in found:
        show_scores(found["evaluate"])
    elif not stale:
        report.note("no metrics/evaluate.json yet: type dvc repro")
    for sentence in [*cautions(line, any_metrics=bool(found)), *warnings_of(found)]:
        report.paragraph(sentence)
    for sentence in next_steps(found):
        report.note(sentence)


def show_scores(evaluated: Mapping[str, Any]) -> None:
    """The tables of scores on the test samples, from the content of metrics/evaluate.json."""
    title = f"Model, on {evaluated['samples']} test samples it has never seen"
    task = task_of(evaluated)
    report.table(title, headline_header(task), task.headline_rows(evaluated))
    if simple.KEY in evaluated:
        report.paragraph(simple.sentence(evaluated, task.shown[1]))
    if "members" in evaluated:
        title, header, members = member_table(evaluated, task.shown)
        report.table(f"{title}, on the same samples", header, members)


def cautions(line: Standing | None, *, any_metrics: bool) -> list[str]:
    """What keeps the numbers above from being the results of these files, a sentence each."""
    if line is None:
        untold = "dvc.lock does not tell which run these are of: they are what metrics/ holds"
        return [untold] if any_metrics else []
    if line.stale:
        return [line.why]
    if line.changed_params:
        return [f"params.yaml has changed since {', '.join(line.changed_params)} ran: dvc repro"]
    return []


def warnings_of(metrics: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What the stages warned of, with the stage's name: one that is skipped does not say it again."""
    return [f"{stage} warns: {sentence}" for stage, content in metrics.items() for sentence in sentences(content)]


def task_of(evaluated: Mapping[str, Any]) -> Any:
    """The member of `TASKS` whose scores stand in metrics/evaluate.json."""
    return member(TASKS, "regression" if "mse" in evaluated else "classification", "task")


def sample_rows(metrics: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str]]:
    """What each stage that reports rows did with them, in the order of the line."""
    order = ("fetch", "validate", "clean", "augment", "split", "encode")
    return [(stage, ", ".join(counts(metrics[stage]))) for stage in order if stage in metrics]


def counts(metrics: Mapping[str, Any]) -> list[str]:
    """`1000 rows`, `970 kept`, …: the counts of samples among a stage's metrics, then those of the splits."""
    found = [f"{metrics[name]} {name}" for name in COUNTED if isinstance(metrics.get(name), int)]
    for name, part in metrics.get("splits", {}).items():
        count = part["rows"] if isinstance(part, Mapping) else part
        found += [f"{count} {name}"] if count and name != "unassigned" else []
    return found


def model_sentence(folder: Path) -> str:
    """How to ask the model: by the pipeline of transformers that it is for; an adapter by this repository."""
    if (folder / "adapter_config.json").is_file():
        return f"the adapter: python -m review.predict {folder} …"
    try:
        return f"the model: transformers.pipeline('{pipeline_of(folder)}', '{folder}')"
    except UserError:
        return "the model"


def next_steps(metrics: Mapping[str, Any]) -> list[str]:
    """Where to look, and what to type, of the stages whose metrics are shown."""
    mistakes = f"the {task_of(metrics.get('evaluate', {})).mistakes_title.lower()}"
    steps = (
        ("evaluate", "data/mistakes/index.csv", mistakes),
        ("finetune", "metrics/plots", "the data of the plots; to draw them: dvc plots show"),
        ("finetune", "models/model", model_sentence(Path("models/model"))),
    )
    lines = [f"{path}: {what}" for stage, path, what in steps if stage in metrics and Path(path).exists()]
    if "evaluate" in metrics:
        lines.append("Ask what if: dvc exp run -S lr=2e-5, then make experiments")
    return [*lines, "make page: all of this as one page to look at"] if lines else lines


if __name__ == "__main__":
    with report.ending("results"):
        main()
