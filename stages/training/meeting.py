"""The place of a process among those that torchrun, `accelerate launch` or `launch.start` has started, and its end.

Legend: rank, a process's number among all, from 0; local rank, that among those of its machine.
"""

import os
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch

from stages.core import report
from stages.core.errors import UserError
from stages.training import device as devices
from stages.training.launch import LAUNCHER, LOOK_S, placed, wanted
from stages.training.processes import ALONE, LostError, Team

ANSWER = timedelta(minutes=5)
"""Within which all processes must have started."""
STALL = timedelta(minutes=30)
"""How long the others may take, as for a checkpoint on a slow disk."""


@contextmanager
def together() -> Iterator[Any]:
    """Around the whole work of a process: gives where those that train together meet; None where it is on its own.

    All but the first are silent. A mistake of the user's is told once, by whichever comes upon it first.

    Raises:
        UserError: the place is not free, or the others do not come.
    """
    if not placed() or int(os.environ["WORLD_SIZE"]) == 1:
        yield None
        return
    from torch import distributed

    _end_with_the_launcher()
    report.console.quiet = os.environ["RANK"] != "0"
    if report.console.quiet:
        warnings.simplefilter("ignore")
    store: Any = None
    try:
        store = _meet()
        yield store
    except Exception as error:
        _leave(store, error)
        raise
    if distributed.is_initialized():
        distributed.destroy_process_group()


def _meet() -> Any:
    from torch.distributed.rendezvous import rendezvous

    address = f"{os.environ.get('MASTER_ADDR')}:{os.environ.get('MASTER_PORT')}"
    try:
        return next(rendezvous("env://", timeout=ANSWER))[0]
    except (RuntimeError, ValueError) as error:
        text = " ".join(str(error).split())
        if "address already in use" in text.lower():
            raise UserError(
                f"another program uses {address}, where the processes are to meet",
                "torchrun --rdzv-endpoint localhost:0, or accelerate launch --main_process_port with another port",
            ) from None
        raise UserError(
            f"process {_place()} does not reach {address}, where they are to meet: {text[:200]}",
            "see docs/several-gpus.md: the first machine's address and port, and a network between them",
        ) from None


def join(store: Any, device: str) -> Team:
    """This process's place among those that meet in `store`.

    Raises:
        UserError: the machine has too few GPUs for them.
    """
    if store is None:
        return ALONE
    from torch import distributed

    rank, local = int(os.environ["RANK"]), int(os.environ.get("LOCAL_RANK", "0"))
    wanted(max(int(os.environ.get("LOCAL_WORLD_SIZE", "1")), local + 1), device)
    found = devices.pick(device)
    if found.type == "cuda":
        found = torch.device("cuda", local)
        torch.cuda.set_device(found)
    distributed.init_process_group(
        "nccl" if found.type == "cuda" else "gloo",
        store=store,
        rank=rank,
        world_size=int(os.environ["WORLD_SIZE"]),
        timeout=STALL,
        device_id=found if found.type == "cuda" else None,
    )
    return Team(rank, distributed.get_world_size(), found)


def check_shares(team: Team, batch_size: int, batch_tokens: int | None) -> None:
    """Batches of a number of samples must have one for each process.

    Raises:
        UserError: they have not.
    """
    if batch_tokens is None and batch_size < team.size:
        raise UserError(
            f"params.yaml: batch_size: {batch_size} cannot be shared out over {team.size} processes",
            f"batch_size: {team.size} or more (it is what all processes take together), or fewer finetune.processes",
        )


def _leave(store: Any, error: Exception) -> None:
    """Prepare to end with an error: one process tells it, and the others wait for the launcher to end them."""
    if isinstance(error, LostError):
        time.sleep(report.GRACE_S)
    alone_to_know = _first(store) if store is not None else os.environ.get("LOCAL_RANK", "0") == "0"
    if not alone_to_know:
        time.sleep(report.GRACE_S)
        sys.exit(1)
    report.console.quiet = False
    if isinstance(error, LostError):
        raise UserError(
            f"process {_place()} has lost the others: {error}",
            "their own messages say more; dvc repro goes on from the last checkpoint",
        ) from None


def _place() -> str:
    return f"{os.environ['RANK']} of {os.environ['WORLD_SIZE']}"


def _first(store: Any) -> bool:
    try:
        return bool(store.add("groundwork/told", 1) == 1)
    except RuntimeError:  # the store is gone, and with it whoever might have told
        return True


def _end_with_the_launcher() -> None:
    """End when the process that started this one has, as by kill -9: nobody would ever end this one then."""
    if LAUNCHER not in os.environ and "TORCHELASTIC_RUN_ID" not in os.environ:
        return
    launcher = int(os.environ.get(LAUNCHER, os.getppid()))

    def watch() -> None:
        while os.getppid() == launcher:
            time.sleep(LOOK_S)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
