"""Linear models on simple features: logistic regression for classes, ridge regression for values.

Legend: N samples, F features, K classes.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from stages.baselines.features import Matrix

Floats = npt.NDArray[np.float64]
DIGITS = 6
"""Of predictions: what lies beyond differs from machine to machine."""
STRENGTH = 10.0
"""Inverse of the regularisation of logistic regression: features of texts are small."""
RIDGE = 1.0
MOST_STEPS = 1_000


def learn_classes(train: Matrix, answers: Sequence[str], test: Matrix, names: Sequence[str]) -> Floats:
    """Probabilities (N, K) of the test samples, in the order of `names`; 0 for a class that training lacks."""
    from sklearn.linear_model import LogisticRegression

    found = np.zeros((test.shape[0], len(names)))
    if not test.shape[0]:
        return found
    model = LogisticRegression(C=STRENGTH, max_iter=MOST_STEPS).fit(train, answers)
    columns = [list(names).index(name) for name in model.classes_]
    found[:, columns] = model.predict_proba(test)
    return np.asarray(np.round(found, DIGITS), dtype=np.float64)


def learn_values(train: Matrix, answers: Sequence[float], test: Matrix) -> Floats:
    """Values (N,) of the test samples."""
    from sklearn.linear_model import Ridge

    if not test.shape[0]:
        return np.zeros(0)
    model = Ridge(alpha=RIDGE, solver="auto").fit(train, answers)
    return np.asarray(np.round(model.predict(test), DIGITS), dtype=np.float64)
