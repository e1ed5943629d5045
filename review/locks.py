"""dvc.lock of one side: what each stage was run with, and the hashes of what it read and wrote."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from stages.core.errors import UserError

if TYPE_CHECKING:
    from review.sides import Side


@dataclass(frozen=True)
class Stage:
    """A stage as it was run. `params` are by dotted key; `deps` and `outs` by path: hash; `sizes` of outs in bytes."""

    cmd: str
    params: Mapping[str, Any]
    deps: Mapping[str, str]
    outs: Mapping[str, str]
    sizes: Mapping[str, int]


def locked(side: "Side") -> dict[str, Stage]:
    """The stages in dvc.lock, in its order; none where there is no dvc.lock.

    Raises:
        UserError: it is not what DVC writes.
    """
    if not side.exists("dvc.lock"):
        return {}
    try:
        return dict(stages_of(side.read_bytes("dvc.lock")))
    except (YAMLError, UnicodeDecodeError, KeyError, TypeError, AttributeError) as error:
        what = f"dvc.lock of {side.title}: not readable: {' '.join(str(error).split())[:200]}"
        raise UserError(what, "dvc repro, and commit dvc.lock") from None


@lru_cache(maxsize=4)
def stages_of(content: bytes) -> dict[str, Stage]:
    """Several sections ask for the same file, and reading it takes a third of a second."""
    found = YAML(typ="safe", pure=True).load(content.decode())
    return {name: _stage(entry) for name, entry in found["stages"].items()}


def _stage(entry: Mapping[str, Any]) -> Stage:
    params = {key: value for file in (entry.get("params") or {}).values() for key, value in flatten(file).items()}
    outs = entry.get("outs") or []
    return Stage(
        cmd=str(entry.get("cmd", "")),
        params=params,
        deps=_hashes(entry.get("deps") or []),
        outs=_hashes(outs),
        sizes={out["path"]: out["size"] for out in outs if "size" in out},
    )


def _hashes(entries: list[Mapping[str, Any]]) -> dict[str, str]:
    return {entry["path"]: str(entry.get(entry.get("hash", "md5"), "")) for entry in entries}


def outputs(stages: Mapping[str, Stage]) -> dict[str, str]:
    """The hash of each output, by path."""
    return {path: digest for stage in stages.values() for path, digest in stage.outs.items()}


def flatten(content: Any, prefix: str = "") -> dict[str, Any]:
    """Values by dotted key; lists and empty mappings are values."""
    if not isinstance(content, Mapping) or not content:
        return {prefix: content}
    found: dict[str, Any] = {}
    for key, value in content.items():
        found |= flatten(value, f"{prefix}.{key}" if prefix else str(key))
    return found
