"""Test samples that the model gets wrong, the surest first; where samples have values, the largest errors."""

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stages.core import tables
from stages.core.errors import UserError
from workbench.shown import CLEANED, Selection, Shown, contents

PREDICTIONS = Path("models/predictions.parquet")


def select_mistakes(root: Path, params: dict[str, Any], *, limit: int) -> Selection:
    """Test samples that the model gets wrong, the surest first; of values the largest errors."""
    path = root / PREDICTIONS
    if not path.exists():
        raise UserError(f"{PREDICTIONS}: not here", tables.MISSING)
    counts: Counter[str] = Counter()
    wrong: list[tuple[float, str, Any, Any]] = []
    with pq.ParquetFile(path) as file:
        valued = not pa.types.is_string(file.schema_arrow.field("gold").type)
        for batch in file.iter_batches(tables.BATCH_ROWS):
            found = _errors(batch) if valued else _wrong(batch)
            counts.update("all test samples" if valued else f"{gold} → {other}" for _, _, gold, other in found)
            wrong = sorted([*wrong, *found], key=lambda one: (-one[0], one[1]))[:limit]
    held = contents(root, CLEANED, [one for _, one, _, _ in wrong], params)
    shown = [
        Shown(one, *held.get(one, (one, "")), f"{gold:.4g}", "test", prediction=f"{predicted:.4g}")
        if valued
        else Shown(one, *held.get(one, (one, "")), gold, "test", prediction=predicted, confidence=size)
        for size, one, gold, predicted in wrong
    ]
    counted = "values" if valued else "gold → predicted"
    return Selection("mistakes", CLEANED, counted, dict(counts.most_common()), shown)


def _wrong(batch: pa.RecordBatch) -> list[tuple[float, str, Any, Any]]:
    """(confidence, id, gold, prediction) of the mistakes."""
    batch = batch.filter(pc.not_equal(batch["gold"], batch["prediction"]))
    scores = [batch[name] for name in batch.schema.names if name.startswith("probability.")]
    surest = pc.max_element_wise(*scores)
    columns = (surest, batch["id"], batch["gold"], batch["prediction"])
    return list(zip(*(column.to_pylist() for column in columns), strict=True))


def _errors(batch: pa.RecordBatch) -> list[tuple[float, str, Any, Any]]:
    """(absolute error, id, gold, prediction) of all samples."""
    size = pc.abs(pc.subtract(batch["prediction"], batch["gold"]))
    columns = (size, batch["id"], batch["gold"], batch["prediction"])
    return list(zip(*(column.to_pylist() for column in columns), strict=True))
