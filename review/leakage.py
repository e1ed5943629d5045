"""What is trained on and tested on at once: exact and near-duplicates between training (with derived ones) and test.

The head's training samples are held against its own test samples and against the base's: whoever moves the test set
does not hide what is trained on. The threshold is the base's, so that a change cannot loosen its own check.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from review.alike import alike
from review.corpus import Corpus, block

LISTED = 200
"""Leaked test samples listed; the counts are of all."""
PROVED = 4
"""Likeliest near-duplicates of a test text that are compared with it letter by letter: one is enough."""
KINDS = ("same sample", "derived from it", "same input", "near-duplicate")
"""Of leaks, the plainest first; all but the last are exact."""


@dataclass(frozen=True)
class Parts:
    """What one side trains on and tests on: ids, and the inputs as texts (or any keys that are equal for equal ones).

    `parents` (by the row of `train`) names the original of a derived sample.
    """

    train: Sequence[str]
    parents: Sequence[str | None]
    train_inputs: Sequence[str]
    test: Sequence[str]
    test_inputs: Sequence[str]


@dataclass(frozen=True)
class Leak:
    """A test sample and a training sample of the head that is it, or nearly. `row`: of the training sample."""

    test: str
    row: int
    kind: str
    similarity: float


Near = Callable[[Parts, Sequence[str], Sequence[str]], dict[str, Leak]]
"""The head's parts, ids of test samples and their inputs -> near leaks by the test sample's id."""


def parts_of(corpus: Corpus, inputs: Mapping[str, str] | None = None) -> Parts:
    """What a side trains on and tests on; `inputs` (id -> key) replaces the texts."""
    own, test = corpus.members("train"), corpus.members("test")
    derived = corpus.trained_derived
    kept, ids = corpus.kept["id"].to_pylist(), corpus.derived["id"].to_pylist()
    parents, contents = corpus.derived["parent"].to_pylist(), corpus.derived["content"].to_pylist()
    train = [*(kept[row] for row in own), *(ids[row] for row in derived)]
    tested = [kept[row] for row in test]
    if inputs is None:
        texts = [*(corpus.contents[row] for row in own), *(contents[row] for row in derived)]
        tested_texts = [corpus.contents[row] for row in test]
    else:
        texts, tested_texts = [inputs[one] for one in train], [inputs[one] for one in tested]
    return Parts(train, [None] * len(own) + [parents[row] for row in derived], texts, tested, tested_texts)


def exact_leaks(head: Parts, tested: Sequence[str], inputs: Sequence[str]) -> dict[str, Leak]:
    """Test samples that the head trains on as they are: test id -> leak."""
    by_id = {one: row for row, one in enumerate(head.train)}
    by_parent = {parent: row for row, parent in enumerate(head.parents) if parent is not None}
    by_input = {content: row for row, content in reversed(list(enumerate(head.train_inputs)))}
    found = {}
    for one, content in zip(tested, inputs, strict=True):
        places = (by_id.get(one), by_parent.get(one), by_input.get(content))
        for kind, row in zip(KINDS, places, strict=False):
            if row is not None:
                found[one] = Leak(one, row, kind, 1.0)
                break
    return found


def near_texts(options: Mapping[str, Any]) -> Near:
    """A search for test texts that have a near-duplicate among the training texts: the most similar one."""

    def near(head: Parts, tested: Sequence[str], inputs: Sequence[str]) -> dict[str, Leak]:
        distinct = {content: row for row, content in reversed(list(enumerate(head.train_inputs)))}
        rows = list(distinct.values())
        found: dict[str, Leak] = {}
        for pair in alike(inputs, list(distinct), most=PROVED, **options):
            one = tested[pair.one]
            if one not in found or pair.similarity > found[one].similarity:
                found[one] = Leak(one, rows[pair.other], KINDS[-1], pair.similarity)
        return found

    return near


def near_options(base: Corpus, head: Corpus) -> dict[str, Any] | None:
    """How near-duplicates of texts are looked for: as the base says; None: not wanted."""
    names = ("threshold", "shingle_characters", "permutations")
    found = {name: block(base.params, f"clean.duplicates.near.{name}") for name in names}
    return found if _wanted(base, head) and None not in found.values() else None


def near_bits(base: Corpus, head: Corpus) -> int | None:
    """In how many bits hashes of near-duplicate images or sounds may differ, as the base says; None: not wanted."""
    found: int | None = block(base.params, "clean.duplicates.near.max_distance_bits")
    return found if _wanted(base, head) else None


def _wanted(base: Corpus, head: Corpus) -> bool:
    """The base groups or drops near-duplicates, or a gate counts their leaks."""
    gated = any(block(side.params, "review.gates.data.max_near_leaks") is not None for side in (base, head))
    return gated or bool(block(base.params, "clean.duplicates.near.enabled"))


def leakage(base: Parts, head: Parts, near: Near | None) -> dict[str, Any]:
    """Leaks of the head's test samples, and of those of the base's test samples that the head tests no more.

    Args:
        near: gives near leaks; None: they are not looked for.

    Returns:
        `exact` and `near`: leaked test samples, each counted once; `new`: those that the base does not have; `former`:
        samples of the base's test set that the head trains on and tests no more; `items` and `former_items`.
    """
    own = set(head.test)
    inputs = dict(zip(base.test, base.test_inputs, strict=True)) | dict(zip(head.test, head.test_inputs, strict=True))
    leaks = sorted(_found(head, inputs, near), key=lambda leak: (KINDS.index(leak.kind), -leak.similarity, leak.test))
    trained, tested = set(base.train_inputs), set(base.test_inputs)
    there = {leak for leak in leaks if inputs[leak.test] in tested and head.train_inputs[leak.row] in trained}
    now = [leak for leak in leaks if leak.test in own]
    former = [leak for leak in leaks if leak.test not in own]
    exact = [leak for leak in now if leak.kind != KINDS[-1]]
    return {
        "test": len(head.test),
        "train": len(head.train),
        "exact": len(exact),
        "near": None if near is None else len(now) - len(exact),
        "new": len([leak for leak in now if leak not in there]),
        "items": [_item(leak, head, leak not in there) for leak in now[:LISTED]],
        "former": len(former),
        "former_test": len(base.test),
        "former_items": [_item(leak, head, leak not in there) for leak in former[:LISTED]],
    }


def _found(head: Parts, inputs: Mapping[str, str], near: Near | None) -> list[Leak]:
    found = exact_leaks(head, list(inputs), list(inputs.values()))
    rest = {one: content for one, content in inputs.items() if one not in found}
    if near is not None and rest:
        found |= near(head, list(rest), list(rest.values()))
    return list(found.values())


def _item(leak: Leak, head: Parts, new: bool) -> dict[str, Any]:
    return {
        "test_id": leak.test,
        "train_id": head.train[leak.row],
        "kind": leak.kind,
        "similarity": round(leak.similarity, 3),
        "new": new,
    }
