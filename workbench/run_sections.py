"""What the page of a run shows, read from metrics/, data/ and models/; what is missing says why in a sentence."""

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from markupsafe import Markup

from review.cost import UNITS, cost
from review.plots import drawings_of
from review.results import METRICS, cautions, sample_rows, task_of, warnings_of
from review.sides import WORKSPACE, NoOutputs, Side
from review.standing import Standing, standing
from stages.core.errors import UserError
from stages.tasks import simple
from stages.tasks.spread import member_table
from stages.tasks.task import headline_header
from workbench.contract import check_clauses, counted
from workbench.media import Inliner
from workbench.selection import class_examples, select
from workbench.shown import Selection, modality_of

EXAMPLES_EACH = 3
"""Samples of each reason code and of each class."""
MOST_EXAMPLES = 36
MISTAKES = 20
"""Mistakes on the page, unless evaluate.mistakes says otherwise."""
MOST_UNKNOWN = 40
"""Labels that are no class."""
SHEETS = Path("data/sheets")
MOST_SHEET_BYTES = 1_500_000
SHEET_KINDS = {".png": "image/png", ".svg": "image/svg+xml"}
"""As pictures of a page: scripts in an SVG do not run there."""
LEARNING = ("loss", "scores", "steps")


@dataclass
class Run:
    """The run in a workspace: its params, and the metrics of the stages that stand."""

    root: Path
    side: Side
    params: dict[str, Any]
    line: Standing | None
    metrics: dict[str, dict[str, Any]] = field(default_factory=dict)

    def why_not(self, stage: str) -> str:
        """Why there is nothing of a stage; empty where there is."""
        if stage in self.metrics:
            return ""
        if self.line and stage in self.line.stale:
            return f"Left out, as it would be of an older run: {self.line.why}."
        return f"Not here yet: {stage} has not run. Type dvc repro."

    @property
    def valued(self) -> bool:
        return self.params.get("task") == "regression"


def read_run(root: Path) -> Run:
    """The run in `root`.

    Raises:
        UserError: there is no params.yaml, or it or a file of metrics cannot be read.
    """
    side = Side(WORKSPACE, None, WORKSPACE, root, NoOutputs())
    if not side.exists("params.yaml"):
        raise UserError("params.yaml: not here", "cd to the folder that holds params.yaml and dvc.yaml")
    line = standing(root)
    stale = line.stale if line else ()
    paths = sorted((root / METRICS).glob("*.json"))
    found = {path.stem: side.json(f"{METRICS}/{path.name}") for path in paths}
    metrics = {stage: content for stage, content in found.items() if stage not in stale or _stopped(content)}
    return Run(root, side, side.params(), line, metrics)


def _stopped(metrics: dict[str, Any]) -> bool:
    """Whether this is validate's report on data that breaks the contract, which is never in dvc.lock."""
    return bool(metrics.get("contract_breaches"))


def sections(run: Run) -> dict[str, Any]:
    """All that the template needs, by the names that it has there."""
    inliner = Inliner(run.root, modality_of(run.params))
    # Mistakes come first: where not all pictures have room, theirs are the ones to see.
    mistakes = samples_of(run, "evaluate", inliner, lambda: _mistakes(run))
    return {
        "headline": headline(run),
        "cautions": [*cautions(run.line, any_metrics=bool(run.metrics)), *warnings_of(run.metrics)],
        "scores": scores(run),
        "stages": sample_rows(run.metrics),
        "classes": classes(run),
        "examples": samples_of(run, "clean", inliner, lambda: _examples(run)),
        "contract": contract(run),
        "left": {
            "rejected": samples_of(run, "validate", inliner, lambda: _left(run, "rejected")),
            "dropped": samples_of(run, "clean", inliner, lambda: _left(run, "dropped")),
        },
        "given_up": run.metrics.get("augment", {}).get("given_up", {}),
        "unused": run.metrics.get("split", {}).get("reasons", {}),
        "plots": plots(run),
        "mistakes": mistakes,
        "sheets": sheets(run),
        "cost": costs(run),
    }


def headline(run: Run) -> dict[str, list[tuple[str, str]]]:
    """`tiles`: the first scores, and how much it was trained and tested on; `params`: what was run."""
    names = ("task", "modality", "model", "strategy", "lr", "epochs", "batch_size", "seed")
    params = [(name, str(run.params[name])) for name in names if run.params.get(name) is not None]
    tiles = []
    if "evaluate" in run.metrics:
        evaluated = run.metrics["evaluate"]
        rows = [row for row in task_of(evaluated).headline_rows(evaluated) if row[2]]
        tiles += [(f"{name}, {interval}", value) for name, value, interval, *_ in rows[:2]]
        tiles.append(("test samples", f"{evaluated['samples']:,}"))
    trained = run.metrics.get("finetune", {}).get("samples", {}).get("train")
    tiles += [("samples trained on", f"{trained:,}")] if trained is not None else []
    seconds = _training_seconds(run)
    tiles += [("training", f"{seconds:,.0f} s")] if seconds is not None else []
    return {"tiles": tiles, "params": params}


def _training_seconds(run: Run) -> float | None:
    return None if run.why_not("finetune") else cost(run.side)["values"].get("training_seconds")


