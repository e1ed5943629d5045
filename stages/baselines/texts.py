"""Texts by the words and the runs of letters that they hold: TF-IDF, weighted by how rare each is."""

from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from stages.baselines.features import Matrix

WORDS = {"analyzer": "word", "ngram_range": (1, 2), "token_pattern": r"(?u)\w+"}
LETTERS = {"analyzer": "char_wb", "ngram_range": (2, 4)}
"""Also for scripts that put no spaces between words."""
MOST_FEATURES = 100_000


class Texts:
    """Words and pairs of words, and runs of 2 to 4 letters; of pairs of texts what they share and where they differ."""

    columns = ("text", "text_pair")
    called = "TF-IDF"

    def __init__(self) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer

        self._counters = [
            TfidfVectorizer(**options, sublinear_tf=True, max_features=MOST_FEATURES, dtype=np.float32)
            for options in (WORDS, LETTERS)
        ]
        self._has_pairs = False

    def reduce(self, batch: pa.Table) -> pa.Table:
        """Texts stay what they are."""
        return batch

    def fit(self, train: pa.Table) -> Matrix:
        """Learn the vocabulary of both columns, and give (N, F)."""
        first, second = _filled(train["text"]), _filled(train["text_pair"])
        self._has_pairs = any(second)
        for counter in self._counters:
            counter.fit([*first, *second] if self._has_pairs else first)
        return self.transform(train)

    def transform(self, samples: pa.Table) -> Matrix:
        """(N, F), sparse."""
        if not len(samples):
            return np.zeros((0, 1))
        first = self._counted(_filled(samples["text"]))
        if not self._has_pairs:
            return first
        second = self._counted(_filled(samples["text_pair"]))
        shared = first.multiply(second)
        return self._sparse.hstack([abs(first - second), shared, self._sparse.csr_matrix(shared.sum(axis=1))]).tocsr()

    def _counted(self, texts: list[str]) -> Matrix:
        return self._sparse.hstack([counter.transform(texts) for counter in self._counters]).tocsr()

    @cached_property
    def _sparse(self) -> Any:
        import scipy.sparse

        return scipy.sparse


def _filled(column: pa.ChunkedArray) -> list[str]:
    return [text or "" for text in column.to_pylist()]
