"""Split: cleaned -> id, split and fold."""

from collections import Counter
from typing import Any

import pyarrow as pa

from stages.core import report, tables
from stages.core.errors import UserError
from stages.core.params import load
from stages.core.registry import build
from stages.core.samples import SPLITS
from stages.splitters import SPLITTERS
from stages.splitters.assign import UNUSED, Assignment, assign

SCHEMA = pa.schema([("id", pa.string()), ("split", pa.string()), ("fold", pa.int32()), ("reason", pa.string())])
COLUMNS = ["id", "group", "label", "value", "target", "label_source", "split", "extra"]


def main() -> None:
    params = load()
    block = params.split
    splitter = build(SPLITTERS, block.method, block.options, "split.options")
    samples = tables.read("data/cleaned", "samples", COLUMNS)
    if not len(samples):
        raise UserError("no samples are left after cleaning", "see metrics/clean.json and data/cleaned/dropped")
    ratios = block.ratios.model_dump()
    assignment = assign(
        samples,
        splitter,
        respect=block.predefined == "respect",
        ratios=ratios,
        folds=block.folds,
        seed=params.seed,
    )
    numbers = metrics(samples, assignment)
    check(numbers, ratios)
    with tables.new_folder("data/split") as folder:
        tables.write(folder, "assignment", to_table(samples, assignment))
    tables.write_json("metrics/split.json", numbers)
    show(numbers)


def to_table(samples: pa.Table, assignment: Assignment) -> pa.Table:
    """The assignment, a row a sample, in their order."""
    names = [SPLITS[number] if number != UNUSED else None for number in assignment.split]
    folds = [int(number) if number >= 0 else None for number in assignment.fold]
    reasons = [reason or None for reason in assignment.reason]
    return pa.table([samples["id"], names, folds, reasons], schema=SCHEMA)


def metrics(samples: pa.Table, assignment: Assignment) -> dict[str, Any]:
    """Samples a split and class, groups a split, and why samples are unused; in = assigned + unused."""
    rows: dict[str, Counter[str]] = {name: Counter() for name in SPLITS}
    groups: dict[str, set[str]] = {name: set() for name in SPLITS}
    labels, names = samples["label"].to_pylist(), samples["group"].to_pylist()
    for number, label, group in zip(assignment.split, labels, names, strict=True):
        if number != UNUSED:
            rows[SPLITS[number]][label] += 1
            groups[SPLITS[number]].add(group)
    folds = Counter(int(number) for number in assignment.fold if number >= 0)
    return {
        "rows": len(samples),
        "unused": int((assignment.split == UNUSED).sum()),
        "reasons": dict(sorted(Counter(reason for reason in assignment.reason if reason).items())),
        "splits": {
            name: {
                "rows": sum(count.values()),
                "groups": len(groups[name]),
                "labels": dict(sorted(count.items())),
            }
            for name, count in rows.items()
        },
        "folds": {str(number): count for number, count in sorted(folds.items())},
    }


def check(numbers: dict[str, Any], ratios: dict[str, float]) -> None:
    """Refuse a split that cannot be trained or measured on.

    Raises:
        UserError: an empty part that should not be, or a class without training samples.
    """
    splits = numbers["splits"]
    for name, part in splits.items():
        if not part["rows"] and (ratios[name] or name != "test"):
            raise UserError(
                f"split: no sample for {name} (of {numbers['rows']} in all, ratio {ratios[name]:g})",
                "raise split.ratios, or fetch more samples; large groups (fetch.columns.group) may leave none",
            )
    wanted = {label for part in splits.values() for label in part["labels"]}
    missing = sorted(wanted - set(splits["train"]["labels"]))
    if missing or len(wanted) < 2:
        what = f"no training sample of: {', '.join(missing)}" if missing else f"only one class: {', '.join(wanted)}"
        raise UserError(f"split: {what}", "more samples of it, or clean.labels.map")
    for name in ("validation", "test"):
        absent = sorted(wanted - set(splits[name]["labels"]))
        if splits[name]["rows"] and absent:
            report.note(f"note: no {name} sample of: {', '.join(absent)}")


def show(numbers: dict[str, Any]) -> None:
    """Rows a class and split."""
    splits = numbers["splits"]
    classes = sorted({label for part in splits.values() for label in part["labels"]})
    rows = [
        (name, part["rows"], part["groups"], *(part["labels"].get(label, 0) for label in classes))
        for name, part in splits.items()
    ]
    unused = ", ".join(f"{count} {reason}" for reason, count in numbers["reasons"].items())
    report.table(
        f"{numbers['rows']} samples, {numbers['unused']} unused{f' ({unused})' if unused else ''}",
        ["split", "rows", "groups", *classes],
        rows,
    )


if __name__ == "__main__":
    report.run("split", main)
