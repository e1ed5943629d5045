"""The gates of `review.gates`: what has to hold before a change is merged.

A gate whose value cannot be told fails, and says why: what nobody measured is not known to be in order.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from review.provenance import EVALUATE
from review.statistics import NOT_VERIFIED, WORSE
from review.verdict import EXACT_LEAKS, NEAR_LEAKS, UNCHANGED, called
from stages.core.review_block import Bound, DataGates, Gates

Gate = dict[str, Any]
VERIFIED, MIN_CLASS_SHARE = "verified", "data.min_class_share"
NOT_RECORDED = "not recorded: commit metrics/cost.json, which training writes; null switches the gate off"
WHERE_WANTED = "clean.duplicates.near is off at the base, or has no settings there; null switches the gate off"


def judge(review: Mapping[str, Any], gates: Gates) -> list[Gate]:
    """The verdict of each gate that is not off, in the order of params.yaml.

    Of a review whose `result` is not `compared` (see `review.compare`) nothing is known but what Git holds. Where
    results are unchanged, gates on outputs hold as they did at the base; else nobody can tell, and the gate `verified`
    fails or warns by `gates.unverified`.

    Returns:
        For each: `name` (its key below review.gates), `limit` as text, `value` (a number, or null where it is not
        known), `passed`, `verified` (false: it passes or fails without being known), and `why`: a sentence.
    """
    return [
        *_verified(review, gates),
        *_bounds(review, gates),
        *_drops(review, gates),
        *_slices(review, gates),
        *_data(review, gates),
        *_cost(review, gates),
    ]


def _gate(name: str, limit: str, value: float | None, passed: bool, why: str) -> Gate:
    return {"name": name, "limit": limit, "value": value, "passed": passed, "verified": True, "why": why}


def _unread(review: Mapping[str, Any], name: str, limit: str) -> Gate:
    """A gate on outputs that were not read: it holds as it did at the base, or nobody can tell.

    What nobody can tell is not counted as failed gate by gate: `verified` fails for all of them.
    """
    if review["result"] == UNCHANGED and review["unread"]:  # gates were edited, and cannot be judged anew
        gate = _gate(name, limit, None, True, "no result changed; not judged by the edited gates: no outputs here")
        return {**gate, "verified": False}
    if review["result"] == UNCHANGED:
        return _gate(name, limit, None, True, "as at the base: no result changed")
    return {**_gate(name, limit, None, True, f"{NOT_VERIFIED}: outputs cannot be read here"), "verified": False}


def _verified(review: Mapping[str, Any], gates: Gates) -> Iterator[Gate]:
    """Whether results are what they are said to be: told where they are not, or where nobody can tell."""
    if review["result"] == NOT_VERIFIED:
        passed = gates.unverified == "warn"
        why = f"{NOT_VERIFIED}: results changed, and their outputs cannot be read here"
        gate = _gate(VERIFIED, "results that changed can be read", None, passed, why)
        yield {**gate, "verified": False}
    elif review["false_claims"]:
        yield _gate(VERIFIED, "metrics are those of the predictions", None, False, "; ".join(review["false_claims"]))


def _unknown(name: str, limit: str, why: str) -> Gate:
    return _gate(name, limit, None, False, f"not known, so it does not pass: {why}")


def _said(bound: Bound) -> str:
    parts = [f"at least {bound.min:g}"] if bound.min is not None else []
    parts += [f"at most {bound.max:g}"] if bound.max is not None else []
    return ", ".join(parts)


def _holds(bound: Bound, value: float) -> bool:
    return (bound.min is None or value >= bound.min) and (bound.max is None or value <= bound.max)


def _wanted(bounds: Mapping[str, Bound | None]) -> Iterator[tuple[str, Bound]]:
    for name, bound in bounds.items():
        if bound is not None and (bound.min is not None or bound.max is not None):
            yield name, bound


def _number(value: float) -> str:
    return f"{value:.4f}".rstrip("0").rstrip(".") if abs(value) < 1000 else f"{value:,.0f}"


def _bounds(review: Mapping[str, Any], gates: Gates) -> Iterator[Gate]:
    """Of the head's whole test set, as metrics/evaluate.json has it; `rows` are of the samples in common."""
    own: Mapping[str, float] = review["provenance"]["head"]["metrics"]
    for metric, bound in _wanted(gates.bounds):
        name, limit = f"bounds.{metric}", _said(bound)
        value = own.get(metric)
        if value is None:
            yield _unknown(name, limit, f"{EVALUATE} of the head has no {called(metric)}")
        else:
            yield _gate(name, limit, value, _holds(bound, value), f"{called(metric)} is {_number(value)}")


def _drops(review: Mapping[str, Any], gates: Gates) -> Iterator[Gate]:
    rows = {row["name"]: row for row in review["metrics"]["rows"]}
    for metric, drop in gates.drops.items():
        if drop is None or drop.max is None:
            continue
        name = f"drops.{metric}"
        limit = f"at most {drop.max:g} worse{', if significant' if drop.significant_only else ''}"
        row = rows.get(metric)
        if row is None:
            yield _unknown(name, limit, f"these test samples do not define {called(metric)} on both sides")
            continue
        worse = (row["difference"] if row["direction"] == "lower" else -row["difference"]) + 0.0  # no -0
        if row["finding"] == NOT_VERIFIED and (worse <= drop.max or drop.significant_only):
            yield {**_unread(review, name, limit), "value": worse}
            continue
        proved = row["finding"] == WORSE
        passed = worse <= drop.max or (drop.significant_only and not proved)
        told = (
            f"{called(metric)} is {_number(abs(worse))} {'worse' if worse > 0 else 'better'}"
            if worse
            else f"{called(metric)} is the same"
        )
        luck = "" if proved or worse <= drop.max else ", which may be luck"
        yield _gate(name, limit, worse, passed, f"{told}{luck}")


