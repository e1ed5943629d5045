"""One trial's process: `dvc exp run --temp finetune` in a copy, what it tells while it trains, and its end."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from review.trials.copies import TARGET
from review.trials.space import overrides
from stages.core.live import VARIABLE

PATIENCE_S = ((signal.SIGINT, 10.0), (signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0))
"""What a trial is stopped by, and the seconds before the next."""
QUIET = {
    "DVC_NO_ANALYTICS": "1",
    "DVC_EXP_AUTO_PUSH": "false",  # a copy's origin is the user's own folder
    "DVC_STUDIO_OFFLINE": "true",
    "PYTHONUNBUFFERED": "1",
}
TOLD = re.compile(r"^(?:\w+ stopped:|Next:|ERROR:).*", re.MULTILINE)


@dataclass
class Process:
    """A trial that runs."""

    name: str
    live: Path
    log: Path
    popen: "subprocess.Popen[bytes]"
    begun: float = field(default_factory=time.monotonic)
    read: int = 0

    def rows(self) -> list[dict[str, Any]]:
        """The rows that finetune told since the last call."""
        if not self.live.exists():
            return []
        with self.live.open("rb") as file:
            file.seek(self.read)
            lines = file.read().splitlines(keepends=True)
        whole = [line for line in lines if line.endswith(b"\n")]
        self.read += sum(map(len, whole))
        return [json.loads(line) for line in whole]

    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self.begun

    def why(self) -> str:
        """What it said when it failed: the message of the stage, else its last lines."""
        said = self.log.read_text(encoding="utf-8", errors="replace")
        lines = TOLD.findall(said) or said.splitlines()[-5:]
        return "\n".join(line.strip() for line in lines if "failed to reproduce" not in line or len(lines) == 1)

    def stop(self) -> None:
        """End it with all that it started."""
        stop(self.popen.pid, self.popen)


def command(name: str, values: Mapping[str, Any]) -> list[str]:
    """The experiment of a trial: finetune and what it needs, and not evaluate, which reads the test set."""
    options = [part for one in overrides(values) for part in ("-S", one)]
    dvc = [sys.executable, "-m", "dvc", "exp", "run", "--temp", "--allow-missing"]
    return [*dvc, "--name", name, *options, TARGET]


def begin(name: str, values: Mapping[str, Any], *, copy: Path, home: Path, environment: Mapping[str, str]) -> Process:
    """Start a trial in a session of its own, so that it and all that it starts can be stopped together.

    `home`: the folder for what it tells and prints.
    """
    live, log = home / f"{name}.jsonl", home / f"{name}.log"
    home.mkdir(parents=True, exist_ok=True)
    live.unlink(missing_ok=True)
    with log.open("wb") as output:
        popen = subprocess.Popen(
            command(name, values),
            cwd=copy,
            env=surroundings(live, environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Process(name, live, log, popen)


def surroundings(live: Path, more: Mapping[str, str]) -> dict[str, str]:
    """The environment of a trial: this one with this Python first, and where to tell how it goes."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_DIR")}
    path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")])
    return kept | QUIET | {"PATH": path, VARIABLE: str(live.resolve())} | dict(more)


def stop(group: int, popen: "subprocess.Popen[bytes] | None" = None) -> None:
    """End a process group: asked first, so that DVC tidies up, then made to."""
    for how, seconds in PATIENCE_S:
        try:
            os.killpg(group, how)
        except ProcessLookupError:
            break
        end = time.monotonic() + seconds
        while time.monotonic() < end and alive(group, popen):
            time.sleep(0.05)
        if not alive(group, popen):
            break
    if popen:
        popen.wait()


def alive(group: int, popen: "subprocess.Popen[bytes] | None" = None) -> bool:
    """Whether any process of a group is left; those that have ended and that nobody waits for do not count."""
    import psutil

    if popen:
        popen.poll()
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    for one in psutil.process_iter(["status"]):
        try:
            if one.info["status"] != psutil.STATUS_ZOMBIE and os.getpgid(one.pid) == group:
                return True
        except ProcessLookupError:
            continue
    return False


def leftover(pid: int, name: str) -> bool:
    """Whether a process is a trial of that name: one that outlived the search that began it."""
    import psutil

    try:
        return name in psutil.Process(pid).cmdline()
    except psutil.Error:
        return False


def environments(workers: int, gpus: Sequence[str], cores: int) -> list[dict[str, str]]:
    """What each worker's trials see: one GPU, round robin; without GPUs a share of the cores."""
    if gpus:
        return [{"CUDA_VISIBLE_DEVICES": gpus[number % len(gpus)]} for number in range(workers)]
    if workers > 1 and "OMP_NUM_THREADS" not in os.environ:
        return [{"OMP_NUM_THREADS": str(max(1, cores // workers))}] * workers
    return [{}] * workers


def shared_out(gpus: Sequence[str], processes: int) -> list[str]:
    """GPUs in groups of `finetune.processes`, each as CUDA_VISIBLE_DEVICES has it; 0: all in one."""
    size = processes or len(gpus) or 1
    groups = [",".join(gpus[start : start + size]) for start in range(0, len(gpus), size)]
    return groups[: max(1, len(gpus) // size)]


def gpus(device: str) -> list[str]:
    """The names of the GPUs that CUDA may use here, where `finetune.device` lets it."""
    if device not in ("auto", "cuda"):
        return []
    import torch

    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    count = torch.cuda.device_count()
    return named.split(",")[:count] if named else [str(number) for number in range(count)]
