"""Augment: cleaned -> derived samples only; the originals stay where they are.

A derived sample's id is its parent's with `+` and the number of the copy: it shows at sight where it is from,
and it stays when a step's options change its text. Group and label are the parent's; split decides the rest.
"""

from contextlib import closing
from itertools import tee
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from stages.augmenters import MODELS, rows
from stages.augmenters.derive import check_steps, make_deriver
from stages.augmenters.plan import Plan, plan
from stages.core import parallel, report, samples, tables
from stages.core.params import load

PROCESSES_PAY_FROM = 5_000  # derived texts: five seconds of work or more for one process
EXAMPLES = 4


def main() -> None:
    params = load()
    steps = params.augment.text.steps
    check_steps({name: step.options for name, step in steps.items()})
    planned = read_plan(
        seed=params.seed,
        copies=params.augment.copies,
        share=params.augment.share,
        balance=params.augment.balance,
        max_copies=params.augment.max_copies,
    )
    enabled = {name: steps[name].options for name in params.augment.text.order if steps[name].enabled}
    workers = parallel.processes(params.augment.workers, planned.total, PROCESSES_PAY_FROM)
    tally, examples = write_derived(
        planned,
        workers=1 if any(name in MODELS for name in enabled) else workers,
        steps=enabled,
        seed=params.seed,
        protected_words=params.augment.limits.protected_words,
        max_changed_share=params.augment.limits.max_changed_share,
        min_characters=params.augment.limits.min_characters,
    )
    metrics = summary(planned, tally)
    tables.write_json("metrics/augment.json", metrics)
    show(metrics, examples)


def read_plan(**options: Any) -> Plan:
    """The plan for the cleaned samples that have a gold label and that the source has not set aside."""
    found = tables.read("data/cleaned", "samples", ["id", "label", "label_source", "split"])
    held_out = pc.is_in(found["split"], pa.array(["validation", "test"]))
    gold = pc.equal(pc.fill_null(found["label_source"], ""), "gold")
    labels = pc.if_else(pc.and_not(gold, held_out), found["label"], pa.scalar(None, pa.string()))
    return plan(found["id"].to_pylist(), labels.to_pylist(), **options)


def write_derived(planned: Plan, *, workers: int, **options: Any) -> tuple[rows.Tally, list[list[str]]]:
    """Derive and write what is planned: what became of it, and a few examples (label, original, derived)."""
    tally, examples = rows.Tally(), list[list[str]]()
    with (
        tables.new_folder("data/augmented") as folder,
        tables.Writer(folder, "samples", samples.SCHEMA) as writer,
        report.progress_bar() as bar,
    ):
        if not planned.total:
            return tally, examples
        originals = rows.digests(tables.batches("data/cleaned", "samples", ["text", "text_pair"]))
        chunks, again = tee(rows.chunks(tables.batches("data/cleaned", "samples"), planned.copies))
        task = bar.add_task("augment", total=planned.total)
        work = map(rows.jobs, chunks)
        with closing(parallel.ordered_map(make_deriver, options, work, workers=workers)) as results:
            for (chunk, _), outcomes in zip(again, results, strict=True):
                derived = rows.derived_rows(chunk, outcomes, originals, tally)
                writer.write(derived)
                examples += pairs(chunk, derived)[: EXAMPLES - len(examples)]
                bar.advance(task, sum(map(len, outcomes)))
    return tally, examples


def pairs(originals: pa.Table, derived: pa.Table) -> list[list[str]]:
    """Label, original and derived text, shortened, of the first copies."""
    texts = dict(zip(originals["id"].to_pylist(), originals["text"].to_pylist(), strict=True))
    found = derived.slice(0, EXAMPLES).select(["label", "parent", "text"]).to_pylist()
    return [[row["label"], texts[row["parent"]][:160], row["text"][:160]] for row in found]


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


def show(metrics: dict[str, Any], examples: list[list[str]]) -> None:
    """What was derived, class by class, and how it looks."""
    given_up = ", ".join(f"{count} {reason}" for reason, count in metrics["given_up"].items()) or "none"
    title = f"{metrics['planned']} planned, {metrics['derived']} derived, given up: {given_up}"
    classes = [[label, *counts.values()] for label, counts in metrics["classes"].items()]
    report.table(title, ["class", "rows before", "wanted", "rows after"], classes)
    if examples:
        report.table("Examples", ["class", "original", "derived"], examples)


if __name__ == "__main__":
    report.run("augment", main)
