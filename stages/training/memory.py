"""What is said when memory runs out."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from stages.core.errors import UserError

SIGNS = ("can't allocate memory", "not enough memory", "out of memory")
"""In the messages of torch's allocators for the CPU and for MPS, which raise plain RuntimeErrors."""


@contextmanager
def told_when_out_of_memory(batch_size: int, accumulation_steps: int, batch_tokens: int | None) -> Iterator[None]:
    """Turn the errors of exhausted memory into one that says what to try.

    Raises:
        UserError: memory ran out.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
        size = f"batch_tokens {batch_tokens}" if batch_tokens else f"batch_size {batch_size}"
        raise UserError(f"out of memory with {size}", advice(batch_size, accumulation_steps, batch_tokens)) from error


def out_of_memory(error: Exception) -> bool:
    """Whether an error says that memory ran out."""
    known = isinstance(error, MemoryError | torch.OutOfMemoryError)
    return known or (isinstance(error, RuntimeError) and any(sign in str(error) for sign in SIGNS))


def advice(batch_size: int, accumulation_steps: int, batch_tokens: int | None) -> str:
    """What needs less memory and learns the same, then what else does."""
    steps = f"finetune.accumulation_steps: {2 * accumulation_steps}"
    if batch_tokens and batch_tokens > 1:
        halved = f"finetune.batch_tokens: {batch_tokens // 2} with {steps} (the same updates), or "
    elif not batch_tokens and batch_size > 1:
        halved = f"batch_size: {-(-batch_size // 2)} with {steps} (the same updates), or "
    else:
        halved = ""
    return f"{halved}finetune.gradient_checkpointing: true, a smaller finetune.eval_batch_size, or shorter inputs"
