"""Values as strata: so that each part gets low, middle and high ones alike."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

BINS = 10
"""Fewer where values repeat much: equal values share a bin."""


def by_quantile(samples: pa.Table) -> pa.Table:
    """The samples with the quantile bin of their `value` as `label` (`0` to `9`); none where there is no value."""
    values = samples["value"].drop_null().to_numpy()
    names = pa.nulls(len(samples), pa.string())
    if len(values):
        edges = np.unique(np.quantile(values, np.arange(1, BINS) / BINS))
        inside: npt.NDArray[np.int64] = np.searchsorted(edges, samples["value"].fill_null(0.0).to_numpy(), side="left")
        names = pc.if_else(samples["value"].is_valid(), pa.array(inside.astype(str)), None)
    return samples.set_column(samples.schema.get_field_index("label"), "label", names)
