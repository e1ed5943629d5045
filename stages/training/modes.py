"""Ways to run the same model in less memory or time."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from stages.core.errors import UserError

COMPILERS = ("torch._dynamo", "torch._inductor")


def keep_few_activations(model: Any) -> None:
    """Gradient checkpointing (Chen et al. 2016, arXiv:1604.06174): most activations are computed again.

    Raises:
        UserError: the model has no such mode.
    """
    newer = getattr(model, "activation_checkpointing_enable", None)  # its name from transformers 5.23 on
    try:
        (newer or model.gradient_checkpointing_enable)({"use_reentrant": False})
    except ValueError as error:
        raise UserError(
            f"params.yaml: finetune.gradient_checkpointing: {error}", "finetune.gradient_checkpointing: false"
        ) from None


@contextmanager
def compiled(model: Any, *, wanted: bool) -> Iterator[None]:
    """Compile the model where it is wanted; the names of its weights stay.

    Raises:
        UserError: torch.compile fails, as without a C++ compiler.
    """
    if wanted:
        model.compile()
    try:
        yield
    except Exception as error:
        if not wanted or not type(error).__module__.startswith(COMPILERS):
            raise
        first = " ".join(str(error).split())[:300]
        raise UserError(
            f"params.yaml: finetune.compile: torch.compile fails: {first}", "finetune.compile: false"
        ) from error
