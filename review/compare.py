"""Everything that a review says, as one dict of JSON values: renderers read nothing else."""

from pathlib import Path
from typing import Any

from review.cost import costs
from review.data import data_changes
from review.flips import flips
from review.gates import judge
from review.metrics import metric_changes
from review.pairing import Pair, read_pair
from review.params_diff import params_changes
from review.provenance import provenance
from review.settings import Settings, settings
from review.sides import Side
from review.slices import slices
from review.statistics import can_claim
from review.verdict import verdict


def compare(base: Side, head: Side, root: Path = Path()) -> dict[str, Any]:
    """Compare two sides by the block `review` of the head's params.yaml.

    Raises:
        UserError: they cannot be compared.
    """
    given = settings(head, root)
    wanted, modality = given.review, given.modality
    pair = read_pair(base, head, min_common=wanted.min_common)
    sampling: dict[str, Any] = {"resamples": wanted.resamples, "confidence": wanted.confidence, "bins": given.bins}
    review: dict[str, Any] = {
        "sides": {name: _told(side) for name, side in (("base", base), ("head", head))},
        "metrics": metric_changes(base, head, pair, **sampling),
        "flips": flips(base, head, pair, modality=modality),
        "slices": slices(
            base,
            head,
            pair,
            modality=modality,
            columns=wanted.slices,
            min_slice=wanted.min_slice,
            **sampling,
        ),
        "data": data_changes(base, head),
        "params": params_changes(base, head),
        "cost": costs(base, head),
        "provenance": provenance(base, head),
    }
    gates = judge(review, wanted.gates)
    first = {"verdict": verdict(review["metrics"], gates, main=given.main), "notes": notes(pair, review, given)}
    return {"sides": review.pop("sides"), **first, "gates": gates, **review}


def notes(pair: Pair, review: dict[str, Any], given: Settings) -> list[str]:
    """What a reader has to know before the numbers."""
    told, common = [], len(pair.ids)
    if not pair.same_test_set:
        left = [f"{pair.samples_base - common - len(pair.relabelled)} of the base's alone"]
        left += [f"{pair.samples_head - common - len(pair.relabelled)} of the head's alone"]
        left += [f"{len(pair.relabelled)} relabelled"] if pair.relabelled else []
        told.append(
            f"The test set changed: {pair.samples_base} samples before, {pair.samples_head} now. Metrics, flips and "
            f"slices compare the {common} that both have with the same answer (left out: {', '.join(left)}); "
            "metrics/evaluate.json has each side's own."
        )
    metrics = review["metrics"]
    if metrics["undefined"]:
        told.append(f"Not defined by these samples, so left out: {', '.join(metrics['undefined'])}.")
    tests, resamples = len(metrics["rows"]), given.review.resamples
    if not can_claim(tests, common, resamples=resamples, confidence=given.review.confidence):
        told.append(f"review.resamples is {resamples}: too few for any claim, p being corrected for {tests} metrics.")
    for name, section in (("flips", review["flips"]["texts"]), ("slices", review["slices"]["missing"])):
        if section:
            told.append(f"Without what the samples hold, {name} are shorter: {section}.")
    if review["provenance"]["agreement"]:
        told.append(
            "The head's params, code, dvc.lock and metrics do not agree: these numbers may be another run's. What does "
            "not belong together stands under provenance."
        )
    if given.borrowed:
        told.append("The head's params.yaml has no block review: gates and settings are the workspace's.")
    return told


def _told(side: Side) -> dict[str, Any]:
    return {"asked": side.asked, "revision": side.revision, "title": side.title}
