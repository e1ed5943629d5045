"""params.yaml as a whole: strict loading, and errors that say what to change."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from stages.core.blocks import (
    OF_MEDIA,
    Augment,
    Clean,
    Count,
    Decode,
    Evaluate,
    Fetch,
    Only,
    Positive,
    Split,
    Strict,
    Validate,
)
from stages.core.encode_block import Encode
from stages.core.errors import UserError
from stages.core.finetune_block import Dropout, Finetune
from stages.core.registry import explain
from stages.core.review_block import METRICS, Review
from stages.core.search_block import Search

PATH = Path("params.yaml")
CHANGED = "git diff shows what changed"
VERSION = 2
"""Of the layout of params.yaml: files without one are of before version 2. `workbench/migrate.py` brings them here."""
BEST_BY = {
    "classification": ("accuracy", "macro_f1", "log_loss"),
    "regression": ("mse", "mae", "r2", "pearson", "spearman"),
}
"""Task -> the scores that can choose its best epoch."""
LOSSES = {"classification": ("cross_entropy", "focal"), "regression": ("mse", "huber")}
"""Task -> its losses."""


class Params(Strict):
    """The whole of params.yaml."""

    version: Literal[2]
    task: Literal["classification", "regression"]
    modality: Literal["text", "image", "audio"]
    labels: Annotated[list[str], Field(description="The classes; an empty list: whatever occurs.")]
    model: str
    strategy: Literal["full", "head", "last_layers", "lora", "scratch"]
    lr: Annotated[float, Field(gt=0)]
    epochs: Positive
    batch_size: Positive
    seed: Count
    decode: Annotated[Decode | None, OF_MEDIA]
    fetch: Fetch
    validating: Validate = Field(alias="validate")
    clean: Clean
    augment: Augment
    split: Split
    encode: Encode
    finetune: Finetune
    search: Search
    evaluate: Evaluate
    review: Review

    @model_validator(mode="after")
    def _blocks_of_the_modality(self) -> "Params":
        odd = self._what_does_not_fit()
        if odd:
            raise ValueError(odd)
        missing = list(_missing_of(self.modality, self))
        if self.strategy == "scratch" and self.finetune.architecture is None:
            missing.append("finetune.architecture")
        if missing:
            raise ValueError(f"modality {self.modality}, strategy {self.strategy}: missing: {', '.join(missing)}")
        return self

    def _what_does_not_fit(self) -> str:
        scratch = self.strategy == "scratch"
        if scratch != self.model.startswith("scratch:"):
            return f"strategy {self.strategy} does not go with model {self.model}: scratch needs scratch:TYPE"
        if scratch and self.modality == "text":
            return "strategy scratch: images and sounds are trained from scratch, texts from a pretrained model"
        if scratch and self.finetune.dropout != Dropout(hidden=None, attention=None):
            return "strategy scratch: finetune.dropout should be null; set it in finetune.architecture"
        if self.finetune.online is not None and self.modality != "image":
            return f"finetune.online is for images, and modality is {self.modality}"
        if self.finetune.mixup is not None and self.modality == "text":
            return "finetune.mixup is for images and sounds, and modality is text"
        if self.finetune.batch_tokens is not None and self.modality != "text":
            return f"finetune.batch_tokens is for texts, and modality is {self.modality}"
        if self.finetune.folds and self.split.folds < 2:
            return f"finetune.folds: {self.finetune.folds} needs split.folds of 2 or more, and it is {self.split.folds}"
        if self.finetune.layer_decay != 1 and self.strategy not in ("full", "last_layers"):
            return f"finetune.layer_decay is for full and last_layers (give: 1.0), and strategy is {self.strategy}"
        folder = Path(self.model).expanduser()
        if self.strategy == "lora" and self.finetune.lora.save == "adapter" and folder.is_absolute():
            return f"finetune.lora.save: adapter names its base model, which an absolute path does not: {self.model}"
        return ""

    @model_validator(mode="after")
    def _blocks_of_the_task(self) -> "Params":
        wrong: dict[str, bool] = {}
        for key, chosen, known in (
            ("finetune.best_by", self.finetune.best_by, BEST_BY[self.task]),
            ("finetune.loss", self.finetune.loss, LOSSES[self.task]),
            ("search.objective", self.search.objective, BEST_BY[self.task]),
        ):
            wrong |= {f"{key}: {chosen} (one of: {', '.join(known)})": chosen not in known}
        for key in self.review.gates.unknown(self.task):
            wrong |= {f"{key} (one of: {', '.join(METRICS[self.task])})": True}
        if self.task == "regression":
            wrong |= _of_regression(self)
        found = [what for what, is_wrong in wrong.items() if is_wrong]
        if found:
            raise ValueError(f"task {self.task} does not go with: {'; '.join(found)}")
        return self


def _missing_of(modality: str, block: BaseModel, prefix: str = "") -> Iterator[str]:
    """The keys that belong to a modality, and have no value."""
    for name, field in type(block).model_fields.items():
        value, key = getattr(block, name), f"{prefix}{field.alias or name}"
        if value is None and any(isinstance(mark, Only) and modality in mark.modalities for mark in field.metadata):
            yield key
        elif isinstance(value, BaseModel):
            yield from _missing_of(modality, value, f"{key}.")


def _of_regression(params: Params) -> dict[str, bool]:
    block = params.finetune
    return {
        "labels (give: [])": bool(params.labels),
        "fetch.columns without value": "value" not in params.fetch.columns,
        "clean.labels.missing: fill (one of: drop, keep)": params.clean.labels.missing == "fill",
        "augment.balance (give: none)": params.augment.balance != "none",
        "finetune.label_smoothing (give: 0.0)": block.label_smoothing != 0,
        "finetune.class_weights (give: none)": block.class_weights != "none",
        "review.gates.data.min_class_share (give: null)": params.review.gates.data.min_class_share is not None,
        "finetune.loss: huber without finetune.huber_delta": block.loss == "huber" and block.huber_delta is None,
    }


def parse(path: str | Path = PATH) -> dict[str, Any]:
    """The YAML 1.2 content of a params file (so `2e-05` is a number).

    Raises:
        UserError: no such file, not YAML, a key given twice, or not a mapping.
    """
    try:
        return parse_text(Path(path).read_text(encoding="utf-8"), path)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file", "make use RECIPE=messages") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not readable as YAML: {error}", "save it as UTF-8") from None


def parse_text(text: str, path: str | Path = PATH) -> dict[str, Any]:
    """The YAML 1.2 content of a text; `path` is where it comes from, for errors.

    Raises:
        UserError: not YAML, a key given twice, or not a mapping.
    """
    try:
        content = YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        raise UserError(f"{path}: not readable as YAML: {' '.join(str(error).split())}", CHANGED) from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: a mapping of keys is expected, not {type(content).__name__}", CHANGED)
    return content


def load(path: str | Path = PATH) -> Params:
    """Read and check the whole file, whichever stage asks.

    Raises:
        UserError: every finding, a line each: dotted key, value, what is allowed, the nearest known key.
    """
    return checked(parse(path))


def _check_version(content: dict[str, Any]) -> None:
    version = content.get("version", 1)
    if version == VERSION:
        return
    if isinstance(version, int) and version > VERSION:
        raise UserError(
            f"params.yaml: version: {version}: this code reads version {VERSION}, and is older than the file",
            "git merge the code that belongs to it",
        )
    stated = repr(version) if "version" in content else "missing, as in files of before version 2"
    raise UserError(f"params.yaml: version: {stated}; this code reads version {VERSION}", "make migrate")


def checked(content: dict[str, Any]) -> Params:
    """The params that `parse` read.

    Raises:
        UserError: as `load`.
    """
    _check_version(content)
    try:
        return Params.model_validate(content)
    except ValidationError as error:
        raise UserError(explain(error, content, Params), f"compare with {example_of(content)}") from None


def example_of(content: Mapping[str, Any]) -> str:
    """The recipe that has every key that such a params file needs."""
    kind = {"image": "images", "audio": "sounds"}.get(str(content.get("modality")), "texts")
    return f"recipes/{'values' if kind == 'texts' and content.get('task') == 'regression' else kind}.yaml"
