"""The face of simple features: fitted to training inputs, then the same for others.

Legend: N samples, F features.
"""

from typing import Any, Protocol

import pyarrow as pa

Matrix = Any
"""(N, F), dense or sparse, float32 or float64."""


class Features(Protocol):
    """How the inputs of a modality become numbers.

    `columns` are the columns of a sample that are read, `called` is what the features are called in a sentence.
    `reduce` brings a batch of them, with `id`, down to what the others take, so that files need not stay in memory.
    """

    columns: tuple[str, ...]
    called: str

    def reduce(self, batch: pa.Table) -> pa.Table: ...
    def fit(self, train: pa.Table) -> Matrix: ...
    def transform(self, samples: pa.Table) -> Matrix: ...
