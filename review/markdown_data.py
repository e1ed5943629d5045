"""What changed in the data, as Markdown."""

from collections.abc import Iterable, Mapping
from typing import Any

from review.escape import code, folded, parts, plain, table
from review.markdown_scores import told
from review.words import edits

Section = Mapping[str, Any]
KINDS = ("added", "removed", "edited", "recleaned", "relabelled", "moved")


def data_lines(data: Section, rows: int) -> list[str]:
    """Leaks first; then what became of samples, classes, drift, and the counts of the stages.

    Where outputs were not read, the counts are all there is.
    """
    if "samples" not in data:
        return ["### Data", "", *(_stages(data["stages"], rows) or ["Every stage counted the same on both sides.", ""])]
    lines = ["### Data", "", *_leaks(data["leakage"], rows), *_counts(data), ""]
    for kind in KINDS:
        lines += _samples(kind, data["samples"][kind], rows)
    lines += _balance(data["balance"], rows) + _drift(data["drift"], rows) + _stages(data["stages"], rows)
    for note in data["notes"]:
        lines += [f"<sub>{plain(note)}</sub>", ""]
    return lines


def _leaks(leakage: Section, rows: int) -> list[str]:
    near = "near-duplicates not looked for" if leakage["near"] is None else f"{leakage['near']} near-duplicates"
    found = leakage["exact"] + (leakage["near"] or 0)
    text = f"{leakage['exact']} of {leakage['test']} test samples are trained on, {near}"
    text += f"; {leakage['new']} of them new." if found else "."
    if leakage["former"]:
        text += f" {leakage['former']} of the base's {leakage['former_test']} test samples are trained on now."
    sign = "❌ " if found else "⚠️ " if leakage["former"] else ""
    lines = [f"**{sign}Leakage: {text}**" if sign else f"Leakage: {text}", ""]
    header = ["test sample", "training sample", "", "similarity", "new", "in test", "in training"]
    for title, key in (("Test samples that are trained on", "items"), ("Of the base's test samples", "former_items")):
        body = [_leak(one) for one in leakage[key]]
        lines += folded(title, table(header, body, limit=rows, right=[3]))
    return lines


def _leak(one: Section) -> list[str]:
    samples = [code(one["test_name"]), code(one["train_name"])]
    kind = [plain(one["kind"]), f"{one['similarity']:.2f}", "yes" if one["new"] else "no"]
    return [*samples, *kind, code(one["test_content"]), code(one["train_content"])]


def _counts(data: Section) -> list[str]:
    samples, test = data["samples"], data["test_set"]
    kinds = [f"{samples[kind]['count']} {kind}" for kind in KINDS if samples[kind]["count"]]
    text = f"Kept samples: {samples['base']} → {samples['head']}: {', '.join(kinds) or 'the same'}."
    changes = [f"{test[name]} {name}" for name in ("added", "removed", "relabelled") if test[name]]
    return [f"{text} Test samples: {test['base']} → {test['head']}: {', '.join(changes) or 'the same'}.", ""]


def _samples(kind: str, part: Section, rows: int) -> list[str]:
    """The samples of one kind; above them how often each change or reason occurs."""
    if not part["count"]:
        return []
    reasons = [f"{plain(reason)}: {count}" for reason, count in part.get("reasons", {}).items()]
    for one in part.get("transitions", []):
        reasons.append(f"{plain(str(one['before']))} → {plain(str(one['after']))}: {one['count']}")
    above = ["; ".join(reasons[: max(rows, 1)]), ""] if reasons else []
    header, body = BODIES[kind](part["items"])
    listed = table(header, body, limit=rows)
    unlisted = part["count"] - len(body)
    below = [f"{unlisted} more are counted, not listed.", ""] if unlisted and rows else []
    return folded(f"{part['count']} {kind}", [*above, *listed, *below])


Rows = tuple[list[str], list[list[str]]]


def _came_or_went(items: Iterable[Section]) -> Rows:
    body = [
        [code(one["name"]), _answer(one["answer"]), _split(one), plain(one["why"] or ""), _content(one)]
        for one in items
    ]
    return ["sample", "answer", "split", "on the other side", "content"], body


