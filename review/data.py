"""Section `data`: what a change does to the samples: which, of which classes, in which split, and whether any leaks."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from review.balance import class_balance, rarest, shares, stage_counts
from review.contents import hashes, near_media, read_contents, to_hash
from review.corpus import Corpus, block, read_corpus
from review.drift import Distances, Lengths, Place, drift
from review.earlier_word import add_earlier_word
from review.features import of_texts, of_vectors, read_vectors, stored_form
from review.leakage import Near, Parts, leakage, near_bits, near_options, near_texts, parts_of
from review.samples_diff import samples_diff, split_diff
from review.twosample import Kernel
from stages.core.errors import UserError

if TYPE_CHECKING:
    from review.sides import Side

STAGES = ("fetch", "validate", "clean", "augment", "split", "encode")
META = "data/encoded/meta.json"
NOT_LOOKED_FOR = "near-duplicates of test samples were not looked for: clean.duplicates.near is off at the base"


def data_changes(base: "Side", head: "Side") -> dict[str, Any]:
    """What changed in the data, and what of it gates judge.

    Returns:
        `samples` (see `samples_diff`), `test_set`, `balance`, `rarest` (the class), `leakage`, `drift`, `stages`,
        `shares` (of samples rejected and dropped), `notes`: what was not looked at, and why.

    Raises:
        UserError: data is in no cache; the two sides are of different modalities.
    """
    before, after = read_corpus(base), read_corpus(head)
    modality, other = (str(side.params.get("modality", "text")) for side in (after, before))
    if modality != other:
        raise UserError(f"{base.title} is of modality {other}, {head.title} of {modality}", "compare like with like")
    inputs = _texts(before, after) if modality == "text" else _media(base, head, before, after, modality)
    counts = [{name: _metrics(side, name) for name in STAGES} for side in (base, head)]
    told = _told_otherwise(head, inputs.head)
    classes = rarest(after)
    metas = [side.json(META) if side.exists(META) else {} for side in (base, head)]
    distances = _distances((base, head), before, metas)
    samples = samples_diff(before, after)
    add_earlier_word(base, samples["relabelled"]["items"])
    return {
        "modality": modality,
        "samples": samples,
        "test_set": {**split_diff(before, after, "test"), "relabelled": _relabelled_tests(before, after)},
        "balance": class_balance(before, after),
        "rarest": None if classes is None else {"label": classes[0], "share": round(classes[1], 6)},
        "leakage": _with_contents(leakage(inputs.base, inputs.head, inputs.near), before, after),
        "drift": drift(before, after, length_of=inputs.length_of, length_unit=inputs.length_unit, distances=distances),
        "stages": stage_counts(counts[0], counts[1]),
        "shares": shares(counts[1]),
        "notes": [*inputs.notes, *told],
    }


class Inputs(NamedTuple):
    """What the model sees on either side: what is trained and tested on, how near-duplicates are found, lengths."""

    base: Parts
    head: Parts
    near: Near | None
    length_of: Lengths
    length_unit: str
    notes: list[str]


def _texts(before: Corpus, after: Corpus) -> Inputs:
    options = near_options(before, after)
    near = None if options is None else near_texts(options)
    return Inputs(
        parts_of(before),
        parts_of(after),
        near,
        lambda corpus, row: len(corpus.contents[row]),
        "characters",
        [] if near else [NOT_LOOKED_FOR],
    )


def _media(base: "Side", head: "Side", before: Corpus, after: Corpus, modality: str) -> Inputs:
    """Equal ones by their bytes, near-duplicates by the hashes that `clean` compares."""
    contents = [read_contents(side, modality) for side in (base, head)]
    ones, others = (
        parts_of(corpus, {one: content.digest for one, content in found.items()})
        for corpus, found in zip((before, after), contents, strict=True)
    )
    near, notes = None, [NOT_LOOKED_FOR]
    bits, limits = near_bits(before, after), block(before.params, "decode")
    if bits is not None and limits:
        wanted, whole = to_hash(ones, others)
        known = hashes(head, modality, contents[1], wanted=wanted, limits=limits)
        known |= hashes(base, modality, contents[0], wanted=wanted - known.keys(), limits=limits)
        near = near_media(known, max_distance_bits=bits)
        notes = (
            [] if whole else [f"near-duplicates were looked for among {len(wanted):,} samples, exact ones among all"]
        )

    def length_of(corpus: Corpus, row: int) -> float:
        return contents[0 if corpus is before else 1][corpus.ids[row]].size

    return Inputs(ones, others, near, length_of, "bytes of the file", notes)


def _told_otherwise(head: "Side", parts: Parts) -> list[str]:
    """Whether finetune and evaluate say that they saw as many samples as the split has: else leaks may be missed.

    A training that leaves a fold out sees fewer.
    """
    trained, tested = (_metrics(head, stage) or {} for stage in ("finetune", "evaluate"))
    count = (trained.get("samples") or {}).get("train")
    seen = [
        ("finetune", "trained on", count, parts.train),
        ("evaluate", "tested on", tested.get("samples"), parts.test),
    ]
    return [
        f"metrics/{stage}.json says that {count:,} samples were {what}, data/split and data/augmented hold "
        f"{len(ids):,}: leaks were looked for among the latter"
        for stage, what, count, ids in seen
        if isinstance(count, int) and (count > len(ids) if "members" in trained else count != len(ids))
    ]


def _metrics(side: "Side", stage: str) -> dict[str, Any] | None:
    path = f"metrics/{stage}.json"
    return side.json(path) if side.exists(path) else None


def _relabelled_tests(before: Corpus, after: Corpus) -> int:
    """Samples of both test sets with another answer."""
    both = [one for one, row in before.rows.items() if one in after.rows and before.places.get(one) == "test"]
    return sum(
        after.places.get(one) == "test" and before.answers[before.rows[one]] != after.answers[after.rows[one]]
        for one in both
    )


def _with_contents(found: dict[str, Any], before: Corpus, after: Corpus) -> dict[str, Any]:
    """The leaks with the texts or paths of their samples."""
    for item in (*found["items"], *found["former_items"]):
        test = after if item["test_id"] in after.rows else before
        item["test_name"], item["train_name"] = test.name_of(item["test_id"]), after.name_of(item["train_id"])
        item["test_content"] = test.contents[test.rows[item["test_id"]]]
        item["train_content"] = after.content_of(item["train_id"])
    return found


def _distances(sides: tuple["Side", "Side"], before: Corpus, metas: Sequence[Mapping[str, Any]]) -> Distances:
    """How far contents are from each other: by what encode stored of them, or texts by their character trigrams."""

    def distances(split: str, places: Sequence[Place]) -> Kernel | None:
        form = stored_form(metas[0], metas[1], split)
        if form is not None:
            vectors = _vectors(sides, before, split, form, places)
            if vectors:
                return of_vectors(vectors)
        return of_texts([corpus.contents[row] for corpus, row in places]) if before.texts else None

    return distances


def _vectors(
    sides: tuple["Side", "Side"],
    before: Corpus,
    split: str,
    form: tuple[str, Mapping[str, Any]],
    places: Sequence[Place],
) -> list[Any]:
    """What encode stored of the samples (N); nothing where some are missing."""
    keys = [(0 if corpus is before else 1, corpus.ids[row]) for corpus, row in places]
    found: list[Mapping[str, Any]] = []
    for number, side in enumerate(sides):
        wanted = {one for owner, one in keys if owner == number}
        found.append(read_vectors(side, split, *form, wanted) if wanted else {})
    vectors = [found[owner].get(one) for owner, one in keys]
    return [] if any(vector is None for vector in vectors) else vectors
