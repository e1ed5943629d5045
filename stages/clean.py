"""Clean: fetched and verdicts -> kept samples and dropped samples, each with its reasons."""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import zip_longest
from pathlib import Path

import pyarrow as pa

from stages.cleaners import OUTLIERS, TEXT
from stages.cleaners.chain import chain
from stages.cleaners.labels import normaliser
from stages.cleaners.rows import RowCleaner, build_steps
from stages.cleaners.survey import Survey
from stages.core import report, samples, tables
from stages.core.blocks import Clean
from stages.core.errors import UserError
from stages.core.params import load

FIRST_PASS = "first_pass"


def main() -> None:
    params = load()
    cleaner = row_cleaner(params.clean, params.labels)
    near = params.clean.duplicates.near
    survey = Survey(shingle_characters=near.shingle_characters, permutations=near.permutations if near.enabled else 0)
    steps = build_steps(OUTLIERS, params.clean.outliers.checks, "clean.outliers.checks")
    with tables.new_folder("data/cleaned") as folder:
        total = first_pass(folder, cleaner, survey)
        again = partial(tables.batches, folder, FIRST_PASS, ["text", "text_pair"])
        survey.repeats(params.clean.labels.conflicts, params.clean.duplicates.exact)
        if near.enabled:
            survey.near(again, action=near.action, threshold=near.threshold)
        survey.outliers(again, steps, action=params.clean.outliers.action)
        counts = second_pass(folder, survey, total)
    tables.write_json("metrics/clean.json", {**counts, "changed": dict(sorted(cleaner.changed.items()))})
    show(counts, cleaner.changed)


def row_cleaner(block: Clean, labels: list[str]) -> RowCleaner:
    """The row cleaner that params.yaml describes.

    Raises:
        UserError: an option of a step, or a label to map or to fill with, that is not allowed.
    """
    steps = build_steps(TEXT, {name: block.text.steps[name] for name in block.text.order}, "clean.text.steps")
    rules = block.labels
    if rules.missing == "fill" and labels and rules.fill not in labels:
        raise UserError(
            f"params.yaml: clean.labels.fill: '{rules.fill}' is not among `labels`", f"one of: {', '.join(labels)}"
        )
    return RowCleaner(
        chain=chain(steps),
        normalise=normaliser(labels=labels, strip=rules.strip, casefold=rules.casefold, mapping=rules.map),
        labels=frozenset(labels),
        fill_text=block.fill_text if block.missing_text == "fill" else None,
        fill_label=rules.fill if rules.missing == "fill" else None,
        drop_missing_labels=rules.missing == "drop",
        drop_unknown_labels=rules.unknown == "drop",
    )


def first_pass(folder: Path, cleaner: RowCleaner, survey: Survey) -> int:
    """Clean row by row into a passing table, and survey it; the number of rows that validate let through."""
    total = tables.rows("data/fetched", "samples")
    with tables.Writer(folder, FIRST_PASS, samples.SCHEMA) as writer:
        for batch in report.track(accepted(), "clean", total):
            cleaned, reasons = cleaner(batch)
            survey.add(cleaned, reasons)
            writer.write(cleaned)
    survey.close()
    return writer.rows


def accepted() -> Iterator[pa.Table]:
    """The fetched samples that validate did not reject, with its findings."""
    fetched = tables.batches("data/fetched", "samples")
    verdicts = tables.batches("data/validated", "verdicts")
    for batch, verdict in zip_longest(fetched, verdicts):
        if batch is None or verdict is None or not batch["id"].equals(verdict["id"]):
            raise UserError("data/validated holds the verdicts on other samples than data/fetched has", "dvc repro")
        marked = samples.replace(batch, issues=verdict["issues"])
        yield marked.filter(pa.compute.invert(verdict["rejected"]))


def second_pass(folder: Path, survey: Survey, total: int) -> dict[str, object]:
    """Write what stays and what is dropped; in = kept + dropped, counted by reason, code and label."""
    reasons: Counter[str] = Counter()
    codes: Counter[str] = Counter()
    labels: Counter[str] = Counter()
    start = 0
    with (
        tables.Writer(folder, "samples", samples.SCHEMA) as kept,
        tables.Writer(folder, "dropped", samples.SCHEMA) as dropped,
    ):
        for batch in report.track(tables.batches(folder, FIRST_PASS), "write", total):
            rows = slice(start, start := start + len(batch))
            batch = survey.finish(batch, rows)
            alive = pa.array(survey.alive[rows])
            kept.write(batch.filter(alive))
            dropped.write(batch.filter(pa.compute.invert(alive)))
            codes.update(code for row in batch["issues"].to_pylist() for code in row)
            labels.update(batch["label"].filter(alive).drop_null().to_pylist())
            reasons.update(survey.names[number] for number in survey.reasons[rows] if number)
    for shard in tables.shards(folder, FIRST_PASS):
        shard.unlink()
    return {
        "rows": total,
        "kept": kept.rows,
        "dropped": dropped.rows,
        "groups": survey.count_groups(),
        "reasons": dict(sorted(reasons.items())),
        "issues": dict(sorted(codes.items())),
        "labels": dict(sorted(labels.items())),
    }


def show(counts: dict[str, object], changed: Counter[str]) -> None:
    """What was changed and what was dropped."""
    report.table("Changed by cleaner", ["cleaner", "rows"], sorted(changed.items()))
    title = f"{counts['rows']} rows, {counts['kept']} kept, {counts['dropped']} dropped"
    reasons = counts["reasons"]
    report.table(title, ["reason", "rows"], list(reasons.items()) if isinstance(reasons, dict) else [])


if __name__ == "__main__":
    report.run("clean", main)