def _edited(items: Iterable[Section]) -> Rows:
    body = []
    for one in items:
        before, after = one["before"], one["after"]
        answers = [_answer_of(side) for side in (before, after)]
        body.append([code(after["name"]), _split(after), *answers, marked(before["content"], after["content"])])
    return ["sample", "split", "answer before", "after", "edit"], body


def _recleaned(items: Iterable[Section]) -> Rows:
    return ["sample", "edit"], [[code(one["name"]), marked(one["before"], one["after"])] for one in items]


def _relabelled(items: Iterable[Section]) -> Rows:
    body = [
        [code(one["name"]), _split(one), *map(_answer, (one["before"], one["after"])), _said(one), _content(one)]
        for one in items
    ]
    return ["sample", "split", "before", "after", "the base's model said", "content"], body


def _said(one: Section) -> str:
    """What the base's model answered, and how surely; nothing where it was trained on the sample."""
    said = one.get("said")
    if not said:
        return ""
    return _answer(said["answer"]) + ("" if said["sure"] is None else f" ({said['sure']:.2f})")


def marked(before: str, after: str) -> str:
    """An edit, word by word: what went is struck out, what came is bold."""
    tags = {"kept": ("", ""), "gone": ("<del>", "</del>"), "new": ("<b>", "</b>")}
    told = []
    for kind, text in edits(before, after):
        start, end = tags[kind]
        lead, trail = " " * text.startswith(" "), " " * text.endswith(" ")
        words = " ".join(map(plain, parts(text)))
        told.append(f"{lead}{start}{words}{end}{trail}" if words else " ")
    return "".join(told)


def _moved(items: Iterable[Section]) -> Rows:
    body = [[code(one["name"]), plain(one["before"]), plain(one["after"]), code(one["content"])] for one in items]
    return ["sample", "split before", "after", "content"], body


BODIES = {
    "added": _came_or_went,
    "removed": _came_or_went,
    "edited": _edited,
    "recleaned": _recleaned,
    "relabelled": _relabelled,
    "moved": _moved,
}


def _answer(value: Any) -> str:
    return code(told(value))


def _answer_of(one: Section) -> str:
    return _answer(one["answer"])


def _content(one: Section) -> str:
    return code(one["content"])


def _split(one: Section) -> str:
    return plain(one["split"] or "unused")


def _balance(balance: Iterable[Section], rows: int) -> list[str]:
    """Classes whose share changed; of values, the splits."""
    body = []
    for row in balance:
        if row["base"] != row["head"] or row.get("base_mean") != row.get("head_mean"):
            shares = [_share(row, side) for side in ("base", "head")]
            body.append([plain(row["split"]), code(str(row.get("label", "values"))), *shares])
    return folded(
        "Class balance, where it changed", table(["split", "", "base", "head"], body, limit=rows, right=[2, 3])
    )


def _share(row: Section, side: str) -> str:
    if "label" not in row:
        return f"{row[side]}, mean {told(row[f'{side}_mean'])} ± {told(row[f'{side}_deviation'])}"
    share = row[f"{side}_share"]
    return str(row[side]) + ("" if share is None else f" ({share:.1%})")


def _drift(drift: Section, rows: int) -> list[str]:
    header = ["split", "compared", "what", "test", "samples", "others", "distance", "p", "finding"]
    body = []
    for row in sorted(drift["rows"], key=lambda row: row["p_holm"]):
        named = [plain(str(row[key])) for key in ("split", "compared", "what", "test", "samples", "others")]
        body.append([*named, f"{row['distance']:.3f}", f"{row['p_holm']:.3f}", plain(row["finding"])])
    found = sum(row["finding"] == "drift" for row in drift["rows"])
    text = f"Drift: {found} of {len(body)} tests" if found else "No detectable drift"
    untested = [f"Not tested: {'; '.join(plain(one) for one in drift['untested'])}.", ""] if drift["untested"] else []
    return folded(text, [*table(header, body, limit=rows, right=[4, 5, 6, 7]), *untested]) if body else []


def _stages(stages: Iterable[Section], rows: int) -> list[str]:
    changed = [row for row in stages if row["base"] != row["head"]]
    body = [[plain(row["stage"]), plain(row["count"]), told(row["base"]), told(row["head"])] for row in changed]
    header = ["stage", "count", "base", "head"]
    return folded("Counts of the stages, where they changed", table(header, body, limit=rows, right=[2, 3]))
