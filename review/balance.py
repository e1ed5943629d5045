"""Classes before and after, the test set before and after, and what each stage counted on either side."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from review.corpus import Corpus
from stages.core.samples import SPLITS

UNITS = ("tokens", "seconds", "images")


def class_balance(base: Corpus, head: Corpus) -> list[dict[str, Any]]:
    """A row for each split and class: samples and shares on both sides; derived ones as the split `train, derived`.

    In regression a row a split: samples, mean and standard deviation of the values.
    """
    if base.valued or head.valued:
        return [{"split": name, **_values(base, name, "base"), **_values(head, name, "head")} for name in SPLITS]
    rows = []
    for name in (*SPLITS, f"{SPLITS[0]}, derived"):
        before, after = ({} if side.valued else class_counts(side, name) for side in (base, head))
        for label in sorted({*before, *after}, key=str):
            rows.append(
                {
                    "split": name,
                    "label": label,
                    "base": before.get(label, 0),
                    "head": after.get(label, 0),
                    "base_share": _share(before, label),
                    "head_share": _share(after, label),
                }
            )
    return rows


def class_counts(side: Corpus, split: str) -> dict[Any, int]:
    """Samples a class of a split; of derived samples the parents' classes."""
    if split in SPLITS:
        return dict(Counter(side.answers[row] for row in side.members(split)))
    parents = side.derived["parent"].to_pylist()
    return dict(Counter(side.answers[side.rows[parents[row]]] for row in side.trained_derived))


def rarest(side: Corpus) -> tuple[str, float] | None:
    """The rarest class among the original training samples, and its share; None where there are none, or values.

    A class that `labels` names and that training lacks is the rarest: its share is 0.
    """
    if side.valued:
        return None
    counts = {str(label): 0 for label in side.params.get("labels") or ()}
    counts |= {str(label): count for label, count in class_counts(side, SPLITS[0]).items()}
    total = sum(counts.values())
    if not total:
        return None
    label = min(counts, key=lambda one: (counts[one], one))
    return label, counts[label] / total


def _values(side: Corpus, split: str, name: str) -> dict[str, Any]:
    values = np.array([v for row in side.members(split) if isinstance(v := side.answers[row], float)])
    mean, deviation = (round(float(f(values)), 6) if len(values) else None for f in (np.mean, np.std))
    return {name: len(values), f"{name}_mean": mean, f"{name}_deviation": deviation}


def _share(counts: Mapping[Any, int], label: Any) -> float | None:
    total = sum(counts.values())
    return round(counts.get(label, 0) / total, 6) if total else None


def stage_counts(base: Mapping[str, Any], head: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What each stage counted, by its metrics (stage -> content; None: the side has none): stage, count, base, head."""
    before, after = (dict(counted(side)) for side in (base, head))
    ordered = [key for key, _ in counted(head)]
    ordered += [key for key in before if key not in after]
    order = ("fetch", "validate", "clean", "augment", "split", "encode")
    ordered.sort(key=lambda key: order.index(key[0]))
    return [
        {
            "stage": stage,
            "count": name,
            "base": before.get((stage, name), _absent(base, stage)),
            "head": after.get((stage, name), _absent(head, stage)),
        }
        for stage, name in ordered
    ]


def _absent(side: Mapping[str, Any], stage: str) -> int | None:
    """A reason that a stage did not count occurred 0 times; a stage without metrics counted nothing."""
    return None if side.get(stage) is None else 0


def counted(metrics: Mapping[str, Any]) -> list[tuple[tuple[str, str], int]]:
    """(stage, name of the count) and count, in the order of the line."""
    fetch, validate, clean, augment, split, encode = (
        metrics.get(name) or {} for name in ("fetch", "validate", "clean", "augment", "split", "encode")
    )
    found: list[tuple[tuple[str, str], Any]] = [(("fetch", "fetched"), fetch.get("rows"))]
    found += [(("validate", "rejected"), validate.get("rejected"))]
    found += [(("validate", f"found {code}"), count) for code, count in validate.get("issues", {}).items() if count]
    found += [(("clean", name), clean.get(name)) for name in ("dropped", "kept", "groups")]
    found += [(("clean", f"dropped {code}"), count) for code, count in clean.get("reasons", {}).items()]
    found += [(("clean", f"changed by {name}"), count) for name, count in clean.get("changed", {}).items()]
    found += [(("augment", name), augment.get(name)) for name in ("planned", "derived")]
    found += [(("augment", f"given up {code}"), count) for code, count in augment.get("given_up", {}).items()]
    found += [(("split", name), part.get("rows")) for name, part in split.get("splits", {}).items()]
    found += [(("split", "unused"), split.get("unused"))]
    found += [(("split", f"unused {code}"), count) for code, count in split.get("reasons", {}).items()]
    lengths: dict[str, Any] = next((encode[unit] for unit in UNITS if unit in encode), {})
    found += [(("encode", name), part.get("rows")) for name, part in lengths.items()]
    found += [(("encode", f"{name} truncated"), part.get("truncated")) for name, part in lengths.items()]
    found += [(("encode", "unused"), encode.get("unused"))]
    return [(key, count) for key, count in found if isinstance(count, int)]


def shares(metrics: Mapping[str, Any]) -> dict[str, float | None]:
    """`rejected` of the fetched samples and `dropped` of those that validate kept; None: not known."""

    def share(stage: str, name: str) -> float | None:
        found = metrics.get(stage) or {}
        rows, count = found.get("rows"), found.get(name)
        return count / rows if isinstance(rows, int) and isinstance(count, int) and rows else None

    return {"rejected": share("validate", "rejected"), "dropped": share("clean", "dropped")}
