"""The encoded splits, as finetune reads them, and which of their samples a member is trained on.

Legend: N samples of the training split, derived ones among them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from stages.core import tables
from stages.core.errors import UserError
from stages.training.arrays import Rows
from stages.training.batches import Augment, Encoded

NO_FOLD = -1


@dataclass(frozen=True)
class Split:
    """Model inputs of N samples; their folds, `NO_FOLD` where they have none, derived ones that of their parent; and
    which of them are originals."""

    inputs: Encoded
    folds: Rows
    originals: npt.NDArray[np.bool_]

    def trained_on(self, fold: int | None) -> Rows:
        """The samples outside of the fold; all of them without one."""
        return np.flatnonzero(self.folds != fold) if fold is not None else np.arange(len(self.folds))

    def held_out(self, fold: int | None) -> Rows:
        """The originals of the fold; none without one."""
        return np.flatnonzero((self.folds == fold) & self.originals) if fold is not None else np.arange(0)


def encoded(name: str, meta: Mapping[str, Any]) -> Split:
    """One split; `meta` is the content of data/encoded/meta.json.

    Raises:
        UserError: it is empty.
    """
    table = tables.read(f"data/encoded/{name}", "inputs")
    if not len(table):
        raise UserError(f"no {name} samples", f"raise split.ratios.{name}, or fetch more samples")
    forms = meta.get("cut", {}).get("arrays") or meta.get("arrays")
    return Split(
        inputs=Encoded(table, pad_token_id=meta.get("pad_token_id", 0), arrays=forms),
        folds=table["fold"].fill_null(NO_FOLD).to_numpy().astype(np.int64),
        originals=table["parent"].is_null().to_numpy(),
    )


def folds_of(train: Split, names: Sequence[str]) -> list[int]:
    """The folds of the training split, each of which can be left out of training.

    Args:
        names: of the classes; none of values.

    Raises:
        UserError: samples without a fold, or a fold without which a class is never, or one value alone is, trained on.
    """
    folds = [int(fold) for fold in np.unique(train.folds)]
    if NO_FOLD in folds or len(folds) < 2:
        raise UserError(
            "finetune.folds: all: the samples in data/encoded/train have no folds", "split.folds: 5, then `dvc repro`"
        )
    answers = train.inputs.labels
    for fold in folds:
        rest = np.unique(answers[train.trained_on(fold)])
        missing = [names[number] for number in np.setdiff1d(answers, rest)] if names else []
        if missing or len(rest) < 2:
            what = f"no sample of: {', '.join(missing)}" if missing else "samples of one answer alone"
            raise UserError(
                f"finetune.folds: all: outside of fold {fold} there is {what}",
                "fewer split.folds, more samples of it, or finetune.folds: null",
            )
    return folds


def online(steps: Mapping[str, dict[str, Any]], meta: Mapping[str, Any], seed: int) -> Augment | None:
    """The augmentation of images while they are trained on, by options of steps in their order, where there are any.

    Raises:
        UserError: what is trained on are no images, but features that encode has computed.
    """
    if not steps:
        return None
    if meta.get("cut", {}).get("cached"):
        raise UserError(
            "params.yaml: finetune.online: this strategy trains on features that encode computed once",
            "encode.max_cache_gib: 0, or no step of finetune.online enabled",
        )
    from stages.augmenters.online import make_online

    augment: Augment = make_online(steps=steps, seed=seed)
    return augment
