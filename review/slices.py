"""Section `slices`: for whom a change is worse.

A slice is judged by a metric that is a mean over samples: accuracy (McNemar's exact p-value), or the mean absolute
error of values (paired bootstrap). Holm's correction is for the number of slices.

Legend: N samples in common, S slices, R resamples.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from review import shown
from review.metrics import alone_right, number
from review.pairing import Pair
from review.sides import Side
from review.statistics import differences, estimate, finding, holm, mcnemar
from stages.core.errors import UserError
from stages.tasks.bootstrap import Floats, Score

VALUES_SHOWN = 30
"""Of a column: its most frequent values are slices; the others are not."""
UNITS = {"text": "words", "audio": "s", "image": "pixels"}
TOO_FEW = "too few samples"
Integers = npt.NDArray[np.int64]
Slicing = dict[str, Integers]
"""Slice -> the positions of its samples."""


def slices(
    base: Side,  # noqa: ARG001
    head: Side,
    pair: Pair,
    *,
    modality: str,
    columns: Sequence[str],
    min_slice: int,
    resamples: int,
    confidence: float,
    bins: int,
) -> dict[str, Any]:
    """A row a slice, the worst first; those of fewer than `min_slice` samples last, without a claim."""
    slicings, missing = _slicings(head, pair, modality, columns)
    found = {(by, value): places for by, slicing in slicings.items() for value, places in slicing.items()}
    judged = {key: places for key, places in found.items() if len(places) >= min_slice}
    estimates = _estimates(pair, judged, resamples=resamples, confidence=confidence)
    rows = [
        {"by": by, "value": value, **_plain(pair, places), **estimates.get((by, value), _not_judged())}
        | {"values": _every_metric(pair, places, bins)}
        for (by, value), places in found.items()
    ]
    gain = pair.scoring.gain
    rows.sort(key=lambda row: (row["finding"] == TOO_FEW, gain(row["metric"], row["difference"]), -row["samples"]))
    return {"metric": pair.scoring.mean_of, "min_slice": min_slice, "missing": missing, "rows": rows}


def _slicings(head: Side, pair: Pair, modality: str, columns: Sequence[str]) -> tuple[dict[str, Slicing], str | None]:
    """Slicings with two slices at least, and what kept the others from being made."""
    found: dict[str, Slicing] = {}
    if pair.labels:
        found["class"] = _by_value([pair.labels[k] for k in pair.gold.tolist()])
    else:
        found["value"] = _by_quartile(pair.gold, "")
    missing = None
    try:
        sizes = shown.sizes(head, pair.ids, modality)
        rows = shown.of(head, pair.ids, ["id", "source", "extra"]).to_pylist()
    except UserError as error:
        missing = str(error)
    else:
        known = [sizes.get(one, np.nan) for one in pair.ids]
        found["length" if modality != "image" else "size"] = _by_quartile(np.array(known), UNITS[modality])
        by_id = {row["id"]: {"source": row["source"], **dict(row["extra"] or [])} for row in rows}
        _known_columns(columns, by_id)
        for column in ["source", *columns]:
            found[column] = _by_value([by_id.get(one, {}).get(column) for one in pair.ids])
    return {by: slicing for by, slicing in found.items() if len(slicing) > 1}, missing


def _known_columns(columns: Sequence[str], by_id: Mapping[str, Mapping[str, Any]]) -> None:
    known = sorted({name for row in by_id.values() for name in row} - {"source"})
    for column in columns:
        if by_id and column not in known:
            raise UserError(
                f"review.slices: {column}: the samples have no such column (there are: {', '.join(known) or 'none'})",
                "name columns that fetch.extra keeps",
            )


def _by_value(values: Sequence[str | None]) -> Slicing:
    array = np.array(["" if value is None else value for value in values], dtype=object)
    names, counts = np.unique(array, return_counts=True)
    frequent = sorted(zip(-counts, names, strict=True))[:VALUES_SHOWN]
    return {str(name): np.flatnonzero(array == name) for _, name in frequent if name}


def _by_quartile(values: Floats, unit: str) -> Slicing:
    """Four parts of about the same number of samples; fewer where many values are equal, none where all are."""
    known = values[~np.isnan(values)]
    if not len(known):
        return {}
    inside = np.searchsorted(np.unique(np.quantile(known, [0.25, 0.5, 0.75])), values, side="left")
    parts = [np.flatnonzero((inside == part) & ~np.isnan(values)) for part in range(4)]
    filled = [(places, values[places].min(), values[places].max()) for places in parts if len(places)]
    for digits in (3, 6, 17):  # as few as tell the parts apart
        found = {_span(low, high, digits, unit): places for places, low, high in filled}
        if len(found) == len(filled):
            break
    return found


def _span(low: float, high: float, digits: int, unit: str) -> str:
    ends = [f"{end:.0f}" if end == int(end) else f"{end:.{digits}g}" for end in dict.fromkeys((low, high))]
    return f"{' to '.join(dict.fromkeys(ends))} {unit}".strip()


def _plain(pair: Pair, places: Integers) -> dict[str, Any]:
    before, after = (pair.scoring.each(pair.gold, outputs)[places].mean() for outputs in (pair.base, pair.head))
    numbers = {"base": float(before), "head": float(after), "difference": float(after - before)}
    return {"metric": pair.scoring.mean_of, "samples": len(places), **numbers}


def _not_judged() -> dict[str, Any]:
    return {"low": None, "high": None, "p": None, "p_holm": None, "finding": TOO_FEW}


def _every_metric(pair: Pair, places: Integers, bins: int) -> dict[str, dict[str, float]]:
    """Each metric that the slice's samples define, at both sides: gates may name any."""
    found = {}
    for side, outputs in (("base", pair.base), ("head", pair.head)):
        score = pair.scoring.scorer(pair.gold[places], outputs[places], bins)
        values = {name: float(value[0]) for name, value in score(np.ones((1, len(places)))).items()}
        found[side] = {name: value for name, value in values.items() if not np.isnan(value)}
    return found


