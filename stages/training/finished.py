"""A training that has ended, kept on disk until all those that go with it have: whole or not at all.

A folder holds `model/` (weights and config), `outputs.safetensors` (predictions), `state.json`, and `finished.json`
with the SHA-256 of all these.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file, save_file

from stages.core import report, tables
from stages.training.results import save_weights

Arrays = Mapping[str, npt.NDArray[Any]]
DIGESTS = "finished.json"


def keep(folder: Path, model: Any, arrays: Arrays, state: Mapping[str, Any]) -> None:
    """Keep a whole model with its predictions, and what else is to be known of it, as JSON."""
    with tables.new_folder(folder) as target:
        save_weights(model, target / "model")
        save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, target / "outputs.safetensors")
        (target / "state.json").write_text(json.dumps(state), encoding="utf-8")
        tables.write_json(target / DIGESTS, _digests(target))


def there(folder: Path) -> bool:
    """Whether a training is kept there, whole; what is damaged is told and removed."""
    if not folder.exists():
        return False
    try:
        noted: dict[str, str] = json.loads((folder / DIGESTS).read_text(encoding="utf-8"))
        whole = noted == _digests(folder)
    except (OSError, ValueError):
        whole = False
    if not whole:
        report.note(f"the finished training {folder.name} is damaged and done again")
        shutil.rmtree(folder)
    return whole


def read(folder: Path) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
    """The predictions and the state."""
    state: dict[str, Any] = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    return load_file(folder / "outputs.safetensors"), state


def _digests(folder: Path) -> dict[str, str]:
    """Name -> SHA-256 of each file, which is on disk afterwards."""
    found = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.name != DIGESTS):
        with path.open("rb") as file:
            found[path.relative_to(folder).as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
            os.fsync(file.fileno())
    return found