def scores(run: Run) -> dict[str, Any]:
    """The table of scores, those of each class, and those of several trainings."""
    why = run.why_not("evaluate")
    if why:
        return {"why": why}
    evaluated = run.metrics["evaluate"]
    task = task_of(evaluated)
    return {
        "why": "",
        "samples": evaluated.get("samples"),
        "header": headline_header(task),
        "simple": simple.sentence(evaluated, task.shown[1]) if simple.KEY in evaluated else "",
        "rows": task.headline_rows(evaluated),
        "per_class": evaluated.get("per_class", {}),
        "members": member_table(evaluated, task.shown) if "members" in evaluated else None,
    }


def classes(run: Run) -> dict[str, Any]:
    """Samples by class and split, with those that were derived; of values their range."""
    why = run.why_not("split")
    if why:
        return {"why": why}
    parts = run.metrics["split"].get("splits", {})
    ranges = {name: part["values"] for name, part in parts.items() if "values" in part}
    labels = sorted({label for part in parts.values() for label in part.get("labels", {})})
    grown = run.metrics.get("augment", {}).get("classes", {})
    rows = []
    for label in labels:
        counts = [part.get("labels", {}).get(label, 0) for part in parts.values()]
        derived = grown.get(label, {})
        rows.append((label, counts, derived.get("after", 0) - derived.get("before", 0), sum(counts)))
    most = max((row[3] for row in rows), default=1)
    return {"why": "", "splits": list(parts), "rows": rows, "most": most or 1, "ranges": ranges}


def contract(run: Run) -> dict[str, Any]:
    """Each clause of validate.contract, and the labels that are no class of params.yaml."""
    why = run.why_not("validate")
    agreed = run.params.get("validate", {}).get("contract")
    if why or not agreed:
        return {"why": why or "params.yaml has no validate.contract."}
    found, labels = run.metrics["validate"], run.params.get("labels") or []
    clauses = check_clauses(found, agreed, labels, valued=run.valued)
    unknown = [(name, count) for name, count in counted(found) if labels and not run.valued and name not in labels]
    return {
        "why": "",
        "clauses": clauses,
        "broken": sum(bool(clause.advice) for clause in clauses),
        "unknown": unknown[:MOST_UNKNOWN],
        "more": len(unknown[MOST_UNKNOWN:]),
    }


def samples_of(run: Run, stage: str, inliner: Inliner, choose: Callable[[], Selection]) -> dict[str, Any]:
    """Samples of a stage with the addresses of their pictures or sounds."""
    why = run.why_not(stage)
    if why:
        return {"why": why}
    try:
        selection = choose()
        inlined = inliner.addresses(selection.place, [one.id for one in selection.shown])
    except UserError as error:
        return {"why": f"{error}: {error.hint}."}
    return {"why": "", "selection": selection, "inlined": inlined}


def _left(run: Run, what: str) -> Selection:
    return select(run.root, what, run.params, limit=MOST_EXAMPLES, each=EXAMPLES_EACH)


def _examples(run: Run) -> Selection:
    return class_examples(run.root, run.params, limit=MOST_EXAMPLES, each=EXAMPLES_EACH)


def _mistakes(run: Run) -> Selection:
    limit = int(run.params.get("evaluate", {}).get("mistakes") or MISTAKES)
    return select(run.root, "mistakes", run.params, limit=limit)


def plots(run: Run) -> dict[str, Any]:
    """The curves of the training and the plots of the test samples, each with why it is missing."""
    drawn = {panel.name: (panel.title, Markup(svg), panel.note) for panel, svg in drawings_of(run.side)}
    learning = [drawn[name] for name in LEARNING if name in drawn]
    tested = [plot for name, plot in drawn.items() if name not in LEARNING]
    nothing = "The data of the plots, metrics/plots, is not here: dvc repro, or dvc checkout metrics/plots."
    why_learning, why_tested = run.why_not("finetune"), run.why_not("evaluate")
    return {
        "learning": {"why": why_learning or ("" if learning else nothing), "drawn": learning},
        "tested": {"why": why_tested or ("" if tested else nothing), "drawn": tested},
    }


def sheets(run: Run) -> list[dict[str, str]]:
    """The sheets of the stages that stand, as pictures where they are small enough."""
    found = []
    for path in sorted((run.root / SHEETS).glob("*/*")):
        kind, size = SHEET_KINDS.get(path.suffix.lower()), path.stat().st_size
        stage = path.parent.name
        if kind is None or stage not in run.metrics:
            continue
        name, address = f"{SHEETS}/{stage}/{path.name}", ""
        if size <= MOST_SHEET_BYTES:
            address = f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"
        found.append({"name": name, "address": address, "size": f"{size / 2**20:.1f} MiB"})
    return found


def costs(run: Run) -> dict[str, Any]:
    """What the training took: (what, value, unit), the device, and what is not recorded."""
    why = run.why_not("finetune")
    if why:
        return {"why": why}
    found = cost(run.side)
    values = found["values"]
    rows = [(label, values[name], unit) for name, (label, unit) in UNITS.items() if values.get(name) is not None]
    return {"why": "", "rows": rows, "device": found["device"], "notes": found["notes"]}
