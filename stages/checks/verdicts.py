"""From checks to verdicts: the reason codes a sample, and a few examples a code."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from stages.checks import CHECKS
from stages.checks.text import Check, Mask
from stages.core import registry
from stages.core.blocks import Options
from stages.core.samples import name_of

EXAMPLES = 3
EXAMPLE = ["id", "source", "row", "text", "label", "value", "image", "audio"]
"""Columns of an example."""
MEDIA = ("image", "audio")


def build(families: Mapping[str, Mapping[str, Options]]) -> dict[str, Check]:
    """The checks of rows by reason code, in the order of params.yaml; those of decoded media are left out."""
    return {
        f"{family}.{name}": registry.build(CHECKS, f"{family}.{name}", given, f"validate.checks.{family}.{name}")
        for family, members in families.items()
        for name, given in members.items()
        if not (family in MEDIA and name != "missing")
    }


def of_media(families: Mapping[str, Mapping[str, Options]], modality: str) -> dict[str, Options]:
    """The checks of decoded images or sounds by name, in the order of params.yaml."""
    if modality not in MEDIA:
        return {}
    return {name: given for name, given in families.get(modality, {}).items() if name != "missing"}


def masks_of(codes: Sequence[str], found: Sequence[Sequence[str]]) -> dict[str, Mask]:
    """The mask (N,) of each of `codes`, from the codes that were found for N rows."""
    return {code: np.fromiter((code in row for row in found), dtype=bool, count=len(found)) for code in codes}


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
    """Keep the first few examples a reason code: the sample's name, and the label, the value or the text."""
    for code, mask in masks.items():
        known = examples.setdefault(code, [])
        for position in np.flatnonzero(mask)[: EXAMPLES - len(known)]:
            row = batch.slice(int(position), 1).select(EXAMPLE).to_pylist()[0]
            media = row["image"] or row["audio"]
            shown = row["label"] if code.startswith("label.") else media["path"] if media else row["text"]
            if code.startswith("value.") and row["value"] is not None:
                shown = row["value"]
            known.append(name_of(row) if media and shown == media["path"] else f"{name_of(row)}: {str(shown)[:40]!r}")
