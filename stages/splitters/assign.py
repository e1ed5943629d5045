"""From samples to splits and folds, with the guarantees that keep evaluation honest.

No group stands in two splits. Validation and test hold gold labels only. A split that the source declares is
respected; where its splits share a group, the sample stays in test before validation before training, and the
others are left unused, with a reason: nothing is moved into a benchmark's test set, and nothing leaks out of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from stages.core.errors import UserError
from stages.core.samples import SPLITS
from stages.splitters import Splitter

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
ANSWERS = ("label", "value", "target")
UNUSED = -1
TRAIN, VALIDATION, TEST = range(3)


@dataclass(frozen=True)
class Assignment:
    """For each of N samples: number into SPLITS or UNUSED, fold or -1, and why it is unused, or the empty text."""

    split: Ints
    fold: Ints
    reason: list[str]


def assign(
    samples: pa.Table,
    splitter: Splitter,
    *,
    respect: bool,
    ratios: Mapping[str, float],
    folds: int,
    seed: int,
    answers: Sequence[str] = ANSWERS,
) -> Assignment:
    """Share the samples out.

    Args:
        samples: columns group, label, value, target, label_source, split, and what the splitter reads.
        respect: whether the source's own splits hold.
        ratios: share of train, validation and test where the source says nothing; where the source has a split of
            its own but not another, the other one is taken out of its training samples.
        answers: columns of which a sample needs one, to be of use.
        folds: training samples also get a fold, 0 to folds - 1; 0: none.

    Raises:
        UserError: fewer groups than folds.
    """
    count = len(samples)
    declared = _declared(samples, respect)
    reason = np.full(count, "", dtype=object)
    split = declared.copy()
    groups = samples["group"].combine_chunks().dictionary_encode().indices.to_numpy().astype(np.int64)
    held = _held_out(groups, declared)
    free = (declared <= TRAIN) & (held[groups] == UNUSED)
    usable = _has_answer(samples, answers)
    gold = pc.fill_null(pc.equal(samples["label_source"], "gold"), False).to_numpy() & usable
    split[free] = _share(samples, free, declared, splitter, ratios, seed)
    crossing = (held[groups] != UNUSED) & (split != held[groups])
    _set_aside(split, reason, crossing, "split.leak")
    _set_aside(split, reason, ~usable, "split.no_answer")
    _set_aside(split, reason, (split > TRAIN) & ~gold, "split.not_gold")
    fold = np.full(count, -1, dtype=np.int64)
    if folds:
        training = split == TRAIN
        fold[training] = _folds(samples.filter(pa.array(training)), splitter, folds, seed)
    return Assignment(split, fold, reason.tolist())


def _folds(samples: pa.Table, splitter: Splitter, folds: int, seed: int) -> Ints:
    """The fold of each training sample; none is empty."""
    fold = splitter(samples, [1 / folds] * folds, seed=seed, purpose="folds")
    groups, filled = pc.count_distinct(samples["group"]).as_py(), len(np.unique(fold))
    if filled < folds:
        raise UserError(
            f"params.yaml: split.folds: {folds} folds, but {groups} groups to train on fill only {filled}",
            "fewer folds, or more samples",
        )
    return fold


def _has_answer(samples: pa.Table, answers: Sequence[str]) -> Mask:
    found: Mask = np.logical_or.reduce([pc.is_valid(samples[name]).to_numpy() for name in answers])
    return found


def _declared(samples: pa.Table, respect: bool) -> Ints:
    """The source's own split of each sample, or UNUSED."""
    if not respect:
        return np.full(len(samples), UNUSED, dtype=np.int64)
    numbers = pc.index_in(samples["split"], pa.array(SPLITS))
    declared: Ints = pc.fill_null(numbers, UNUSED).to_numpy().astype(np.int64)
    return declared


def _held_out(groups: Ints, declared: Ints) -> Ints:
    """The split, validation or test, that the source declares for some sample of each group, else UNUSED."""
    held = np.full(groups.max(initial=-1) + 1, UNUSED, dtype=np.int64)
    np.maximum.at(held, groups, declared)
    held[held == TRAIN] = UNUSED
    return held


def _share(
    samples: pa.Table, free: Mask, declared: Ints, splitter: Splitter, ratios: Mapping[str, float], seed: int
) -> Ints:
    """Splits of the free samples: of those with a declared training split, only what the source lacks is taken."""
    present = {int(number) for number in np.unique(declared) if number != UNUSED}
    shares = [ratios[name] if number not in present else 0.0 for number, name in enumerate(SPLITS)]
    shares[TRAIN] = 1 - shares[VALIDATION] - shares[TEST]
    if shares[TRAIN] >= 1:
        return np.full(np.count_nonzero(free), TRAIN, dtype=np.int64)
    return splitter(samples.filter(pa.array(free)), shares, seed=seed, purpose="split")


def _set_aside(split: Ints, reason: npt.NDArray[np.object_], rows: Mask, code: str) -> None:
    """Leave the rows unused, those that were not set aside before, with the code."""
    mine = rows & (reason == "")
    split[mine] = UNUSED
    reason[mine] = code
