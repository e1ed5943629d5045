"""Which training a checkpoint belongs to, and where checkpoints are kept."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

import stages
from stages.core import tables
from stages.core.checkout import repository
from stages.training.checkpoints import Checkpoints, opened
from stages.training.processes import ALONE, Team

CODE = ("augmenters", "core", "modalities", "strategies", "tasks", "training", "finetune.py")
"""What of stages/ finetune depends on, as in dvc.yaml."""
LIBRARIES = ("torch", "transformers", "numpy")
UNSEEN = ("checkpoint", "dvclive")
"""Params of finetune that do not show in the weights."""


def own_checkpoints(
    model: torch.nn.Module,
    recipe: Mapping[str, Any],
    device: torch.device,
    *,
    every_s: float | None,
    keep_days: float,
    team: Team = ALONE,
) -> AbstractContextManager[Checkpoints | None]:
    """The checkpoints of this very training: of its data, params, code and first weights.

    `recipe` holds the params; of those under `finetune`, what does not show in the weights does not count. Of several
    processes the first alone keeps checkpoints.

    Raises:
        UserError: the processes are about to train different things.
    """
    folder = Path("data/encoded")
    inputs = [path for name in ("train", "validation") for path in tables.shards(folder / name, "inputs")]
    counted = {name: value for name, value in recipe["finetune"].items() if name not in UNSEEN}
    params = {**recipe, "finetune": counted}
    mark = fingerprint(model, data=[folder / "meta.json", *inputs], params=params, device=device)
    team.agree(mark)
    if not team.leads:
        return nullcontext()
    return opened(checkpoints_folder(Path.cwd()), mark, every_s=every_s, keep_days=keep_days)


def fingerprint(
    model: torch.nn.Module, *, data: Iterable[Path], params: Mapping[str, Any], device: torch.device
) -> str:
    """16 hexadecimal digits that differ where data, params, code, libraries, kind of device or first weights do.

    `data`: files of which names and bytes count. `model`: as it is before training.
    """
    digest = hashlib.sha256()
    for path in data:
        digest.update(f"{path.as_posix()}\0{_digest(path)}\0".encode())
    home = Path(stages.__file__).parent
    for path in sorted(file for name in CODE for file in _sources(home / name)):
        digest.update(f"{path.relative_to(home).as_posix()}\0{_digest(path)}\0".encode())
    known = {"params": params, "libraries": {name: version(name) for name in LIBRARIES}, "device": device.type}
    digest.update(json.dumps(known, sort_keys=True).encode())
    for name, weight in model.named_parameters():
        digest.update(f"\0{name} {tuple(weight.shape)} {weight.requires_grad}\0".encode())
        digest.update(weight.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()[:16]


def checkpoints_folder(start: Path) -> Path:
    """`.groundwork/checkpoints` of the repository that `start` is in, or that owns it.

    That is the repository from which DVC copied, and the main checkout of a Git worktree.
    """
    return repository(start.resolve()) / ".groundwork/checkpoints"


def _sources(path: Path) -> list[Path]:
    return [path] if path.is_file() else [file for file in path.rglob("*") if file.suffix in (".py", ".txt")]


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
