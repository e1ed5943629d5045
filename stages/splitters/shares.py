"""Sharing groups out over parts: the arithmetic that all splitters use."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from stages.core.seeds import seed_of

Ints = npt.NDArray[np.int64]


def share_out(groups: Sequence[str], strata: Ints, shares: Sequence[float], *, seed: int, purpose: str) -> Ints:
    """A part number for each of N samples: groups stay whole, and each stratum is shared out alike.

    Groups of several samples come first, the largest before the others, each to the part that lacks most of what
    the group holds. Then the single samples fill up what each part still lacks, stratum by stratum, in an order
    that is drawn from (seed, purpose, group): adding samples moves few of the others.

    Args:
        groups: (N,) names.
        strata: (N,) class numbers from 0.
        shares: of the parts, summing to 1.
    """
    if not len(groups):
        return np.empty(0, dtype=np.int64)
    names, member_of = np.unique(np.asarray(groups, dtype=object).astype(str), return_inverse=True)
    draw = np.array([seed_of(seed, purpose, name) for name in names], dtype=np.uint64)
    sizes = np.bincount(member_of)
    classes = int(strata.max()) + 1
    lacking = np.multiply.outer(np.asarray(shares, dtype=np.float64), np.bincount(strata, minlength=classes))
    part = np.full(len(names), -1, dtype=np.int64)
    _place_groups(part, lacking, member_of, strata, sizes, draw)
    _place_singles(part, lacking, member_of, strata, sizes, draw)
    result: Ints = part[member_of]
    return result


def _place_groups(
    part: Ints,
    lacking: npt.NDArray[np.float64],
    member_of: Ints,
    strata: Ints,
    sizes: Ints,
    draw: npt.NDArray[np.uint64],
) -> None:
    """Place groups of several samples, largest first: to the part for which they fill the largest need.

    Where parts need a group alike, the one that lacks most in all takes it.
    """
    order = np.argsort(member_of, kind="stable")
    starts = np.concatenate([[0], np.cumsum(sizes)])
    several = np.flatnonzero(sizes > 1)
    for number in several[np.lexsort((draw[several], -sizes[several]))]:
        held = np.bincount(strata[order[starts[number] : starts[number + 1]]], minlength=lacking.shape[1])
        need = (lacking * held).sum(axis=1).round(9)
        chosen = int(np.lexsort((-lacking.sum(axis=1).round(9), -need))[0])
        part[number] = chosen
        lacking[chosen] -= held


def _place_singles(
    part: Ints,
    lacking: npt.NDArray[np.float64],
    member_of: Ints,
    strata: Ints,
    sizes: Ints,
    draw: npt.NDArray[np.uint64],
) -> None:
    """Cut each stratum's single samples, in their drawn order, in proportion to what the parts lack of it.

    What a part is owed by rounding is carried from stratum to stratum: else, of many small classes, a small part
    would get nothing of any.
    """
    stratum_of = np.zeros(len(part), dtype=np.int64)
    stratum_of[member_of] = strata
    owed = np.zeros(len(lacking))
    for stratum in range(lacking.shape[1]):
        mine = np.flatnonzero((sizes == 1) & (stratum_of == stratum))
        if not len(mine):
            continue
        need = np.maximum(lacking[:, stratum], 0)
        exact = need / need.sum() * len(mine)
        counts = np.floor(exact + 1e-9).astype(np.int64)
        owed += exact - counts
        more = np.argsort(np.where(exact > counts, -owed, np.inf).round(9), kind="stable")[: len(mine) - counts.sum()]
        counts[more] += 1
        owed[more] -= 1
        cuts = np.cumsum(counts)[:-1]
        for number, members in enumerate(np.split(mine[np.argsort(draw[mine], kind="stable")], cuts)):
            part[members] = number
