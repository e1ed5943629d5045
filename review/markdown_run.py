"""Params, cost and provenance as Markdown."""

from collections.abc import Mapping
from typing import Any

from review.escape import code, folded, plain, plain_lines, table
from review.markdown_scores import told

Section = Mapping[str, Any]


def params_lines(params: Section, rows: int) -> list[str]:
    """Params and dependencies that changed, and the stages that ran with something else; changed gates in the open."""
    header = ["", "base", "head"]
    lines = ["### Params and code", ""]
    if params["gates"]:
        edited = table(header, _rows(params["gates"]), limit=max(rows, 10))
        lines += ["⚠️ The change edits the block `review`, by which it is judged:", "", *edited]
    if params["rows"]:
        lines += table(header, _rows(params["rows"]), limit=rows)
    else:
        lines += ["No param that a stage reads differs.", ""]
    if params["dependencies"]:
        lines += folded("Dependencies", table(header, _rows(params["dependencies"]), limit=rows))
    stages = [
        [code(row["stage"]), "<br>".join(plain(why) for why in row["why"]), "yes" if row["outputs"] else "no"]
        for row in params["stages"]
    ]
    first = [code(row["stage"]) for row in params["stages"] if not row["follows"]]
    text = f"{len(stages)} stages read something else; changed in themselves: {', '.join(first) or 'none'}"
    return lines + folded(text, table(["stage", "what differs", "other outputs"], stages, limit=max(rows, 8)))


def _rows(rows: list[Section]) -> list[list[str]]:
    return [[code(row["key"]), *(_value(row, side, kind) for side, kind in SIDES)] for row in rows]


SIDES = (("before", "added"), ("after", "removed"))
"""Side -> the kind of change in which it has no value."""


def _value(row: Section, side: str, absent: str) -> str:
    return "–" if row["kind"] == absent else code(str(row[side]))


def cost_lines(cost: Section, rows: int) -> list[str]:  # noqa: ARG001
    """A table of what both trainings took."""
    known = [row for row in cost["rows"] if row["base"] is not None or row["head"] is not None]
    body = []
    for row in known:
        ratio = "–" if row["ratio"] is None else f"× {row['ratio']:.2f}"
        body.append(
            [
                NAMES.get(row["name"], row["name"].replace("_", " ")),
                _quantity(row, "base"),
                _quantity(row, "head"),
                ratio,
            ]
        )
    devices = [plain(str(cost["devices"][side] or "not recorded")) for side in ("base", "head")]
    lines = table(["", "base", "head", ""], [*body, ["trained on", *devices, ""]], limit=len(body) + 1, right=[1, 2, 3])
    return ["### Cost", "", *lines, *(f"<sub>{plain(note)}</sub><br>" for note in cost["notes"]), ""]


NAMES = {"model_bytes": "size of the model", "updates": "updates of the weights"}


def _quantity(row: Section, side: str) -> str:
    value = row[side]
    if value is None:
        return "not recorded"
    if row["unit"] == "bytes":
        return f"{value / 2**20:,.1f} MiB"
    number = f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"
    return f"{number} {row['unit']}".strip()


def provenance_lines(provenance: Section, rows: int) -> list[str]:
    """What was compared; what does not belong together in the open."""
    lines = ["### Provenance", "", plain_lines(provenance["test_set"]["text"]), "", *_agreement(provenance, rows)]
    sides = [provenance[name] for name in ("base", "head")]
    body = [[name, *(code(told(side[name])) for side in sides)] for name in ("revision", "date")]
    body.append(["workspace unchanged", *(told(side["clean"]) for side in sides)])
    for kind in ("run", "libraries", "hashes"):
        names = dict.fromkeys(name for side in sides for name in side[kind])
        body += [[code(name), *(code(told(side[kind].get(name))) for side in sides)] for name in names]
    here = provenance["environment"]
    made = ", ".join(f"{name} {version}" for name, version in here["libraries"].items())
    text = f"The review was made with Python {here['python']}, {made}, on {here['system']}, {here['cores']} cores."
    table_lines = table(["", "base", "head"], body, limit=max(rows, 3))
    return lines + folded("Revisions, hashes, libraries", [*table_lines, plain_lines(text), ""])


def _agreement(provenance: Section, rows: int) -> list[str]:
    if provenance["agreement_error"]:
        why = plain_lines(provenance["agreement_error"])
        return [f"⚠️ Whether params, code, dvc.lock and metrics agree is not known: {why}", ""]
    if not provenance["agreement"]:
        return ["Params, code, dvc.lock and metrics agree.", ""]
    found = [f"- {plain_lines(str(one))}" for one in provenance["agreement"][: max(rows, 10)]]
    return ["❌ Params, code, dvc.lock and metrics do not agree:", "", *found, ""]