def _slices(review: Mapping[str, Any], gates: Gates) -> Iterator[Gate]:
    """Every slice that is large enough; the one that is furthest beyond the bound is told."""
    section = review["slices"]
    if section is None:
        for metric, bound in _wanted(gates.slices):
            yield _unread(review, f"slices.{metric}", _said(bound))
        return
    large = [row for row in section["rows"] if row["samples"] >= section["min_slice"]]
    for metric, bound in _wanted(gates.slices):
        name, limit = f"slices.{metric}", f"{_said(bound)} in each slice of {section['min_slice']} samples or more"
        values = [(row["values"]["head"][metric], row) for row in large if metric in row["values"]["head"]]
        if section.get("missing"):
            yield _unknown(name, limit, str(section["missing"]))
        elif not values:
            yield _gate(name, limit, None, True, f"no slice has so many samples and defines {called(metric)}")
        else:
            value, row = max(values, key=lambda one: _beyond(bound, one[0]))
            passed = all(_holds(bound, one) for one, _ in values)
            count = sum(not _holds(bound, one) for one, _ in values)
            told = (
                f"{count} of {len(values)} slices are beyond it, worst" if count else f"{len(values)} slices, closest"
            )
            yield _gate(name, limit, value, passed, f"{told}: {row['by']} {row['value']}: {_number(value)}")


def _beyond(bound: Bound, value: float) -> float:
    """How far a value is beyond a bound; negative: how far inside."""
    below = bound.min - value if bound.min is not None else float("-inf")
    above = value - bound.max if bound.max is not None else float("-inf")
    return max(below, above)


def _data(review: Mapping[str, Any], gates: Gates) -> Iterator[Gate]:
    data, wanted = review["data"], gates.data
    leakage = data.get("leakage")
    if leakage is None:
        limits: dict[str, tuple[str, float | None]] = {
            EXACT_LEAKS: ("at most", wanted.max_exact_leaks),
            NEAR_LEAKS: ("at most", wanted.max_near_leaks),
            MIN_CLASS_SHARE: ("at least", wanted.min_class_share),
        }
        for gate, (side, bound) in limits.items():
            if bound is not None:
                yield _unread(review, gate, f"{side} {bound:g}")
        yield from _shares(data, wanted)
        return
    if wanted.max_exact_leaks is not None:
        yield _count(EXACT_LEAKS, wanted.max_exact_leaks, leakage["exact"], leakage, "")
    if wanted.max_near_leaks is not None:
        yield _count(NEAR_LEAKS, wanted.max_near_leaks, leakage["near"], leakage, WHERE_WANTED)
    if wanted.min_class_share is not None:
        name, limit = MIN_CLASS_SHARE, f"at least {wanted.min_class_share:g}"
        rarest = data["rarest"]
        if rarest is None:
            yield _unknown(name, limit, "there are no classes, or no training samples")
        else:
            value = rarest["share"]
            why = f"{rarest['label']} is the rarest class in training: {value:.1%}"
            yield _gate(name, limit, value, value >= wanted.min_class_share, why)
    yield from _shares(data, wanted)


def _shares(data: Mapping[str, Any], wanted: DataGates) -> Iterator[Gate]:
    """Shares of samples that left the line, by the metrics of the stages."""
    shares = {"max_rejected_share": ("rejected", "fetched"), "max_dropped_share": ("dropped", "validated")}
    for key, (kind, of) in shares.items():
        most = getattr(wanted, key)
        if most is None:
            continue
        value = data["shares"][kind]
        if value is None:
            yield _unknown(f"data.{key}", f"at most {most:g}", f"metrics do not say how many samples were {kind}")
        else:
            yield _gate(
                f"data.{key}", f"at most {most:g}", value, value <= most, f"{value:.1%} of the {of} samples are {kind}"
            )


def _count(name: str, most: int, count: int | None, leakage: Mapping[str, Any], unknown: str) -> Gate:
    if count is None:
        return _unknown(name, f"at most {most}", unknown)
    kind = "near-duplicates of training samples" if name == NEAR_LEAKS else "trained on"
    why = f"{count} of {leakage['test']} test samples are {kind}"
    if leakage["former"] and name == EXACT_LEAKS:
        why += f"; {leakage['former']} of the base's {leakage['former_test']} are trained on now, and tested no more"
    return _gate(name, f"at most {most}", count, count <= most, why)


def _cost(review: Mapping[str, Any], gates: Gates) -> Iterator[Gate]:
    values = {row["name"]: row for row in review["cost"]["rows"]}
    names = {
        "max_training_seconds": "training_seconds",
        "max_peak_memory_mib": "peak_memory_mib",
        "max_parameters": "parameters",
    }
    for key, name in names.items():
        most = getattr(gates.cost, key)
        if most is None:
            continue
        row = values[name]
        limit = f"at most {_number(most)}"
        if row["head"] is None:
            yield _unknown(f"cost.{key}", limit, NOT_RECORDED)
        else:
            told = f"{row['label']}: {_number(row['head'])} {row['unit']}".rstrip()
            yield _gate(f"cost.{key}", limit, row["head"], row["head"] <= most, told)