def _estimates(
    pair: Pair, judged: Mapping[tuple[str, str], Integers], *, resamples: int, confidence: float
) -> dict[tuple[str, str], dict[str, Any]]:
    """Interval, p-values and finding of each slice."""
    if not judged:
        return {}
    each = [pair.scoring.each(pair.gold, outputs) for outputs in (pair.base, pair.head)]
    scores = [_means(values, judged) for values in each]
    drawn = differences(scores[0], scores[1], len(pair.ids), resamples=resamples)
    found = {key: estimate(drawn[str(key)], samples=len(judged[key]), confidence=confidence) for key in judged}
    p_values = {key: one.p for key, one in found.items()}
    if pair.labels:
        first, second = alone_right(pair)
        p_values = {key: mcnemar(int(first[i].sum()), int(second[i].sum())) for key, i in judged.items()}
    corrected = dict(zip(judged, holm([p_values[key] for key in judged]), strict=True))
    rows = {}
    for key, one in found.items():
        gain = pair.scoring.gain(pair.scoring.mean_of, float((each[1] - each[0])[judged[key]].mean()))
        claim = finding(gain, one.low, one.high, corrected[key], confidence=confidence)
        numbers = {"low": one.low, "high": one.high, "p": p_values[key], "p_holm": corrected[key]}
        rows[key] = {name: number(value) for name, value in numbers.items()} | {"finding": claim}
    return rows


def _means(values: Floats, judged: Mapping[tuple[str, str], Integers]) -> Score:
    """A function from weights (R, N) to the mean (R,) of each slice, NaN where a resample holds none of it."""
    from scipy.sparse import csr_array

    places = np.concatenate(list(judged.values()))
    columns = np.repeat(np.arange(len(judged)), [len(one) for one in judged.values()])
    shape = (len(values), len(judged))
    sums, counts = (
        csr_array((data, (places, columns)), shape=shape) for data in (values[places], np.ones(len(places)))
    )

    def score(weights: Floats) -> dict[str, Floats]:
        total, whole = weights @ sums, weights @ counts
        means = np.divide(total, whole, out=np.full(total.shape, np.nan), where=whole > 0)
        return {str(key): means[:, column] for column, key in enumerate(judged)}

    return score
