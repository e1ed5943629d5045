"""`python -m benchmarks.training_logistic OUTPUT.json`: scikit-learn's logistic regression on the features of head.

It reads data/encoded of the folder that it runs in; the test samples' features come from the same frozen body.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np


def features(encoded: Any, bottom: Any) -> Any:
    """The pooled features (N, D) of encoded texts."""
    from stages.training.batches import by_length

    found = np.empty((len(encoded), bottom.width), dtype=np.float32)
    for rows in by_length(encoded.lengths, 32):
        batch = encoded.batch(rows)
        batch.pop("labels")
        found[rows] = bottom(batch)[0][:, 0].numpy()
    return found


def main() -> None:
    """Fit on training, predict test."""
    from sklearn.linear_model import LogisticRegression

    from stages.core import models, tables
    from stages.core.params import load
    from stages.strategies.bottom import load_bottom
    from stages.training.batches import Encoded

    params, meta = load(), tables.read_json("data/encoded/meta.json")
    train = Encoded(tables.read("data/encoded/train", "inputs"), arrays=meta["cut"]["arrays"])
    (name,) = meta["cut"]["arrays"]
    known = train.batch(np.arange(len(train)))[name][:, 0].numpy()
    longest = meta["max_length_tokens"]
    bottom, reason = load_bottom(
        models.resolve(params.model), 0, pooling=meta["cut"]["pooling"], max_length_tokens=longest
    )
    if bottom is None:
        raise RuntimeError(reason)
    table = tables.read("data/encoded/test", "inputs")
    test = Encoded(table, pad_token_id=meta["pad_token_id"])
    fitted = LogisticRegression(max_iter=1000).fit(known, train.labels)
    right = fitted.predict(features(test, bottom)) == test.labels
    answer = dict(zip(table["id"].to_pylist(), right.tolist(), strict=True))
    Path(sys.argv[1]).write_text(json.dumps({"right": answer}), encoding="utf-8")


if __name__ == "__main__":
    main()
