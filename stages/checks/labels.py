"""Checks of the label as it came."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stages.checks.text import Check, Mask, mask


def missing() -> Check:
    """No label, or one of white space."""

    def check(samples: pa.Table, _: Sequence[str]) -> Mask:
        return mask(pc.is_null(samples["label"])) | mask(pc.equal(pc.utf8_trim_whitespace(samples["label"]), ""))

    return check


def unknown() -> Check:
    """A label that is not one of params.yaml's `labels`; nothing is unknown where `labels` is empty.

    `validate` gives labels as `clean` will see them: after `clean.labels.strip`, `casefold` and `map`.
    """

    def check(samples: pa.Table, labels: Sequence[str]) -> Mask:
        if not labels:
            return np.zeros(len(samples), dtype=bool)
        known = pc.is_in(samples["label"], value_set=pa.array(labels, pa.string()))
        named = pc.not_equal(pc.utf8_trim_whitespace(samples["label"]), "")
        return mask(pc.and_(named, pc.invert(known)))

    return check
