"""Sharing groups out over parts: the arithmetic that all splitters use."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stages.core.seeds import seed_of

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Draws = npt.NDArray[np.uint64]

LARGE_SHARE = 0.1
"""Of the smallest part that is wanted: groups with more samples are placed one by one."""


def share_out(groups: Sequence[str], strata: Ints, shares: Sequence[float], *, seed: int, purpose: str) -> Ints:
    """A part number for each of N samples: groups stay whole, and each stratum is shared out alike.

    Large groups come first, the largest before the others, each to the part that lacks most of what the group
    holds. Then, stratum by stratum, the groups of which most samples are of it, and last the single samples: both
    stand in an order that is drawn from (seed, purpose, group), which is cut in proportion to what the parts still
    lack. A change of some samples moves the cuts a little, and so only what stands beside them.

    Args:
        groups: (N,) names.
        strata: (N,) class numbers from 0.
        shares: of the parts, summing to 1.
    """
    if not len(groups):
        return np.empty(0, dtype=np.int64)
    coded = pa.array(groups, pa.string()).dictionary_encode()
    names, member_of = coded.dictionary.to_pylist(), coded.indices.to_numpy().astype(np.int64)
    draw = np.array([seed_of(seed, purpose, name) for name in names], dtype=np.uint64)
    held = Held.of(member_of, strata)
    wanted = np.asarray(shares, dtype=np.float64)
    lacking = np.multiply.outer(wanted, np.bincount(strata).astype(np.float64))
    part = np.full(len(names), -1, dtype=np.int64)
    limit = max(1.0, LARGE_SHARE * wanted[wanted > 0].min() * len(groups))
    _place_large(part, lacking, held, np.flatnonzero(held.sizes > limit), draw)
    _place_groups(part, lacking, held, np.flatnonzero((held.sizes > 1) & (held.sizes <= limit)), draw)
    _place_singles(part, lacking, held, np.flatnonzero(held.sizes == 1), draw)
    result: Ints = part[member_of]
    return result


@dataclass(frozen=True)
class Held:
    """How many samples of which stratum each of G groups holds, as runs of rows, a run a group.

    Args:
        sizes: (G,) samples in all.
        starts: (G + 1,) where each group's run of rows begins and ends.
        strata, counts: (R,) a stratum, and the group's samples of it, at least one; the greatest count comes first.
    """

    sizes: Ints
    starts: Ints
    strata: Ints
    counts: Ints

    @classmethod
    def of(cls, member_of: Ints, strata: Ints) -> "Held":
        """From the group number and the stratum of each sample."""
        classes = int(strata.max()) + 1
        pairs, counts = np.unique(member_of * classes + strata, return_counts=True)
        group, stratum = np.divmod(pairs, classes)
        order = np.lexsort((stratum, -counts, group))
        starts = np.concatenate([[0], np.cumsum(np.bincount(group))])
        return cls(np.bincount(member_of), starts, stratum[order], counts[order])

    def rows(self, groups: Ints) -> Ints:
        """The rows of some groups, one run after the other."""
        lengths = self.starts[groups + 1] - self.starts[groups]
        skipped = np.repeat(self.starts[groups] - np.concatenate([[0], np.cumsum(lengths)[:-1]]), lengths)
        found: Ints = np.arange(lengths.sum()) + skipped
        return found

    def take(self, lacking: Floats, groups: Ints, part: Ints) -> None:
        """Subtract from `lacking` (parts, strata) what the groups hold that were given to `part` (one a group)."""
        rows = self.rows(groups)
        owner = np.repeat(part, self.starts[groups + 1] - self.starts[groups])
        np.subtract.at(lacking, (owner, self.strata[rows]), self.counts[rows])


def _place_large(part: Ints, lacking: Floats, held: Held, mine: Ints, draw: Draws) -> None:
    """Place large groups, the largest first: to the part for which they fill the largest need.

    Where parts need a group alike, the one that lacks most in all takes it.
    """
    for number in mine[np.lexsort((draw[mine], -held.sizes[mine]))]:
        rows = held.rows(np.array([number]))
        needs = lacking[:, held.strata[rows]] @ held.counts[rows]
        part[number] = np.lexsort((-lacking.sum(axis=1).round(9), -needs.round(9)))[0]
        held.take(lacking, np.array([number]), part[[number]])


def _place_groups(part: Ints, lacking: Floats, held: Held, mine: Ints, draw: Draws) -> None:
    """Cut the groups in their drawn order where the parts have what they lack of the groups' foremost stratum."""
    foremost = held.strata[held.starts[mine]]
    for stratum in np.unique(foremost):
        groups = mine[foremost == stratum]
        groups = groups[np.argsort(draw[groups], kind="stable")]
        counts = held.counts[held.starts[groups]]
        need = np.maximum(lacking[:, stratum], 0)
        cuts = np.cumsum(need / need.sum() * counts.sum())[:-1]
        part[groups] = np.searchsorted(cuts.round(9), np.cumsum(counts) - counts / 2, side="right")
        held.take(lacking, groups, part[groups])


def _place_singles(part: Ints, lacking: Floats, held: Held, mine: Ints, draw: Draws) -> None:
    """Cut each stratum's single samples, in their drawn order, in proportion to what the parts lack of it.

    What a part is owed by rounding is carried from stratum to stratum: else, of many small classes, a small part
    would get nothing of any. Where parts are owed alike, the one that lacks most in all comes first.
    """
    stratum_of = held.strata[held.starts[mine]]
    owed, total = np.zeros(len(lacking)), lacking.sum(axis=1).round(9)
    for stratum in np.unique(stratum_of):
        groups = mine[stratum_of == stratum]
        need = np.maximum(lacking[:, stratum], 0)
        exact = need / need.sum() * len(groups)
        counts = np.floor(exact + 1e-9).astype(np.int64)
        owed += exact - counts
        order = np.lexsort((-total, np.where(exact > counts, -owed, np.inf).round(9)))
        more = order[: len(groups) - counts.sum()]
        counts[more] += 1
        owed[more] -= 1
        cuts = np.cumsum(counts)[:-1]
        for number, members in enumerate(np.split(groups[np.argsort(draw[groups], kind="stable")], cuts)):
            part[members] = number
