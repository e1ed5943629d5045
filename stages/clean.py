"""Clean: fetched and verdicts -> kept samples and dropped samples, each with its reasons."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from stages.cleaners import AUDIO, IMAGE, OUTLIERS, TEXT
from stages.cleaners.chain import chain
from stages.cleaners.cleaned import Cleaned
from stages.cleaners.rows import RowCleaner, build_steps
from stages.cleaners.survey import Survey
from stages.core import cautions, report, samples, tables
from stages.core.blocks import Clean, Decode
from stages.core.errors import UserError
from stages.core.labels import normaliser
from stages.core.media import mapped
from stages.core.params import load

FIRST_PASS = "first_pass"
TOLD, MUCH = 0.1, 0.25
"""Of a class's rows: from the first share on losses are shown, from the second on they are warned of."""
LOSSES = ("class", "kept", "dropped", "share")


def main() -> None:
    params = load()
    answer: Literal["label", "value"] = "value" if params.task == "regression" else "label"
    cleaner = row_cleaner(params.clean, params.labels, params.modality, answer)
    near = params.clean.duplicates.near
    survey = Survey(answer=answer)
    if near.enabled and near.shingle_characters and near.permutations:
        sizes = {"shingle_characters": near.shingle_characters, "permutations": near.permutations}
        survey = Survey(answer=answer, **sizes)
    steps = build_steps(OUTLIERS, params.clean.outliers.checks, "clean.outliers.checks")
    with tables.new_folder("data/cleaned") as folder:
        total = first_pass(folder, cleaner, survey, media_cleaner(params.clean, params.modality, params.decode))
        again = partial(tables.batches, folder, FIRST_PASS, ["text", "text_pair"])
        survey.repeats(params.clean.labels.conflicts, params.clean.duplicates.exact)
        if near.enabled and near.threshold:
            survey.near(again, action=near.action, threshold=near.threshold)
        if near.enabled and near.max_distance_bits is not None:
            survey.near_media(action=near.action, max_distance=near.max_distance_bits)
        survey.outliers(again, steps, action=params.clean.outliers.action)
        counts = second_pass(folder, survey, total)
    found = list(uneven(counts))
    changed = {"changed": dict(sorted(cleaner.changed.items()))}
    tables.write_json("metrics/clean.json", {**counts, **changed, **cautions.as_metrics(found)})
    show(counts, cleaner.changed)
    cautions.tell(found)


def row_cleaner(
    block: Clean, labels: list[str], modality: str, answer: Literal["label", "value"] = "label"
) -> RowCleaner:
    """The row cleaner that params.yaml describes.

    Raises:
        UserError: an option of a step, or a label to map or to fill with, that is not allowed.
    """
    texts = {name: block.text.steps[name] for name in block.text.order} if block.text else {}
    steps = build_steps(TEXT, texts, "clean.text.steps")
    rules = block.labels
    if rules.missing == "fill" and labels and rules.fill not in labels:
        raise UserError(
            f"params.yaml: clean.labels.fill: '{rules.fill}' is not among `labels`", f"one of: {', '.join(labels)}"
        )
    return RowCleaner(
        modality=modality,
        chain=chain(steps),
        normalise=normaliser(labels=labels, strip=rules.strip, casefold=rules.casefold, mapping=rules.map),
        labels=frozenset(labels),
        fill_text=block.fill_text if block.missing_text == "fill" else None,
        fill_label=rules.fill if rules.missing == "fill" else None,
        drop_missing_labels=rules.missing == "drop",
        drop_unknown_labels=rules.unknown == "drop",
        answer=answer,
    )


Media = Callable[[Iterator[pa.Table]], Iterator[tuple[pa.Table, list[Cleaned | None]]]]


def media_cleaner(block: Clean, modality: str, limits: Decode | None) -> Media:
    """Batches of samples to batches with their images or sounds cleaned, in bounded processes."""
    family = block.image if modality == "image" else block.audio
    if modality == "text" or family is None or limits is None:
        return lambda batches: ((batch, []) for batch in batches)
    ordered = {name: family.steps[name] for name in family.order}
    registry, where = (IMAGE if modality == "image" else AUDIO), f"clean.{modality}.steps"
    build_steps(registry, ordered, where)
    make, arguments = media_maker(modality, limits, hashed=block.duplicates.near.enabled)
    enabled = {name: step.options for name, step in ordered.items() if step.enabled}
    return lambda batches: mapped(
        batches,
        modality,
        make,
        {"steps": enabled, **arguments},
        lost=lambda item, why: Cleaned(item[0] or b"", item[1] or "", (), f"{modality}.{why}", None),
        workers=limits.workers,
        timeout_s=limits.timeout_s,
        memory_mib=limits.memory_mib,
    )


