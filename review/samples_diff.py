"""Which samples a change adds, removes, edits, relabels and moves. Sample ids are digests of the inputs as fetched.

So an edited text is one sample less and another more: the two are told to be one edited sample where an extra column
is a key that both sides share, or where their texts are alike.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from review.alike import Alike, alike
from review.corpus import Corpus, keys_of
from stages.core.samples import SPLITS

LISTED = 200
"""Samples listed of each kind; the counts are of all."""
STABLE_SHARE = 0.99
"""Of the samples that both sides have: in so many a key must be the same, or it is only a row's number."""
EDITED_FROM = 0.5
"""Jaccard similarity of character shingles from which a sample that came is taken for one that went."""
PARTNERS = 8
"""Texts that came among which the one that a text became is looked for."""
MOST_PAIRED = 20_000
"""Texts on either side among which like ones are looked for."""

Item = dict[str, Any]


def samples_diff(base: Corpus, head: Corpus) -> dict[str, Any]:
    """What became of the kept samples; `added`, `removed`, `edited`, `recleaned`, `relabelled`, `moved`.

    Each has `count` and `items`, the first `LISTED` in order. Counts are disjoint in so far as an edited sample is
    neither added nor removed.
    """
    removed = [one for one in base.rows if one not in head.rows]
    added = [one for one in head.rows if one not in base.rows]
    both = [one for one in base.rows if one in head.rows]
    edits, how = _edited(base, head, removed, added, both)
    gone, new = {one for one, _, _ in edits}, {other for _, other, _ in edits}
    removed = [one for one in removed if one not in gone]
    added = [one for one in added if one not in new]
    changed = [one for one in both if base.answers[base.rows[one]] != head.answers[head.rows[one]]]
    recleaned = [one for one in both if base.contents[base.rows[one]] != head.contents[head.rows[one]]]
    moved = [one for one in both if base.places.get(one) != head.places.get(one)]
    return {
        "base": len(base.rows),
        "head": len(head.rows),
        "same": len(both),
        "added": _kind([_came(base, head, one) for one in added[:LISTED]], len(added), _reasons(base, added)),
        "removed": _kind([_went(base, head, one) for one in removed[:LISTED]], len(removed), _reasons(head, removed)),
        "edited": {**_kind([_edit(base, head, *one) for one in edits[:LISTED]], len(edits)), "how": how},
        "recleaned": _kind([_recleaned(base, head, one) for one in recleaned[:LISTED]], len(recleaned)),
        "relabelled": _relabelled(base, head, changed),
        "moved": _moved(base, head, moved),
        "splits": {name: split_diff(base, head, name) for name in SPLITS},
    }


def split_diff(base: Corpus, head: Corpus, name: str) -> dict[str, int]:
    """Samples of one split: on either side, on both, and on one alone."""
    one, other = base.ids_of(name), head.ids_of(name)
    common = len(one.keys() & other.keys())
    return {
        "base": len(one),
        "head": len(other),
        "common": common,
        "added": len(other) - common,
        "removed": len(one) - common,
    }


def transitions(pairs: Iterable[tuple[Any, Any]]) -> list[dict[str, Any]]:
    """How often each change from one value to another occurs, the most frequent first."""
    counted = sorted(Counter(pairs).items(), key=lambda item: (-item[1], str(item[0])))
    return [{"before": before, "after": after, "count": count} for (before, after), count in counted]


def _kind(items: list[Item], count: int, reasons: dict[str, int] | None = None) -> dict[str, Any]:
    return {"count": count, "items": items} | ({} if reasons is None else {"reasons": reasons})


def _reasons(other: Corpus, ids: Sequence[str]) -> dict[str, int]:
    """Why the other side does not have the samples: it dropped or rejected them, or its source lacks them."""
    fetched = set(other.fetched["id"].to_pylist())
    return dict(Counter(_absent(other, one, fetched) for one in ids).most_common())


def _absent(other: Corpus, one: str, fetched: set[str]) -> str:
    return other.left.get(one, "not fetched" if one not in fetched else "left")


def _shown(side: Corpus, one: str) -> Item:
    row = side.rows[one]
    return {
        "id": one,
        "name": side.name_of(one),
        "content": side.contents[row],
        "answer": side.answers[row],
        "split": side.places.get(one),
    }


