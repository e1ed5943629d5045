"""Sharing groups out over parts: the arithmetic that all splitters use."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

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
    coded = pa.array(groups, pa.string()).dictionary_encode()
    names, member_of = coded.dictionary.to_pylist(), coded.indices.to_numpy()
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
    held_in_order = strata[np.argsort(member_of, kind="stable")].tolist()
    starts = np.concatenate([[0], np.cumsum(sizes)]).tolist()
    several = np.flatnonzero(sizes > 1)
    left, total = lacking.tolist(), lacking.sum(axis=1).tolist()  # lists: groups are many, and mostly small
    for number in several[np.lexsort((draw[several], -sizes[several]))].tolist():
        held = held_in_order[starts[number] : starts[number + 1]]
        needs = [
            (round(sum([row[stratum] for stratum in held]), 9), round(rest, 9))
            for row, rest in zip(left, total, strict=True)
        ]
        part[number] = chosen = needs.index(max(needs))
        total[chosen] -= len(held)
        for stratum in held:
            left[chosen][stratum] -= 1
    lacking[:] = left


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
    would get nothing of any. Where parts are owed alike, the one that lacks most in all comes first.
    """
    stratum_of = np.zeros(len(part), dtype=np.int64)
    stratum_of[member_of] = strata
    owed, total = np.zeros(len(lacking)), lacking.sum(axis=1).round(9)
    for stratum in range(lacking.shape[1]):
        mine = np.flatnonzero((sizes == 1) & (stratum_of == stratum))
        if not len(mine):
            continue
        need = np.maximum(lacking[:, stratum], 0)
        exact = need / need.sum() * len(mine)
        counts = np.floor(exact + 1e-9).astype(np.int64)
        owed += exact - counts
        order = np.lexsort((-total, np.where(exact > counts, -owed, np.inf).round(9)))
        more = order[: len(mine) - counts.sum()]
        counts[more] += 1
        owed[more] -= 1
        cuts = np.cumsum(counts)[:-1]
        for number, members in enumerate(np.split(mine[np.argsort(draw[mine], kind="stable")], cuts)):
            part[members] = number
