"""The device, its precision, and what makes a run repeat."""

import os
from contextlib import AbstractContextManager, nullcontext

import torch

from stages.core.errors import UserError
from stages.core.seeds import seed_of


def pick(name: str) -> torch.device:
    """`auto`: CUDA, else Apple's MPS, else the CPU.

    Raises:
        UserError: the device that was asked for is not there.
    """
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(kind for kind, there in available.items() if there)
    if not available[name]:
        raise UserError(f"params.yaml: finetune.device: there is no {name} here", "finetune.device: auto")
    return torch.device(name)


def prepare(seed: int, threads: int) -> None:
    """Deterministic algorithms, seeded weights, and the number of threads (0: as torch chooses)."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    if threads:
        torch.set_num_threads(threads)
    torch.manual_seed(seed_of(seed, "finetune", "weights"))


def autocast(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """Mixed precision where it was asked for, else nothing."""
    if precision == "bf16":
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return nullcontext()