def _came(base: Corpus, head: Corpus, one: str) -> Item:
    return {**_shown(head, one), "why": base.left.get(one)}


def _went(base: Corpus, head: Corpus, one: str) -> Item:
    return {**_shown(base, one), "why": head.left.get(one)}


def _edit(base: Corpus, head: Corpus, one: str, other: str, by: str) -> Item:
    return {"before": _shown(base, one), "after": _shown(head, other), "by": by}


def _recleaned(base: Corpus, head: Corpus, one: str) -> Item:
    return {
        "id": one,
        "name": head.name_of(one),
        "before": base.contents[base.rows[one]],
        "after": head.contents[head.rows[one]],
    }


def _relabelled(base: Corpus, head: Corpus, ids: Sequence[str]) -> dict[str, Any]:
    items = [
        {**_shown(head, one), "before": base.answers[base.rows[one]], "after": head.answers[head.rows[one]]}
        for one in ids
    ]
    pairs = [] if head.valued else [(item["before"], item["after"]) for item in items]
    return {**_kind(items[:LISTED], len(ids)), "transitions": transitions(pairs)}


def _moved(base: Corpus, head: Corpus, ids: Sequence[str]) -> dict[str, Any]:
    pairs = [(base.places.get(one) or "unused", head.places.get(one) or "unused") for one in ids]
    items = [
        {**_shown(head, one), "before": before, "after": after}
        for one, (before, after) in zip(ids[:LISTED], pairs, strict=False)
    ]
    return {**_kind(items, len(ids)), "transitions": transitions(pairs)}


def _edited(
    base: Corpus, head: Corpus, removed: Sequence[str], added: Sequence[str], both: Sequence[str]
) -> tuple[list[tuple[str, str, str]], str]:
    """Pairs of a removed and an added sample that are one edited sample, by what; and how they were looked for."""
    if not removed or not added:
        return [], ""
    pairs: list[tuple[str, str, str]] = []
    key = stable_key(base, head, both)
    if key is not None:
        name, before, after = key
        came = {after[head.rows[one]]: one for one in added}
        pairs = [(one, came[value], name) for one in removed if (value := before[base.rows[one]]) in came]
    taken = {one for pair in pairs for one in pair[:2]}
    removed = [one for one in removed if one not in taken]
    added = [one for one in added if one not in taken]
    how = [f"the key {key[0]}"] if key else []
    if base.texts and head.texts and removed and added and max(len(removed), len(added)) <= MOST_PAIRED:
        pairs += [(one, other, "like text") for one, other in _like(base, head, removed, added)]
        how.append(f"texts with a similarity of {EDITED_FROM:g} or more")
    return pairs, " and ".join(how)


def stable_key(base: Corpus, head: Corpus, both: Sequence[str]) -> tuple[str, list[str], list[str]] | None:
    """An extra column that tells the samples apart on both sides and stays with them: its name and values."""
    before, after = keys_of(base.kept), keys_of(head.kept)
    for name in sorted(before.keys() & after.keys()):
        agreeing = sum(before[name][base.rows[one]] == after[name][head.rows[one]] for one in both)
        if both and agreeing >= STABLE_SHARE * len(both):
            return name, before[name], after[name]
    return None


def _like(base: Corpus, head: Corpus, removed: Sequence[str], added: Sequence[str]) -> list[tuple[str, str]]:
    """Each removed sample with the added one most like it; no sample twice."""
    went = [base.contents[base.rows[one]] for one in removed]
    came = [head.contents[head.rows[one]] for one in added]
    found: list[Alike] = alike(went, came, threshold=EDITED_FROM, most=PARTNERS)
    used: Mapping[str, set[int]] = {"removed": set(), "added": set()}
    pairs = []
    for pair in sorted(found, key=lambda pair: (-pair.similarity, pair.one, pair.other)):
        if pair.one in used["removed"] or pair.other in used["added"]:
            continue
        used["removed"].add(pair.one)
        used["added"].add(pair.other)
        pairs.append((pair.one, pair.other))
    return [(removed[one], added[other]) for one, other in sorted(pairs)]
