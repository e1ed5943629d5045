"""params.yaml as a whole: strict loading, and errors that say what to change."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from stages.core.blocks import (
    Augment,
    Clean,
    Count,
    Encode,
    Evaluate,
    Fetch,
    Finetune,
    Positive,
    Split,
    Strict,
    Validate,
)
from stages.core.errors import UserError
from stages.core.registry import explain

PATH = Path("params.yaml")


class Params(Strict):
    """The whole of params.yaml."""

    task: Literal["classification"]
    modality: Literal["text"]
    labels: list[str]
    model: str
    strategy: Literal["full"]
    lr: Annotated[float, Field(gt=0)]
    epochs: Positive
    batch_size: Positive
    seed: Count
    fetch: Fetch
    validating: Validate = Field(alias="validate")
    clean: Clean
    augment: Augment
    split: Split
    encode: Encode
    finetune: Finetune
    evaluate: Evaluate


def parse(path: str | Path = PATH) -> dict[str, Any]:
    """The YAML 1.2 content of a params file (so `2e-05` is a number).

    Raises:
        UserError: no such file, not YAML, a key given twice, or not a mapping.
    """
    try:
        content = YAML(typ="safe", pure=True).load(Path(path))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file", "cp recipes/messages.yaml params.yaml") from None
    except (YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not readable as YAML: {' '.join(str(error).split())}", "see recipes/") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: a mapping of keys is expected, not {type(content).__name__}", "see recipes/")
    return content


def load(path: str | Path = PATH) -> Params:
    """Read and check the whole file, whichever stage asks.

    Raises:
        UserError: every finding, a line each: dotted key, value, what is allowed, the nearest known key.
    """
    content = parse(path)
    try:
        return Params.model_validate(content)
    except ValidationError as error:
        raise UserError(explain(error, content, Params), "compare with recipes/messages.yaml") from None
