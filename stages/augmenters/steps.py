"""The steps of an augmentation as params.yaml has them: checked, and built."""

from collections.abc import Mapping
from typing import Any

from stages.core.errors import UserError
from stages.core.registry import build, member, options


def check_steps(registry: Mapping[str, str], steps: Mapping[str, Mapping[str, Any]], key: str) -> None:
    """Check names and options of all steps, those that are switched off too; nothing heavy is imported.

    Args:
        key: where the steps stand in params.yaml, such as "augment.image.steps".

    Raises:
        UserError: an unknown step, or an option that is unknown, missing or out of range.
    """
    for name, given in steps.items():
        options(member(registry, name, key), given, f"{key}.{name}")


def build_steps(registry: Mapping[str, str], steps: Mapping[str, Mapping[str, Any]], key: str) -> dict[str, Any]:
    """The augmenters by name, in the order of application.

    Raises:
        UserError: no step, or none with a probability above 0; what the augmenters find wrong.
    """
    if not any(given.get("p") for given in steps.values()):
        raise UserError(
            "params.yaml: augment: derived samples are wanted, but no step is enabled with p above 0",
            f"enable one under {key}, or set augment.copies: 0 and augment.balance: none",
        )
    return {name: build(registry, name, given, f"{key}.{name}") for name, given in steps.items()}
