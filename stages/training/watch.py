"""Signs of training that goes wrong, told once each, when they appear, with what to try."""

import math
import statistics
from collections.abc import Callable
from itertools import pairwise
from typing import Any

WINDOW = 100
"""Updates whose median norm is the measure."""
ENOUGH = 20
"""Updates before a median says anything; the first gradients of a new head are large."""


class Watch:
    """Looks at each update and each epoch, and tells what is odd.

    Args:
        tell: takes a line for the user.
        exploding_factor: a norm so many times the running median is told.
        overfitting_epochs: so many epochs in a row with more validation and less training loss are told.
        baselines: the losses, in training and on validation, of one answer to everything.
        validation_loss: its name in the rows.
    """

    def __init__(
        self,
        tell: Callable[[str], None],
        *,
        exploding_factor: float,
        overfitting_epochs: int,
        baselines: tuple[float, float],
        validation_loss: str,
    ) -> None:
        self._tell = tell
        self._exploding_factor = exploding_factor
        self._overfitting_epochs = overfitting_epochs
        self._baselines, self._name = baselines, validation_loss
        self._told: list[str] = []
        self._norms: list[float] = []

    def update(self, row: dict[str, float]) -> None:
        """Look at the gradient's norm of one update."""
        norm = row["grad_norm"]
        if not math.isfinite(norm):  # half precision leaves such a step out
            return
        if len(self._norms) >= ENOUGH and norm > self._exploding_factor * statistics.median(self._norms):
            usual = statistics.median(self._norms)
            self._once(
                "exploding",
                f"step {row['step']:.0f}: the gradient's norm is {norm:.3g}, {norm / usual:.0f} times the median: "
                "try a lower lr, a lower finetune.max_grad_norm or a longer finetune.warmup_share",
            )
        self._norms = [*self._norms[1 - WINDOW :], norm]

    def epoch(self, rows: list[dict[str, float]]) -> None:
        """Look at the epochs so far."""
        row, trained = rows[-1], rows[-1]["train_loss"]
        if trained >= self._baselines[0] and row[self._name] >= self._baselines[1]:
            self._once(
                "not learning",
                f"epoch {row['epoch']:.0f}: training loss {trained:.4f}, no better than {self._baselines[0]:.4f} for "
                "one answer to everything: try another lr, more epochs, and look at the labels",
            )
        last = rows[-self._overfitting_epochs - 1 :]
        if len(last) > self._overfitting_epochs and falls(last, "train_loss") and falls(last[::-1], self._name):
            self._once(
                "overfitting",
                f"epoch {row['epoch']:.0f}: validation loss has risen for {self._overfitting_epochs} epochs while "
                "training loss fell: try fewer epochs, early stopping, dropout, weight decay or more data",
            )

    def _once(self, kind: str, message: str) -> None:
        if kind not in self._told:
            self._told.append(kind)
            self._tell(f"watch: {message}")

    def state_dict(self) -> dict[str, Any]:
        """What was told, and the norms so far."""
        return {"told": self._told, "norms": self._norms}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self._told, self._norms = state["told"], state["norms"]


def falls(rows: list[dict[str, float]], name: str) -> bool:
    """Whether a value is lower in each row than in the one before."""
    return all(after[name] < before[name] for before, after in pairwise(rows))
