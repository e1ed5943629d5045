"""Several processes for a test: forked, so that they need not import anything again, and joined over gloo."""

import gc
import multiprocessing
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import distributed

from stages.core.errors import UserError
from stages.training.processes import Team

T = TypeVar("T")


def together(work: Callable[[Team], T], folder: Path, size: int = 2) -> list[T]:
    """What `work` gives in each of `size` processes; a UserError in one is given as what it says."""
    folder.mkdir(exist_ok=True)
    context = multiprocessing.get_context("fork")
    ends = [context.Pipe(duplex=False) for _ in range(size)]
    workers = [
        context.Process(target=_one, args=(work, folder, Team(rank, size), ends[rank][1]), daemon=True)
        for rank in range(size)
    ]
    for worker, (_, sender) in zip(workers, ends, strict=True):
        worker.start()
        sender.close()
    found = [receiver.recv() for receiver, _ in ends]
    for worker in workers:
        worker.join()
    return found


def _one(work: Callable[[Team], Any], folder: Path, team: Team, sender: Any) -> None:
    gc.freeze()  # what the test's own process made is not to be ended here
    torch.set_num_threads(1)
    store = distributed.FileStore(str(folder / "store"), team.size)
    distributed.init_process_group("gloo", store=store, rank=team.rank, world_size=team.size)
    try:
        found = work(team)
    except UserError as error:
        found = f"{error} | {error.hint}"
    sender.send(found)
    distributed.destroy_process_group()
