"""How many derived samples each original gets, decided before any is made."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from stages.core.errors import UserError
from stages.core.registry import nearest
from stages.core.seeds import seed_of

Balance = Mapping[str, int] | Literal["none", "largest"]


@dataclass(frozen=True)
class Plan:
    """`copies` for each of N samples, and per label the originals there are and the rows that were wanted."""

    copies: npt.NDArray[np.int32]
    originals: dict[str, int]
    wanted: dict[str, int]

    @property
    def total(self) -> int:
        """The number of derived samples."""
        return int(self.copies.sum())


def plan(
    ids: Sequence[str],
    labels: Sequence[str | None],
    *,
    seed: int,
    copies: int,
    share: float,
    balance: Balance,
    max_copies: int,
) -> Plan:
    """`copies` for a share of the originals, then more for the classes that `balance` wants larger.

    Who gets a copy depends on the seed and the ids alone, not on the order of the rows. To balance a class,
    its originals get one more each in turn, those with the fewest copies first.

    Args:
        ids: of N samples.
        labels: of N samples; None for a sample that must not be derived from.
        balance: "largest" for as many rows (originals and derived) as the largest class, or rows by label.

    Raises:
        UserError: `copies` above `max_copies`, or `balance` names a label that no original has.
    """
    if copies > max_copies:
        raise UserError(
            f"params.yaml: augment.copies: {copies} is more than augment.max_copies ({max_copies})",
            f"dvc exp run -S augment.max_copies={copies}",
        )
    originals = Counter(label for label in labels if label is not None)
    result = np.zeros(len(ids), np.int32)
    if copies:
        chosen = [seed_of(seed, "augment.share", i) < share * 2**64 for i in ids]
        result[[label is not None and take for label, take in zip(labels, chosen, strict=True)]] = copies
    rows = dict(originals)
    for place in np.flatnonzero(result).tolist():
        rows[labels[place] or ""] += copies
    wanted = {label: max(rows[label], target) for label, target in _targets(balance, rows).items()}
    for label in sorted(label for label in wanted if wanted[label] > rows[label]):
        members = np.array([place for place, name in enumerate(labels) if name == label])
        members = members[np.argsort([seed_of(seed, "augment.balance", ids[place]) for place in members])]
        _raise_evenly(result, members, wanted[label] - rows[label], max_copies)
    return Plan(result, dict(sorted(originals.items())), dict(sorted(wanted.items())))


def _targets(balance: Balance, rows: Mapping[str, int]) -> dict[str, int]:
    if balance == "largest":
        return dict.fromkeys(rows, max(rows.values(), default=0))
    targets = dict(rows)
    if isinstance(balance, Mapping):
        for label, target in balance.items():
            if label not in rows:
                raise UserError(
                    f"params.yaml: augment.balance: no original is labelled '{label}'{nearest(label, rows)}",
                    f"labels that occur: {', '.join(sorted(rows)) or 'none'}",
                )
            targets[label] = target
    return targets


def _raise_evenly(copies: npt.NDArray[np.int32], members: npt.NDArray[np.int64], need: int, limit: int) -> None:
    """Add `need` copies in rounds: those with the fewest come first, in the order of `members`."""
    for level in range(limit):
        lowest = members[copies[members] == level][:need]
        copies[lowest] += 1
        need -= len(lowest)
