"""Checkpoints on disk: safetensors for tensors, JSON for the rest; whole or not at all.

A folder holds the last two, as `00000012.safetensors` with `00000012.json` (12: updates so far). The JSON, written
last, holds the SHA-256 of both parts, so that a file that is cut off or changed is told from a good one.
"""

import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from stages.core import live, report

Tensors = dict[str, torch.Tensor]
KEPT = 2
BREAK = 20
"""At an epoch's end a checkpoint is left out until so many times the last one's own duration have passed."""
DAY_S = 86_400


class Checkpoints:
    """The checkpoints of one training.

    Args:
        folder: where they are.
        every_s: seconds between them.
    """

    def __init__(self, folder: Path, *, every_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.folder = folder
        self._every_s, self._clock = every_s, clock
        self._last, self._cost_s = clock(), 0.0
        self._failed = False

    def of(self, name: str) -> "Checkpoints":
        """Those of one training among several."""
        return Checkpoints(self.folder / name, every_s=self._every_s, clock=self._clock)

    def due(self, *, epoch_ends: bool) -> bool:
        """Whether it is time for the next: after `every_s`; at an epoch's end also earlier, if it costs little."""
        passed = self._clock() - self._last
        return passed >= self._every_s or (epoch_ends and passed >= BREAK * self._cost_s)

    def write(self, number: int, tensors: Tensors, state: dict[str, Any]) -> None:
        """Write a checkpoint and drop all but the last two; a disk that is full is told once, and training goes on."""
        start = self._clock()
        try:
            self._write(number, tensors, state)
        except (OSError, SafetensorError) as error:
            if not self._failed:
                report.note(f"no checkpoint could be written, training goes on without: {' '.join(str(error).split())}")
            self._failed = True
        finally:
            self._drop_partial()
            self._last = self._clock()
            self._cost_s = self._last - start

    def latest(self) -> tuple[Tensors, dict[str, Any]] | None:
        """The newest good checkpoint; what is damaged is told and skipped."""
        self._drop_partial()
        for number in self._numbers():
            try:
                return self._read(number)
            except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
                report.note(f"checkpoint {number} is damaged, the one before is taken: {type(error).__name__}: {error}")
        return None

    def clear(self) -> None:
        """Remove them all: training has ended well."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _write(self, number: int, tensors: Tensors, state: dict[str, Any]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        weights = self.folder / f"{number:08d}.safetensors"
        partial = weights.with_name(weights.name + ".partial")
        save_file(tensors, partial)
        with partial.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            os.fsync(file.fileno())
        partial.replace(weights)
        body = json.dumps(state)
        page = {"tensors_sha256": digest, "state_sha256": hashlib.sha256(body.encode()).hexdigest(), "state": body}
        partial = self.folder / f"{number:08d}.json.partial"
        with partial.open("w", encoding="utf-8") as written:
            json.dump(page, written)
            written.flush()
            os.fsync(written.fileno())
        partial.replace(partial.with_suffix(""))
        _fsync_folder(self.folder)
        for old in self._numbers()[KEPT:]:
            for suffix in ("json", "safetensors"):
                (self.folder / f"{old:08d}.{suffix}").unlink(missing_ok=True)

    def _read(self, number: int) -> tuple[Tensors, dict[str, Any]]:
        page = json.loads((self.folder / f"{number:08d}.json").read_text(encoding="utf-8"))
        weights = self.folder / f"{number:08d}.safetensors"
        with weights.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != page["tensors_sha256"]:
                raise ValueError(f"{weights.name} does not have its SHA-256")
        if hashlib.sha256(page["state"].encode()).hexdigest() != page["state_sha256"]:
            raise ValueError(f"{number:08d}.json does not have its SHA-256")
        return load_file(weights), json.loads(page["state"])

    def _numbers(self) -> list[int]:
        """The checkpoints that there are, the newest first."""
        return sorted((int(path.stem) for path in self.folder.glob("[0-9]*.json")), reverse=True)

    def _drop_partial(self) -> None:
        for path in self.folder.glob("*.partial"):
            path.unlink(missing_ok=True)


@contextmanager
def opened(top: Path, fingerprint: str, *, every_s: float | None, keep_days: float) -> Iterator[Checkpoints | None]:
    """The checkpoints of the training with that fingerprint; None where they are off, or in use by another process.

    Those of other trainings that nobody has touched for `keep_days` are removed.
    """
    if every_s is None:
        yield None
        return
    top.mkdir(parents=True, exist_ok=True)
    with (top / f"{fingerprint}.lock").open("w") as lock:  # the kernel frees it however the process ends
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report.note("the same training is running elsewhere: this one writes no checkpoints")
            yield None
            return
        remove_old(top, fingerprint, keep_days)
        live.tell(checkpoints=fingerprint)
        try:
            yield Checkpoints(top / fingerprint, every_s=every_s)
        finally:
            if not (top / fingerprint).exists():
                Path(lock.name).unlink(missing_ok=True)


def remove_old(top: Path, fingerprint: str, keep_days: float) -> None:
    """Remove the checkpoints of other trainings that are older than `keep_days`, and tell it."""
    for folder in sorted(path for path in top.iterdir() if path.is_dir() and path.name != fingerprint):
        newest = max((path.stat().st_mtime for path in (folder, *folder.rglob("*"))), default=0.0)
        if time.time() - newest > keep_days * DAY_S:
            shutil.rmtree(folder, ignore_errors=True)
            (top / f"{folder.name}.lock").unlink(missing_ok=True)
            report.note(f"removed checkpoints older than {keep_days:g} days: {folder.name}")


def _fsync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
