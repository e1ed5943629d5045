"""By what a review is made: the block `review` of the head's params.yaml, and what else of it counts."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from review.sides import Side
from stages.core.errors import UserError
from stages.core.params import PATH, VERSION, example_of, parse
from stages.core.registry import explain
from stages.core.review_block import Gates, Review


@dataclass(frozen=True)
class Settings:
    """`main` is the metric told first, `bins` those of the calibration error."""

    review: Review
    modality: str
    bins: int
    main: str
    borrowed: bool
    """Whether the head is older than the block `review`, so that the workspace's is used."""


def settings(head: Side, root: Path = Path()) -> Settings:
    """The head's settings. Its other params are not checked: it may be of another time than this code.

    Raises:
        UserError: the block is wrong, or a key that is needed is missing.
    """
    content = head.params()
    borrowed = "review" not in content
    block = parse(root / PATH).get("review") if borrowed else content["review"]
    if not borrowed and content.get("version", 1) != VERSION:  # of another time: keys that it lacks are the workspace's
        block = _completed(block, parse(root / PATH).get("review"))
    try:
        review = Review.model_validate(block)
    except ValidationError as error:
        told = explain(error, block, Review, "review")
        raise UserError(f"params.yaml of {head.title}:\n{told}", f"compare with {example_of(content)}") from None
    unknown = review.gates.unknown(str(content.get("task")))
    if unknown:
        raise UserError(
            f"params.yaml of {head.title}: {', '.join(unknown)}: the task {content.get('task')} has no such metric",
            f"compare with {example_of(content)}",
        )
    evaluate, finetune = _block(content, "evaluate"), _block(content, "finetune")
    bins = evaluate.get("calibration_bins", 10)
    return Settings(review, str(content.get("modality", "text")), int(bins), str(finetune.get("best_by")), borrowed)


def _block(content: dict[str, Any], name: str) -> dict[str, Any]:
    found = content.get(name)
    return found if isinstance(found, dict) else {}


def _completed(block: Any, other: Any) -> Any:
    """The block with the keys of `Review` and of its gates that it lacks, from another one."""
    if not isinstance(block, dict) or not isinstance(block.get("gates"), dict) or not isinstance(other, dict):
        return block
    gates = {**_only(other["gates"], Gates), **block["gates"]}
    return {**_only(other, Review), **block, "gates": gates}


def _only(block: dict[str, Any], model: type[BaseModel]) -> dict[str, Any]:
    return {name: value for name, value in block.items() if name in model.model_fields}