def media_maker(modality: str, limits: Decode, *, hashed: bool) -> tuple[Callable[..., Any], dict[str, Any]]:
    """The function that makes a cleaner in each process, and its arguments but for the steps."""
    if modality == "image":
        from stages.cleaners.pictures import make_picture_cleaner

        return make_picture_cleaner, {"max_pixels": int(limits.max_megapixels * 1e6), "hash_bits": hashed}
    from stages.cleaners.sounds import make_sound_cleaner

    return make_sound_cleaner, {"max_seconds": limits.max_duration_s, "fingerprint": hashed}


def first_pass(folder: Path, cleaner: RowCleaner, survey: Survey, media: Media) -> int:
    """Clean row by row into a passing table, and survey it; the number of rows that validate let through."""
    total = tables.rows("data/fetched", "samples")
    with tables.Writer(folder, FIRST_PASS, samples.SCHEMA) as writer:
        for batch, found in report.track_pairs(media(accepted()), "clean", total):
            cleaned, reasons = cleaner(batch, found)
            survey.add(cleaned, reasons, [one and one.signature for one in found])
            writer.write(cleaned)
    survey.close()
    return writer.rows


def accepted() -> Iterator[pa.Table]:
    """The fetched samples that validate did not reject, with its findings."""
    rows = tables.comfortable_rows("data/fetched", "samples")
    fetched = tables.batches("data/fetched", "samples", batch_rows=rows)
    verdicts = tables.batches("data/validated", "verdicts", batch_rows=rows)
    for batch, verdict in zip_longest(fetched, verdicts):
        if batch is None or verdict is None or not batch["id"].equals(verdict["id"]):
            raise UserError("data/validated holds the verdicts on other samples than data/fetched has", "dvc repro")
        marked = samples.replace(batch, issues=verdict["issues"])
        yield marked.filter(pc.invert(verdict["rejected"]))


def second_pass(folder: Path, survey: Survey, total: int) -> dict[str, Any]:
    """Write what stays and what is dropped; in = kept + dropped, counted by reason, code and label."""
    reasons: Counter[str] = Counter()
    codes: Counter[str] = Counter()
    labels: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    start = 0
    with (
        tables.Writer(folder, "samples", samples.SCHEMA) as kept,
        tables.Writer(folder, "dropped", samples.SCHEMA) as dropped,
    ):
        size = tables.comfortable_rows(folder, FIRST_PASS)
        for batch in report.track(tables.batches(folder, FIRST_PASS, batch_rows=size), "write", total):
            rows = slice(start, start := start + len(batch))
            batch = survey.finish(batch, rows)
            alive = pa.array(survey.alive[rows])
            kept.write(batch.filter(alive))
            dropped.write(batch.filter(pc.invert(alive)))
            codes.update(code for row in batch["issues"].to_pylist() for code in row)
            labels.update(batch["label"].filter(alive).drop_null().to_pylist())
            lost.update(batch["label"].filter(pc.invert(alive)).drop_null().to_pylist())
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
        "labels": samples.short_names(labels),
        "dropped_labels": samples.short_names(lost),
    }


def show(counts: Mapping[str, Any], changed: Counter[str]) -> None:
    """What was changed and what was dropped."""
    report.table("Changed by cleaner", ["cleaner", "rows"], sorted(changed.items()))
    title = f"{counts['rows']} rows, {counts['kept']} kept, {counts['dropped']} dropped"
    reasons = counts["reasons"]
    report.table(title, ["reason", "rows"], list(reasons.items()))
    if any(lost.share >= TOLD for lost in losses(counts)):
        rows = [(lost.label, lost.kept, lost.dropped, f"{lost.share:.1%}") for lost in losses(counts)]
        report.table("What each class lost, most of it to duplicates and conflicts", LOSSES, rows)


class Loss(NamedTuple):
    """Rows of a class that stayed, and that were dropped."""

    label: str
    kept: int
    dropped: int

    @property
    def share(self) -> float:
        """Of the class's rows, those that were dropped."""
        return self.dropped / (self.kept + self.dropped)


def losses(counts: Mapping[str, Any]) -> list[Loss]:
    """Of each class that stays, by the counts of the second pass; those that lost most come first."""
    found = [Loss(label, kept, counts["dropped_labels"].get(label, 0)) for label, kept in counts["labels"].items()]
    return sorted(found, key=lambda lost: (-lost.share, lost.label))


def uneven(counts: Mapping[str, Any]) -> Iterator[cautions.Caution]:
    """The warning that a class lost much more than the others."""
    dropped, rows = sum(lost.dropped for lost in losses(counts)), sum(counts["labels"].values())
    for lost in losses(counts):
        others = (dropped - lost.dropped) / max(rows + dropped - lost.kept - lost.dropped, 1)
        if lost.share >= MUCH and lost.share >= 2 * others:
            yield cautions.Caution(
                "uneven_loss",
                f"class {lost.label} lost {lost.share:.0%} of its {lost.kept + lost.dropped:,} rows, the others "
                f"{others:.0%}: make look WHAT=dropped shows which; clean.duplicates and clean.labels decide",
            )


if __name__ == "__main__":
    report.run("clean", main)
