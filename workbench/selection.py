"""Which samples are looked at: counts of all of a kind, and the first few with what they hold."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from stages.core import tables
from stages.core.errors import UserError
from stages.core.registry import nearest
from stages.core.samples import name_of
from workbench.mistakes import select_mistakes
from workbench.shown import (
    CLEANED,
    Places,
    Selection,
    Shown,
    Taken,
    answer_of,
    classes_of,
    content_of,
    contents,
    read_batches,
)

KINDS = ("rejected", "dropped", "derived", "mistakes")
CLASS_PREFIX = "class:"
"""Before the name of a class that is called like one of `KINDS`."""
NOT_SPLIT = "not split yet"
PLACES = {
    "rejected": ("data/validated", "rejected"),
    "dropped": ("data/cleaned", "dropped"),
    "derived": ("data/augmented", "samples"),
}


def select(
    root: Path, what: str, params: dict[str, Any], *, limit: int, each: int | None = None, split: str | None = None
) -> Selection:
    """The samples that `what` names.

    Args:
        what: one of `KINDS`, or a class; `class:NAME` where a class is called like a kind.
        params: the content of params.yaml.
        limit: samples that are shown in all.
        each: samples that are shown of those that are counted together; None: no limit of their own.
        split: only those of this split; None: all.

    Raises:
        UserError: no such kind or class, a stage that has not run, or a split that these samples are never in.
    """
    if what in ("rejected", "dropped"):
        _refuse_split(what, split, None)
        return _select_left(root, what, params, limit=limit, each=each)
    if what == "derived":
        _refuse_split(what, split, "train")
        return _select_derived(root, params, limit=limit, each=each)
    if what == "mistakes":
        _refuse_split(what, split, "test")
        return select_mistakes(root, params, limit=limit)
    return _select_class(root, what.removeprefix(CLASS_PREFIX), params, limit=limit, split=split)


def _refuse_split(what: str, split: str | None, only: str | None) -> None:
    if split is not None and split != only:
        where = f"they are only in {only}" if only else "they left the line before it was split"
        raise UserError(f"--split {split}: no {what} sample is there: {where}", "leave --split out")


def _select_left(root: Path, what: str, params: dict[str, Any], *, limit: int, each: int | None) -> Selection:
    """Samples that left the line, by the reason code for which they did."""
    folder, name = PLACES[what]
    deciding = _deciding_codes(root, what, params)
    taken = Taken(limit, each)
    for batch in read_batches(root, folder, name, params):
        reasons = [_reason(issues, deciding) for issues in batch["issues"].to_pylist()]
        for row in taken.take(batch, reasons):
            reason = _reason(row["issues"], deciding)
            taken.shown.append(Shown(row["id"], name_of(row), content_of(row, params), answer_of(row), why=reason))
    return Selection(what, (folder, name), "reason code", taken.sorted_counts(), taken.shown)


def _deciding_codes(root: Path, what: str, params: dict[str, Any]) -> set[str]:
    """The reason codes for which samples leave, among all that are noted on them."""
    if what == "rejected":
        return set(params.get("validate", {}).get("reject", ()))
    path = root / "metrics/clean.json"
    return set(tables.read_json(path).get("reasons", {})) if path.exists() else set()


def _reason(issues: Sequence[str], deciding: set[str]) -> str:
    """The code that decided; the last one noted where that is not known."""
    named = [code for code in issues if code in deciding] or list(issues)
    return named[-1] if named else "unknown"


def _select_derived(root: Path, params: dict[str, Any], *, limit: int, each: int | None) -> Selection:
    """Derived samples by class, beside the originals."""
    folder, name = PLACES["derived"]
    taken = Taken(limit, each)
    rows: list[dict[str, Any]] = []
    for batch in read_batches(root, folder, name, params):
        rows += taken.take(batch, classes_of(batch))
    originals = contents(root, CLEANED, [row["parent"] for row in rows], params)
    for row in rows:
        _, original = originals.get(row["parent"], ("", ""))
        taken.shown.append(Shown(row["id"], name_of(row), content_of(row, params), answer_of(row), original=original))
    return Selection("derived", (folder, name), "class", taken.sorted_counts(), taken.shown)


def _select_class(root: Path, name: str, params: dict[str, Any], *, limit: int, split: str | None) -> Selection:
    """Cleaned samples of a class by split, with what was noted on them."""
    places = Places(root, needed=split is not None)
    taken = Taken(limit, None)
    known: Counter[str] = Counter()
    for batch in read_batches(root, *CLEANED, params):
        known.update(batch["label"].drop_null().to_pylist())
        batch = batch.filter(pc.equal(batch["label"], name))
        found = places.of(batch["id"])
        if split is not None:
            inside = [one == split for one in found]
            batch, found = batch.filter(pa.array(inside, pa.bool_())), [one for one in found if one == split]
        where = dict(zip(batch["id"].to_pylist(), found, strict=True))
        for row in taken.take(batch, [place or NOT_SPLIT for place in found]):
            noted = ", ".join(row["issues"])
            taken.shown.append(Shown(row["id"], name_of(row), content_of(row, params), name, where[row["id"]], noted))
    if name not in known:
        classes = sorted(known)
        told = ", ".join(classes[:20]) + (f" and {len(classes) - 20:,} more" if len(classes) > 20 else "")
        raise UserError(
            f"'{name}' is neither a kind of samples nor a class{nearest(name, [*KINDS, *classes])}",
            f"one of: {', '.join(KINDS)}; classes: {told or 'none: the samples have values'}",
        )
    return Selection(CLASS_PREFIX + name, CLEANED, "split", taken.sorted_counts(), taken.shown)


def class_examples(root: Path, params: dict[str, Any], *, limit: int, each: int) -> Selection:
    """The first cleaned samples of each class."""
    taken = Taken(limit, each)
    places = Places(root, needed=False)
    for batch in read_batches(root, *CLEANED, params):
        rows = taken.take(batch, classes_of(batch))
        found = places.of(pa.array([row["id"] for row in rows], pa.string()))
        for row, place in zip(rows, found, strict=True):
            taken.shown.append(Shown(row["id"], name_of(row), content_of(row, params), answer_of(row), place))
    taken.shown.sort(key=lambda one: one.answer)
    return Selection("classes", CLEANED, "class", taken.sorted_counts(), taken.shown)
