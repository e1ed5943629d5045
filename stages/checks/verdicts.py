"""From checks to verdicts: the reason codes a sample, and a few examples a code."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from stages.checks import CHECKS
from stages.checks.text import Check, Mask
from stages.core import registry
from stages.core.blocks import Options

EXAMPLES = 3


def build(families: Mapping[str, Mapping[str, Options]]) -> dict[str, Check]:
    """The checks by reason code, in the order of params.yaml."""
    return {
        f"{family}.{name}": registry.build(CHECKS, f"{family}.{name}", given, f"validate.checks.{family}.{name}")
        for family, members in families.items()
        for name, given in members.items()
    }


def add_codes(before: Sequence[Sequence[str]], masks: Mapping[str, Mask]) -> list[list[str]]:
    """The issues a row: those it came with, and the codes whose mask (N,) holds it; each once."""
    rows = [list(codes) for codes in before]
    for code, mask in masks.items():
        for position in np.flatnonzero(mask):
            if code not in rows[position]:
                rows[position].append(code)
    return rows


def any_of(masks: Mapping[str, Mask], codes: Sequence[str], rows: int) -> Mask:
    """Whether a row (of N) has one of `codes`."""
    found: Mask = np.zeros(rows, dtype=bool)
    for code in codes:
        found |= masks[code]
    return found


def remember(examples: dict[str, list[str]], batch: pa.Table, masks: Mapping[str, Mask]) -> None:
    """Keep the first few examples a reason code: the id, and the label or the text."""
    for code, mask in masks.items():
        known = examples.setdefault(code, [])
        for position in np.flatnonzero(mask)[: EXAMPLES - len(known)]:
            row = batch.slice(int(position), 1).select(["id", "text", "label"]).to_pylist()[0]
            shown = row["label"] if code.startswith("label.") else row["text"]
            known.append(f"{row['id']}: {str(shown)[:40]!r}")
