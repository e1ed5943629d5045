"""How several processes come to train together: those that finetune starts itself, and those that others start.

torchrun and `accelerate launch` give each process its place in the environment, and so does `start`, for one machine.
It does not go through torchrun itself, which hands Ctrl-C on to processes that are still importing, ends in a traceback
of its own and leaves a folder behind.
"""

import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NoReturn

import torch

from stages.core import report
from stages.core.errors import UserError
from stages.training import device as devices
from stages.training.processes import ALONE, LostError, Team

GRACE_S = 20.0
"""How long a process waits to be ended by its launcher after another has told why, before it ends by itself."""
ANSWER = timedelta(minutes=5)
"""Within which all processes must have started."""
STALL = timedelta(minutes=30)
"""How long the others may take, as for a checkpoint on a slow disk."""
LOOK_S = 0.1
LAUNCHER = "GROUNDWORK_LAUNCHER"
"""In the environment of a process that `start` started: the id of the one that did."""


def placed() -> bool:
    """Whether a launcher has started this process as one of several, or as the only one."""
    return "RANK" in os.environ and "WORLD_SIZE" in os.environ


def wanted(processes: int, device: str) -> int:
    """How many processes `finetune.processes` stands for on this machine.

    Raises:
        UserError: more than there are GPUs, or several on Apple's GPU.
    """
    kind = devices.pick(device).type
    gpus = torch.cuda.device_count() if kind == "cuda" else 1
    found = processes or gpus
    if found > 1 and kind == "mps":
        raise UserError(f"params.yaml: finetune.processes: {found}: an mps device takes one", "finetune.device: cpu")
    if kind == "cuda" and found > gpus:
        raise UserError(
            f"params.yaml: finetune.processes: {found}: this machine has {gpus} GPU{'s' * (gpus > 1)}",
            f"finetune.processes: {gpus}, or 0 for all GPUs",
        )
    return found


def start(module: str, count: int) -> None:
    """Run `python -m MODULE` as `count` processes on this machine and wait for them; when one ends, all end.

    The messages are theirs. Where one fails, this process ends with its exit code.

    Raises:
        UserError: one was killed.
    """
    store = torch.distributed.TCPStore("localhost", 0, is_master=True, wait_for_workers=False)
    threads = max(torch.get_num_threads() // count, 1)
    shared = os.environ | {
        "MASTER_ADDR": "localhost",
        "MASTER_PORT": str(store.port),
        "TORCHELASTIC_USE_AGENT_STORE": "True",  # the store is here already
        "TORCHELASTIC_RESTART_COUNT": "0",
        "WORLD_SIZE": str(count),
        "LOCAL_WORLD_SIZE": str(count),
        "OMP_NUM_THREADS": str(threads),
        LAUNCHER: str(os.getpid()),
    }
    workers: list[subprocess.Popen[bytes]] = []
    try:
        for rank in range(count):
            place = {"RANK": str(rank), "LOCAL_RANK": str(rank)}
            command = [sys.executable, "-m", module]
            # in a session of its own Ctrl-C does not reach it, but this process, which ends it in silence
            workers.append(subprocess.Popen(command, env=shared | place, start_new_session=True))
        ended = _first_failure(workers)
    finally:
        _end(workers)
    if ended is None:
        return
    code = workers[ended].returncode
    if code < 0:
        raise UserError(
            f"process {ended} of {count} was killed by {signal.Signals(-code).name}",
            "dvc repro goes on from the last checkpoint; if memory ran out, fewer finetune.processes or a smaller "
            "batch_size",
        )
    sys.exit(code)


def _first_failure(workers: Sequence[subprocess.Popen[bytes]]) -> int | None:
    """Wait until one has failed, or all have ended well."""
    while True:
        codes = [worker.poll() for worker in workers]
        failed = [rank for rank, code in enumerate(codes) if code]
        if failed:
            return failed[0]
        if None not in codes:
            return None
        time.sleep(LOOK_S)


def _end(workers: Sequence[subprocess.Popen[bytes]]) -> None:
    for worker in workers:
        worker.terminate()
    for worker in workers:
        try:
            worker.wait(timeout=5)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()


@contextmanager
def joined(device: str) -> Iterator[Team]:
    """This process's place among those that train together; on its own where nobody started several.

    All but the first are silent. A mistake of the user's is told once, by whichever comes upon it first.

    Raises:
        UserError: the place is not free, or the others do not come.
    """
    if not placed() or int(os.environ["WORLD_SIZE"]) == 1:
        yield ALONE
        return
    from torch import distributed

    _end_with_the_launcher()
    report.console.quiet = os.environ["RANK"] != "0"
    store: Any = None
    try:
        store, team = _meet(device)
        yield team
    except (Exception, KeyboardInterrupt) as error:
        _leave(store, error)
    distributed.destroy_process_group()


def _meet(device: str) -> tuple[Any, Team]:
    from torch import distributed

    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    local = int(os.environ.get("LOCAL_RANK", rank))
    if rank:
        warnings.simplefilter("ignore")
    address = f"{os.environ.get('MASTER_ADDR')}:{os.environ.get('MASTER_PORT')}"
    try:
        store, rank, size = next(distributed.rendezvous("env://", timeout=ANSWER))
    except (RuntimeError, ValueError) as error:
        text = " ".join(str(error).split())
        if "EADDRINUSE" in text or "address already in use" in text.lower():
            raise UserError(
                f"another program uses {address}, where the processes are to meet",
                "torchrun --rdzv-endpoint localhost:0, or accelerate launch --main_process_port with another port",
            ) from None
        raise UserError(
            f"process {rank} of {size} does not reach {address}, where they are to meet: {text[:200]}",
            "see docs/several-gpus.md: the first machine's address and port, and a network between them",
        ) from None
    found = _own_device(device, local)
    distributed.init_process_group(
        "nccl" if found.type == "cuda" else "gloo",
        store=store,
        rank=rank,
        world_size=size,
        timeout=STALL,
        device_id=found if found.type == "cuda" else None,
    )
    return store, Team(rank, size, found)


def _own_device(device: str, local: int) -> torch.device:
    kind = devices.pick(device).type
    on_machine = int(os.environ.get("LOCAL_WORLD_SIZE", local + 1))
    wanted(max(on_machine, local + 1), device)
    if kind != "cuda":
        return torch.device(kind)
    torch.cuda.set_device(local)
    return torch.device("cuda", local)


def _leave(store: Any, error: BaseException) -> NoReturn:
    """End with an error: one process tells it, and the others wait for the launcher to end them."""
    if isinstance(error, LostError):
        time.sleep(GRACE_S)
        error = UserError(
            f"process {os.environ['RANK']} of {os.environ['WORLD_SIZE']} has lost the others: {error}",
            "their own messages say more; dvc repro goes on from the last checkpoint",
        )
    if store is not None and not _first(store):
        time.sleep(GRACE_S)
        sys.exit(1)
    report.console.quiet = False
    raise error


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
