"""Everything that a review says, as one dict of JSON values: renderers read nothing else."""

from pathlib import Path
from typing import Any

from review import by_git
from review.by_git import results_unchanged
from review.claims import false_claims
from review.cost import costs
from review.data import data_changes
from review.flips import flips
from review.gates import judge
from review.metrics import metric_changes
from review.pairing import Pair, read_pair
from review.params_diff import params_changes
from review.provenance import provenance
from review.settings import Settings, settings
from review.sides import Side, UnreadableError
from review.slices import slices
from review.statistics import NOT_VERIFIED, can_claim
from review.story import changed, drift_note
from review.verdict import COMPARED, UNCHANGED, verdict


def compare(base: Side, head: Side, root: Path = Path()) -> dict[str, Any]:
    """Compare two sides by the block `review` of the head's params.yaml.

    `result` is `compared`, where outputs of both sides were read; `unchanged`, where they are the same by dvc.lock
    and need not be read; or `not verified`, where they cannot be read here: `unread` says why.

    Raises:
        UserError: they cannot be compared.
    """
    given = settings(head, root)
    common = {"params": params_changes(base, head), "cost": costs(base, head), "provenance": provenance(base, head)}
    unchanged = results_unchanged(base, head)
    unread = None
    if not unchanged or common["params"]["gates"]:  # other gates are judged anew, if that is possible
        try:
            return _told(base, head, given, {**_read_outputs(base, head, given), **common})
        except UnreadableError as error:
            unread = f"{error}. Next: {error.hint}"
    result = UNCHANGED if unchanged else NOT_VERIFIED
    sampling: dict[str, Any] = {"resamples": given.review.resamples, "confidence": given.review.confidence}
    found = by_git.sections(base, head, unchanged=unchanged, **sampling)
    return _told(base, head, given, {"result": result, "unread": unread, "false_claims": [], **found, **common})


def _read_outputs(base: Side, head: Side, given: Settings) -> dict[str, Any]:
    """The sections that need the outputs of both sides.

    Raises:
        UnreadableError: one of them is in no cache and no remote.
        UserError: they cannot be compared.
    """
    wanted, modality = given.review, given.modality
    pair = read_pair(base, head, min_common=wanted.min_common)
    sampling: dict[str, Any] = {"resamples": wanted.resamples, "confidence": wanted.confidence, "bins": given.bins}
    found: dict[str, Any] = {
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
    }
    claims = {"result": COMPARED, "unread": None, "false_claims": false_claims(head, bins=given.bins)}
    return {**claims, "pair": pair, **found}


def _told(base: Side, head: Side, given: Settings, review: dict[str, Any]) -> dict[str, Any]:
    """The sections with the sides before them, and what follows from them: verdict, notes and gates."""
    pair = review.pop("pair", None)
    gates = judge(review, given.review.gates)
    said = verdict(review["metrics"], gates, main=given.main, result=review["result"])
    return {
        "sides": {name: _titles(side) for name, side in (("base", base), ("head", head))},
        "verdict": said,
        "changed": changed(review["params"], review["data"]),
        "notes": [*(notes(pair, review, given) if pair else []), *_notes_of_head(review, given)],
        "gates": gates,
        "quote_samples": given.review.quote_samples,
        **review,
    }


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
    return told


def _notes_of_head(review: dict[str, Any], given: Settings) -> list[str]:
    """What a reader has to know of the head itself, and where outputs could not be read."""
    drift = drift_note(review["data"])
    told = [drift] if drift else []
    if review["result"] == NOT_VERIFIED:
        told.append(
            f"{review['unread']} (or, where a team has no remote: review.gates.unverified: warn in params.yaml)"
        )
    if review["provenance"]["agreement"]:
        told.append(
            "The head's params, code, dvc.lock and metrics do not agree: these numbers may be another run's. What does "
            "not belong together stands under provenance."
        )
    if given.borrowed:
        told.append("The head's params.yaml has no block review: gates and settings are the workspace's.")
    return told


def _titles(side: Side) -> dict[str, Any]:
    return {"asked": side.asked, "revision": side.revision, "title": side.title}
