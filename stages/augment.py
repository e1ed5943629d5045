"""Augment: cleaned -> derived samples only; the originals stay where they are.

A derived sample's id is its parent's with `+` and the number of the copy: it shows at sight where it is from,
and it stays when a step's options change its text. Group and label are the parent's; split decides the rest.
"""

from contextlib import closing
from itertools import tee
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from stages.augmenters import AUDIO, IMAGE, MODELS, TEXT, rows
from stages.augmenters.derive import make_deriver
from stages.augmenters.examples import Examples
from stages.augmenters.pictures import make_picture_deriver
from stages.augmenters.plan import Plan, plan
from stages.augmenters.sounds import make_sound_deriver
from stages.augmenters.steps import check_steps
from stages.core import parallel, report, samples, tables
from stages.core.blocks import Augment
from stages.core.errors import UserError
from stages.core.params import example_of, load

PROCESSES_PAY_FROM = {"text": 5_000, "image": 2_000, "audio": 300}
"""Derived samples: some seconds of work for one process."""
FAMILIES = {"text": TEXT, "image": IMAGE, "audio": AUDIO}
MAKERS: dict[str, Any] = {"text": make_deriver, "image": make_picture_deriver, "audio": make_sound_deriver}


def main() -> None:
    params = load()
    options = deriver_options(params.augment, params.modality, params.seed)
    valued = params.task == "regression"
    planned = read_plan(
        seed=params.seed,
        copies=params.augment.copies,
        share=params.augment.share,
        balance=params.augment.balance,
        max_copies=params.augment.max_copies,
        valued=valued,
    )
    workers = parallel.processes(params.augment.workers, planned.total, PROCESSES_PAY_FROM[params.modality])
    with_model = params.modality == "text" and any(name in MODELS for name in options["steps"])
    workers = 1 if with_model else workers
    tally, examples = write_derived(planned, params.modality, valued=valued, workers=workers, **options)
    with tables.new_folder("data/sheets/augment") as folder:
        examples.draw(folder)
    metrics = summary(planned, tally)
    tables.write_json("metrics/augment.json", metrics)
    show(metrics, examples.texts(), "value" if valued else "class")


def deriver_options(block: Augment, modality: str, seed: int) -> dict[str, Any]:
    """The arguments of the modality's deriver: its enabled steps in order, the seed and, for texts, the limits.

    Raises:
        UserError: an unknown step, or an option that is unknown, missing or out of range.
    """
    family = {"text": block.text, "image": block.image, "audio": block.audio}[modality]
    if family is None:
        raise UserError(f"params.yaml: augment.{modality}: missing", f"see {example_of({'modality': modality})}")
    key = f"augment.{modality}.steps"
    check_steps(FAMILIES[modality], {name: step.options for name, step in family.steps.items()}, key)
    enabled = {name: family.steps[name].options for name in family.order if family.steps[name].enabled}
    limits = block.limits.model_dump() if modality == "text" and block.limits else {}
    return {"steps": enabled, "seed": seed, **limits}


def read_plan(*, valued: bool = False, **options: Any) -> Plan:
    """The plan for the cleaned samples that have a gold label and that the source has not set aside.

    Those that have a value instead are all of one class, called `value`.
    """
    found = tables.read("data/cleaned", "samples", ["id", "label", "value", "label_source", "split"])
    answers = pc.if_else(found["value"].is_valid(), rows.VALUED, None) if valued else found["label"]
    held_out = pc.is_in(found["split"], pa.array(["validation", "test"]))
    gold = pc.equal(pc.fill_null(found["label_source"], ""), "gold")
    labels = pc.if_else(pc.and_not(gold, held_out), answers, pa.scalar(None, pa.string()))
    return plan(found["id"].to_pylist(), labels.to_pylist(), **options)


def write_derived(
    planned: Plan, modality: str, *, valued: bool, workers: int, **options: Any
) -> tuple[rows.Tally, Examples]:
    """Derive and write what is planned: what became of it, and a few examples."""
    tally, examples = rows.Tally(), Examples(modality, len(planned.originals), answer="value" if valued else "label")
    size = tables.comfortable_rows("data/cleaned", "samples")
    with (
        tables.new_folder("data/augmented") as folder,
        tables.Writer(folder, "samples", samples.SCHEMA) as writer,
        report.progress_bar() as bar,
    ):
        if not planned.total:
            return tally, examples
        columns = list(dict.fromkeys([modality, "text_pair"]))
        originals = rows.digests(tables.batches("data/cleaned", "samples", columns, batch_rows=size), modality)
        cleaned = tables.batches("data/cleaned", "samples", batch_rows=size)
        chunks, again = tee(rows.chunks(cleaned, planned.copies))
        task = bar.add_task("augment", total=planned.total)
        work = (rows.jobs(chunk, modality) for chunk in chunks)
        with closing(parallel.ordered_map(MAKERS[modality], options, work, workers=workers)) as results:
            for (chunk, _), outcomes in zip(again, results, strict=True):
                derived = rows.derived_rows(chunk, outcomes, originals, tally, column=modality, valued=valued)
                writer.write(derived)
                examples.add(chunk, derived)
                bar.advance(task, sum(map(len, outcomes)))
    return tally, examples


def summary(planned: Plan, tally: rows.Tally) -> dict[str, Any]:
    """The metrics: planned = derived + given up; a class's rows before, wanted and after."""
    classes = {
        label: {"before": count, "wanted": planned.wanted[label], "after": count + tally.derived[label]}
        for label, count in planned.originals.items()
    }
    return {
        "planned": planned.total,
        "derived": tally.derived.total(),
        "given_up": dict(sorted(tally.given_up.items())),
        "steps": dict(sorted(tally.steps.items())),
        "classes": classes,
    }


def show(metrics: dict[str, Any], examples: list[list[str]], answer: str = "class") -> None:
    """What was derived, class by class, and how it looks."""
    given_up = ", ".join(f"{count} {reason}" for reason, count in metrics["given_up"].items()) or "none"
    title = f"{metrics['planned']} planned, {metrics['derived']} derived, given up: {given_up}"
    classes = [[label, *counts.values()] for label, counts in metrics["classes"].items()]
    report.table(title, ["class", "rows before", "wanted", "rows after"], classes)
    if examples:
        report.table("Examples", [answer, "original", "derived"], examples)


if __name__ == "__main__":
    report.run("augment", main)
