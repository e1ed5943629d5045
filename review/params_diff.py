"""Section `params`: what else than data differs: params, dependencies, and the stages that ran with something new."""

import re
import tomllib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from review.locks import Stage, flatten, locked, outputs
from stages.core.errors import UserError

if TYPE_CHECKING:
    from review.sides import Side

CODE = "stages/"
NAME = re.compile(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(.*?)\s*(?:#.*)?$")


def params_changes(base: "Side", head: "Side") -> dict[str, Any]:
    """`rows` of params.yaml, `gates` (those of them that are of this review), `dependencies`, `stages`.

    A row: key, before, after, and `kind`: changed, added or removed.
    """
    before, after = flatten(base.params()), flatten(head.params())
    changed = differences(before, after)
    return {
        "rows": [row for row in changed if not row["key"].startswith("review.")],
        "gates": [row for row in changed if row["key"].startswith("review.")],
        "dependencies": differences(dependencies(base), dependencies(head)),
        "stages": stage_changes(locked(base), locked(head)),
    }


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What differs between two mappings, in the order of the second; what is gone comes last.

    1 and 1.0 are equal, 1 and True are not.
    """
    rows = []
    for key in (*after, *(key for key in before if key not in after)):
        if key not in before or key not in after:
            kind = "added" if key in after else "removed"
        elif _same(before[key], after[key]):
            continue
        else:
            kind = "changed"
        rows.append({"key": key, "before": before.get(key), "after": after.get(key), "kind": kind})
    return rows


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, bool) != isinstance(other, bool):
        return False
    return bool(one == other)


def dependencies(side: "Side") -> dict[str, str]:
    """The versions that pyproject.toml asks for, by name, with those of Python; none where there is no such file.

    Raises:
        UserError: it is no TOML.
    """
    if not side.exists("pyproject.toml"):
        return {}
    try:
        project = tomllib.loads(side.read_bytes("pyproject.toml").decode()).get("project", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"pyproject.toml of {side.title}: not TOML: {error}") from None
    found = {"python": project["requires-python"]} if "requires-python" in project else {}
    groups = {"": project.get("dependencies", []), **project.get("optional-dependencies", {})}
    for group, requirements in groups.items():
        for requirement in requirements:
            if match := NAME.match(requirement):
                name = re.sub(r"[-_.]+", "-", match[1]).lower()
                found[f"{name} ({group})" if group else name] = match[2] or "any version"
    return found


def stage_changes(before: Mapping[str, Stage], after: Mapping[str, Stage]) -> list[dict[str, Any]]:
    """The stages that ran with something else, in order: `why`, and whether they only follow from stages before.

    `outputs` says whether what they wrote differs, too. A stage of which only that differs does not repeat, or its
    outputs were changed by hand: `why` says so.
    """
    made = {**outputs(before), **outputs(after)}
    rows = []
    for name in (*after, *(name for name in before if name not in after)):
        if name not in before or name not in after:
            why, follows, differ = [f"only at the {'head' if name in after else 'base'}"], False, True
        else:
            why, follows = _why(before[name], after[name], made)
            differ = dict(before[name].outs) != dict(after[name].outs)
            if not why and differ:
                why, follows = ["other outputs from the same inputs"], False
        if why:
            rows.append({"stage": name, "why": why, "follows": follows, "outputs": differ})
    return rows


def _why(before: Stage, after: Stage, made: Mapping[str, str]) -> tuple[list[str], bool]:
    """What of a stage's inputs differs, and whether all of it is what stages before it wrote."""
    params = [row["key"] for row in differences(before.params, after.params)]
    paths = [row["key"] for row in differences(before.deps, after.deps)]
    parts = {
        "command": ["changed"] if before.cmd != after.cmd else [],
        "params": params,
        "code": [path for path in paths if path.startswith(CODE)],
        "source": [path for path in paths if not path.startswith(CODE) and not _is_made(path, made)],
        "data": [path for path in paths if not path.startswith(CODE) and _is_made(path, made)],
    }
    told = [f"{kind}: {', '.join(names)}" for kind, names in parts.items() if names]
    return told, bool(told) and not any(names for kind, names in parts.items() if kind != "data")


def _is_made(path: str, made: Mapping[str, str]) -> bool:
    return any(path == out or path.startswith(f"{out}/") for out in made)
