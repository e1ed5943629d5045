"""What the base's model said of samples that were relabelled: of its test samples, and of others where folds did."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from review.pairing import PREDICTIONS, PREFIX
from stages.core.errors import UserError

if TYPE_CHECKING:
    from review.sides import Side

OUT_OF_FOLD = "models/out_of_fold.parquet"


def add_earlier_word(base: "Side", items: Sequence[dict[str, Any]]) -> None:
    """Give each relabelled sample `said`: what the base's model answered and how surely, or None."""
    found = said_of(base, [item["id"] for item in items]) if items else {}
    for item in items:
        item["said"] = found.get(item["id"])


def said_of(side: "Side", ids: Iterable[str]) -> Mapping[str, dict[str, Any]]:
    """By id, of samples that the side's model was not trained on: its `answer`, and `sure` (0 to 1; None: values)."""
    wanted = pa.array(sorted(set(ids)), pa.string())
    found: dict[str, dict[str, Any]] = {}
    for path in (OUT_OF_FOLD, PREDICTIONS):
        try:
            table = side.parquet(path) if side.exists(path) else None
        except UserError:  # it is in no cache: the review says so where it matters
            table = None
        if table is None or not {"id", "prediction"} <= set(table.column_names):
            continue
        table = table.filter(pc.is_in(table["id"], wanted))
        scores = [table[name] for name in table.column_names if name.startswith(PREFIX)]
        sure = pc.max_element_wise(*scores).to_pylist() if scores else [None] * len(table)
        answers = zip(table["id"].to_pylist(), table["prediction"].to_pylist(), sure, strict=True)
        found |= {one: {"answer": answer, "sure": confidence} for one, answer, confidence in answers}
    return found
