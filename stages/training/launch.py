"""finetune starts itself as several processes of one machine, as torchrun would: each has its place in the environment.

Not by torchrun itself, which hands Ctrl-C on to processes that are still importing, ends in a traceback of its own and
leaves a folder behind.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

import torch

from stages.core.errors import UserError
from stages.training import device as devices

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
        raise UserError(f"{found} processes cannot share an mps device", "finetune.processes: 1, or device: cpu")
    if kind == "cuda" and found > gpus:
        raise UserError(
            f"{found} processes cannot each have a GPU: this machine has {gpus}",
            f"finetune.processes: {gpus} (or 0: one a GPU); with torchrun: --nproc-per-node {gpus}",
        )
    return found


def launched(module: str, processes: int, device: str) -> bool:
    """Whether `python -m MODULE` has run as several processes, as `finetune.processes` says; else it is to run here.

    False in a process that a launcher has started: that one says how many there are.

    Raises:
        UserError: so many processes cannot be here, or one was killed.
    """
    if placed() or (count := wanted(processes, device)) == 1:
        return False
    start(module, count)
    return True


def start(module: str, count: int) -> None:
    """Run `python -m MODULE` as `count` processes on this machine and wait for them; when one ends, all end.

    The messages are theirs. Where one fails, this process ends with its exit code.

    Raises:
        UserError: one was killed.
    """
    from torch.distributed import TCPStore  # type: ignore[attr-defined]

    store = TCPStore("localhost", 0, is_master=True, wait_for_workers=False)
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
