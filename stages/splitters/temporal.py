"""A split along time: training sees the past, validation and test what came later."""

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from stages.core.errors import UserError
from stages.splitters import Splitter
from stages.splitters.shares import Ints

WHERE = "params.yaml: split.options.column"


def temporal(*, column: str, format: str) -> Splitter:
    """The earliest samples to the first part, the latest to the last; a group goes where its latest sample belongs.

    Args:
        column: a column of `extra` with the date.
        format: `iso`, or a format of Python's strptime.
    """

    def split(samples: pa.Table, shares: Sequence[float], *, seed: int, purpose: str) -> Ints:  # noqa: ARG001
        times = _times(samples, column, format)
        groups = samples["group"].combine_chunks().dictionary_encode().indices.to_numpy()
        latest = np.full(groups.max(initial=-1) + 1, -np.inf)
        np.maximum.at(latest, groups, times)
        effective = latest[groups]
        ordered = np.sort(effective)
        bounds = np.rint(np.cumsum(shares)[:-1] * len(ordered)).astype(np.int64)
        starts = np.append(ordered, np.inf)[bounds]
        part: Ints = np.searchsorted(starts, effective, side="right").astype(np.int64)
        return part

    return split


def _times(samples: pa.Table, column: str, format: str) -> np.ndarray:
    times = np.empty(len(samples), dtype=np.float64)
    for row, (name, extra) in enumerate(zip(samples["id"].to_pylist(), samples["extra"].to_pylist(), strict=True)):
        values = dict(extra or ())
        if column not in values:
            raise UserError(
                f"{WHERE}: sample {name} has no '{column}'; it has: {', '.join(values) or 'nothing'}",
                "keep the column with fetch.extra, and drop samples without a date",
            )
        times[row] = _seconds(values[column], format, name)
    return times


def _seconds(value: str, format: str, name: str) -> float:
    try:
        moment = datetime.fromisoformat(value) if format == "iso" else datetime.strptime(value, format)
    except ValueError:
        raise UserError(
            f"params.yaml: split.options.format: '{value}' of sample {name} is no date of the form '{format}'",
            "iso, or a format such as '%d.%m.%Y'",
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
