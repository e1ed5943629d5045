"""What a change is, in a line: params, code, and what it does to the data. The verdict says what came of it."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

MOST_KEYS = 3
"""Keys of params.yaml that are told with their values."""
LONGEST_VALUE = 40
KINDS = {
    "added": "added",
    "removed": "removed",
    "edited": "edited",
    "relabelled": "relabelled",
    "moved": "moved to another split",
    "recleaned": "cleaned otherwise",
}
"""Kind of change of samples -> how it is told."""
Section = Mapping[str, Any]


def changed(params: Section, data: Section) -> str:
    """The sentence, from the sections `params` and `data`."""
    told = [*_keys(params["rows"]), *_gates(params["gates"]), *_rest(params), *_samples(data.get("samples"))]
    return f"Changed: {'; '.join(told) or 'nothing that a stage reads'}."


def _keys(rows: list[Section]) -> Iterator[str]:
    for row in rows[:MOST_KEYS]:
        before, after = _value(row["before"]), _value(row["after"])
        yield {
            "added": f"{row['key']} {after} (new)",
            "removed": f"{row['key']} {before} (gone)",
            "changed": f"{row['key']} {before} → {after}",
        }[row["kind"]]
    if len(rows) > MOST_KEYS:
        yield f"{len(rows) - MOST_KEYS} more of params.yaml"


def _value(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"


def _gates(rows: list[Section]) -> Iterator[str]:
    if rows:
        yield f"{', '.join(row['key'] for row in rows[:MOST_KEYS])}{' and others' if len(rows) > MOST_KEYS else ''}"


def _rest(params: Section) -> Iterator[str]:
    coded = [row["stage"] for row in params["stages"] if any(why.startswith("code:") for why in row["why"])]
    if coded:
        yield f"code of {', '.join(coded)}"
    if params["dependencies"]:
        count = len(params["dependencies"])
        yield f"{count} {'dependency' if count == 1 else 'dependencies'}"


def _samples(samples: Section | None) -> Iterator[str]:
    """`20 samples added, 15 removed, 16 relabelled (10 neutral → negative)`."""
    parts: list[str] = []
    for kind, told in KINDS.items():
        count = samples[kind]["count"] if samples else 0
        if count:
            noun = "" if parts else " sample" if count == 1 else " samples"
            parts.append(f"{count:,}{noun} {told}{_most_frequent(kind, samples or {})}")
    if parts:
        yield ", ".join(parts)


def _most_frequent(kind: str, samples: Section) -> str:
    turns = samples[kind].get("transitions", []) if kind in ("relabelled", "moved") else []
    return f" ({turns[0]['count']:,} {turns[0]['before']} → {turns[0]['after']})" if turns else ""


def drift_note(data: Section) -> str | None:
    """A sentence where the data have drifted, for the notes at the top."""
    found = [row for row in data.get("drift", {}).get("rows", []) if row["finding"] == "drift"]
    if not found:
        return None
    told = dict.fromkeys(f"{row['what']} in {row['split']}, {row['compared']}" for row in found)
    more = f" and {len(told) - MOST_KEYS} more" if len(told) > MOST_KEYS else ""
    return f"The data drifted: {'; '.join(list(told)[:MOST_KEYS])}{more}. Under data stand the tests."
