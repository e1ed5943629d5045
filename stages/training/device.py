"""The device, its precision, and what makes a run repeat."""

import ctypes
import os
import platform
from contextlib import AbstractContextManager, nullcontext

import torch

from stages.core.errors import UserError
from stages.core.seeds import seed_of

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Names and numbers of glibc's malloc.h."""


def pick(name: str, where: str = "finetune.device") -> torch.device:
    """`auto`: CUDA, else Apple's MPS, else the CPU.

    Raises:
        UserError: the device that was asked for is not there.
    """
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(kind for kind, there in available.items() if there)
    if not available[name]:
        raise UserError(f"params.yaml: {where}: there is no {name} here", f"{where}: auto")
    return torch.device(name)


def prepare(seed: int, threads: int) -> None:
    """Deterministic algorithms, seeded weights, and the number of threads (0: as torch chooses)."""
    keep_freed_memory()
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # a debugging aid
    # Said even where it changes nothing: only then does torch forbid MKL to take fewer threads, and so other sums.
    torch.set_num_threads(threads or torch.get_num_threads())
    torch.manual_seed(seed_of(seed, "finetune", "weights"))


def keep_freed_memory() -> None:
    """Have glibc reuse freed activations instead of returning them to the kernel at each step.

    Its default maps every block past 32 MiB anew (mallopt(3)); a fifth of a step went into zeroing those pages.
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(M_MMAP_THRESHOLD, 2**30)
        libc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def autocast(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """Mixed precision where it was asked for, else nothing.

    Raises:
        UserError: half precision on a device other than CUDA.
    """
    if precision == "bf16":
        return torch.autocast(device.type, dtype=torch.bfloat16)
    if precision == "fp16":
        if device.type != "cuda":
            raise UserError(
                f"params.yaml: finetune.precision: fp16 needs a CUDA device, this is {device.type}",
                "finetune.precision: fp32, or bf16",
            )
        return torch.autocast(device.type, dtype=torch.float16)
    return nullcontext()
