"""Split: cleaned -> id, split and fold."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from stages.core import cautions, report, tables
from stages.core.errors import UserError
from stages.core.params import load
from stages.core.registry import build
from stages.core.samples import SPLITS, short_names
from stages.splitters import READ_EXTRA, SPLITTERS
from stages.splitters.assign import ANSWERS, UNUSED, Assignment, assign
from stages.splitters.bins import by_quantile

SCHEMA = pa.schema([("id", pa.string()), ("split", pa.string()), ("fold", pa.int32()), ("reason", pa.string())])
GIANT = 0.3
"""Of the samples: what validation and test take together by default. A larger group leaves no choice."""
COLUMNS = ["id", "group", "label", "value", "target", "label_source", "split"]


def main() -> None:
    params = load()
    block = params.split
    splitter = build(SPLITTERS, block.method, block.options, "split.options")
    extra = ["extra"] if block.method in READ_EXTRA else []
    samples = tables.read("data/cleaned", "samples", [*COLUMNS, *extra])
    if not len(samples):
        raise UserError("no samples are left after cleaning", "see metrics/clean.json and data/cleaned/dropped")
    ratios = block.ratios.model_dump()
    valued = params.task == "regression"
    assignment = assign(
        by_quantile(samples) if valued else samples,
        splitter,
        respect=block.predefined == "respect",
        ratios=ratios,
        folds=block.folds,
        seed=params.seed,
        answers=["value"] if valued else ANSWERS,
    )
    numbers = metrics(samples, assignment, valued=valued)
    check(numbers, ratios)
    with tables.new_folder("data/split") as folder:
        tables.write(folder, "assignment", to_table(samples, assignment))
    found = list(giants(samples["group"], ratios))
    tables.write_json("metrics/split.json", written(numbers) | cautions.as_metrics(found))
    show(numbers)
    cautions.tell(found)


def giants(groups: pa.ChunkedArray, ratios: Mapping[str, float]) -> Iterator[cautions.Caution]:
    """The warning that one group is too large to be shared out."""
    share = max(pc.value_counts(groups.combine_chunks()).field("counts").to_pylist()) / len(groups)
    if share > GIANT:
        asked = ", ".join(f"{name} {ratio:g}" for name, ratio in ratios.items())
        yield cautions.Caution(
            "large_group",
            f"the largest group holds {share:.0%} of the samples and stays in one split, whatever split.ratios ask for "
            f"({asked}): check fetch.columns.group, and clean.duplicates.near, which puts like texts into one group",
        )


def written(numbers: Mapping[str, Any]) -> dict[str, Any]:
    """The metrics as they stand in Git: of labels, those that can be names of classes."""
    splits = {
        name: {**part, "labels": short_names(part["labels"])} if "labels" in part else part
        for name, part in numbers["splits"].items()
    }
    return {**numbers, "splits": splits}


def to_table(samples: pa.Table, assignment: Assignment) -> pa.Table:
    """The assignment, a row a sample, in their order."""
    names = pa.array(SPLITS).take(pa.array(assignment.split, mask=assignment.split == UNUSED))
    folds = pa.array(assignment.fold, pa.int32(), mask=assignment.fold < 0)
    reasons = [reason or None for reason in assignment.reason]
    return pa.table([samples["id"], names, folds, reasons], schema=SCHEMA)


def metrics(samples: pa.Table, assignment: Assignment, *, valued: bool = False) -> dict[str, Any]:
    """Samples a split and class (or the range of values), groups a split, and why samples are unused.

    In = assigned + unused.
    """
    parts = {
        name: samples.select(["label", "value", "group"]).filter(pa.array(assignment.split == number))
        for number, name in enumerate(SPLITS)
    }
    folds = Counter(assignment.fold[assignment.fold >= 0].tolist())
    return {
        "rows": len(samples),
        "unused": int((assignment.split == UNUSED).sum()),
        "reasons": dict(sorted(Counter(reason for reason in assignment.reason if reason).items())),
        "splits": {
            name: {
                "rows": len(part),
                "groups": pc.count_distinct(part["group"]).as_py(),
                **(value_range(part) if valued else {"labels": label_counts(part)}),
            }
            for name, part in parts.items()
        },
        "folds": {str(number): count for number, count in sorted(folds.items())},
    }


def label_counts(part: pa.Table) -> dict[str, int]:
    """Samples a label."""
    return dict(sorted(Counter(part["label"].drop_null().to_pylist()).items()))


def value_range(part: pa.Table) -> dict[str, dict[str, float]]:
    """Least, mean and greatest value; nothing where there is none."""
    values = part["value"].drop_null()
    if not len(values):
        return {"values": {}}
    found = {"min": pc.min(values), "mean": pc.mean(values), "max": pc.max(values)}
    return {"values": {name: round(value.as_py(), 6) for name, value in found.items()}}


def check(numbers: dict[str, Any], ratios: dict[str, float]) -> None:
    """Refuse a split that cannot be trained or measured on.

    Raises:
        UserError: an empty part that should not be, or a class without training samples.
    """
    splits = numbers["splits"]
    for name, part in splits.items():
        if not part["rows"] and (ratios[name] or name != "test"):
            raise UserError(
                f"split: no sample for {name} (ratio {ratios[name]:g}; {unused(numbers)})",
                "raise split.ratios, or fetch more samples; "
                "large groups (fetch.columns.group, clean.duplicates.near) may leave none",
            )
    values = splits["train"].get("values")
    if values is not None:
        if values["min"] == values["max"]:
            raise UserError(f"split: all training samples have the value {values['min']:g}", "fetch.columns.value")
        return
    wanted = {label for part in splits.values() for label in part["labels"]}
    missing = sorted(wanted - set(splits["train"]["labels"]))
    if missing or len(wanted) < 2:
        what = (
            f"no training sample of: {', '.join(missing)}"
            if missing
            else f"only one class: {', '.join(wanted) or 'none'}"
        )
        raise UserError(f"split: {what}", "more samples of it, or clean.labels.map")
    for name in ("validation", "test"):
        absent = sorted(wanted - set(splits[name]["labels"]))
        if splits[name]["rows"] and absent:
            report.note(f"note: no {name} sample of: {', '.join(absent)}")


def show(numbers: dict[str, Any]) -> None:
    """Rows a class and split, and groups a split."""
    splits = numbers["splits"]
    classes = sorted({label for part in splits.values() for label in part.get("labels", ())})
    rows: list[tuple[Any, ...]] = [
        (label, *(part["labels"].get(label, 0) for part in splits.values())) for label in classes
    ]
    for name in ("min", "mean", "max") if any("values" in part for part in splits.values()) else ():
        rows.append((f"{name} value", *(str(part["values"].get(name, "")) for part in splits.values())))
    rows += [(f"all {name}", *(part[name] for part in splits.values())) for name in ("rows", "groups")]
    report.table(unused(numbers), ["class", *splits], rows)


def unused(numbers: dict[str, Any]) -> str:
    """How many samples there are, and how many of them are unused for which reason."""
    reasons = ", ".join(f"{count} {reason}" for reason, count in numbers["reasons"].items())
    return f"{numbers['rows']} samples, {numbers['unused']} unused{f' ({reasons})' if reasons else ''}"


if __name__ == "__main__":
    report.run("split", main)
