"""Drift: are the samples that came like those that were there, and those that went like those that stayed?

Two lists of samples are only compared where no sample is in both: p-values of overlapping lists would mean nothing.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from review.corpus import Corpus
from review.statistics import holm
from review.twosample import Kernel, gaussian, of_classes, of_kernel, of_values
from stages.core.seeds import generator

LEAST = 20
"""Samples in either list; fewer are not tested."""
MOST = 500
"""Samples of either list whose contents are compared, drawn at random."""
SIGNIFICANCE = 0.05
SPLITS = ("train", "test")

Place = tuple[Corpus, int]
Lengths = Callable[[Corpus, int], float]
Distances = Callable[[str, Sequence[Place]], Kernel | None]
"""The split and samples (N) of it -> squared distances (N, N); None: they cannot be compared."""


class Comparison(NamedTuple):
    """Two lists of samples that share none."""

    name: str
    ones: list[Place]
    others: list[Place]


def drift(base: Corpus, head: Corpus, *, length_of: Lengths, length_unit: str, distances: Distances) -> dict[str, Any]:
    """`rows`, a test each; `lengths`, of each split on both sides; `untested`, why others are missing.

    Of each split and comparison the lengths, the answers and the contents are tested. `p_holm` is corrected for the
    number of all tests, `finding` is "drift" where it is below `SIGNIFICANCE`.
    """
    rows: list[dict[str, Any]] = []
    untested: list[str] = []
    for split in SPLITS:
        for comparison in comparisons(base, head, split):
            where = f"{split}: {comparison.name}"
            few = min(len(comparison.ones), len(comparison.others))
            if few < LEAST:
                if few:
                    untested.append(f"{where}: only {few} samples")
                continue
            rows += [
                {"split": split, "compared": comparison.name, **row}
                for row in _tests(comparison, length_of, length_unit)
            ]
            content = _contents(comparison, split, distances)
            if content is None:
                untested.append(f"{where}: contents are not stored alike on both sides")
            else:
                rows.append({"split": split, "compared": comparison.name, **content})
    for row, corrected in zip(rows, holm([row["p"] for row in rows]), strict=True):
        row["p_holm"] = round(corrected, 6)
        row["finding"] = "drift" if corrected < SIGNIFICANCE else "no detectable drift"
    return {"rows": rows, "lengths": _lengths(base, head, length_of), "length_unit": length_unit, "untested": untested}


def comparisons(base: Corpus, head: Corpus, split: str) -> list[Comparison]:
    """Of a split: samples that came with those that were there, and samples that went with those that stayed."""
    before, after = base.ids_of(split), head.ids_of(split)
    came = [(head, row) for one, row in after.items() if one not in before]
    went = [(base, row) for one, row in before.items() if one not in after]
    stayed = [(base, row) for one, row in before.items() if one in after]
    return [
        Comparison("new, against the base's", came, [*went, *stayed]),
        Comparison("gone, against those kept", went, stayed),
    ]


def _tests(comparison: Comparison, length_of: Lengths, unit: str) -> list[dict[str, Any]]:
    sides = (comparison.ones, comparison.others)
    counts = {"samples": len(sides[0]), "others": len(sides[1])}
    lengths = [[length_of(*place) for place in side] for side in sides]
    distance, p = of_values(*lengths)
    found = [{"what": "length", "test": f"Kolmogorov-Smirnov, {unit}", **counts, **_result(distance, p)}]
    answers = [[corpus.answers[row] for corpus, row in side] for side in sides]
    if comparison.ones[0][0].valued:
        given = [[value for value in side if isinstance(value, float)] for side in answers]
        if all(given):
            found.append({"what": "value", "test": "Kolmogorov-Smirnov", **counts, **_result(*of_values(*given))})
    else:
        found.append({"what": "label", "test": "chi-squared, permutation", **counts, **_result(*of_classes(*answers))})
    return found


def _contents(comparison: Comparison, split: str, distances: Distances) -> dict[str, Any] | None:
    ones, others = (_drawn(side, comparison.name) for side in (comparison.ones, comparison.others))
    squared = distances(split, [*ones, *others])
    if squared is None:
        return None
    result = _result(*of_kernel(gaussian(squared), len(ones)))
    return {"what": "content", "test": "MMD, permutation", "samples": len(ones), "others": len(others), **result}


def _drawn(places: list[Place], purpose: str) -> list[Place]:
    if len(places) <= MOST:
        return places
    chosen = generator("review", "drift", purpose, len(places)).choice(len(places), MOST, replace=False)
    return [places[row] for row in np.sort(chosen)]


def _result(distance: float, p: float) -> dict[str, float]:
    return {"distance": round(distance, 4), "p": float(f"{p:.4g}")}


def _lengths(base: Corpus, head: Corpus, length_of: Lengths) -> list[dict[str, Any]]:
    rows = []
    for split in SPLITS:
        row: dict[str, Any] = {"split": split}
        for name, side in (("base", base), ("head", head)):
            values = [length_of(side, row) for row in side.members(split)]
            row[f"{name}_median"] = float(np.median(values)) if values else None
            row[f"{name}_p95"] = round(float(np.percentile(values, 95)), 1) if values else None
        rows.append(row)
    return rows
