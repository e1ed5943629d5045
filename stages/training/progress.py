"""What a training works with, and how far it is."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from stages.training.averaging import Average
from stages.training.objective import Objective
from stages.training.processes import ALONE, Team
from stages.training.reduction import Reduction
from stages.training.schedules import Plateau
from stages.training.watch import Watch

TRAIN = "train_"
"""Begins the names of what an epoch's row holds of the training samples; the others are of validation."""


@dataclass
class Learner:
    """The parts that an update changes; `average`, `plateau`, `scaler` and `watch` where they are wanted.

    With several processes `team` says which this one is, and `reduction` adds up their gradients.
    """

    model: torch.nn.Module
    optimizer: torch.optim.Optimizer
    scheduler: torch.optim.lr_scheduler.LRScheduler
    objective: Objective
    device: torch.device
    average: Average | None = None
    plateau: Plateau | None = None
    scaler: torch.amp.GradScaler | None = None
    watch: Watch | None = None
    team: Team = ALONE
    reduction: Reduction | None = None


@dataclass
class History:
    """What happened: a row a step and a row an epoch, and which epoch's weights the model now has."""

    steps: list[dict[str, float]] = field(default_factory=list)
    epochs: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    stopped_early: bool = False


@dataclass
class Progress:
    """How far a training is.

    Args:
        epoch: the one at work, from 1.
        updates: of this epoch.
        losses: this epoch's, with the samples that each is of.
        score_sum: of this epoch's samples so far, by `Objective.score_sum`; None where there is none.
        best: the best epoch's metric, of which lower is better.
        tie: the same of the score that decides between equal ones.
        improved: the last epoch that was better than those before.
        kept: the best epoch's weights.
    """

    history: History = field(default_factory=History)
    epoch: int = 1
    updates: int = 0
    losses: list[tuple[float, int]] = field(default_factory=list)
    score_sum: float | None = None
    best: float = math.inf
    tie: float = math.inf
    improved: int = 0
    kept: dict[str, torch.Tensor] = field(default_factory=dict)

    def next_epoch(self) -> None:
        """The epoch is over."""
        self.epoch, self.updates, self.losses, self.score_sum = self.epoch + 1, 0, [], None

    def train_row(self, score: str) -> dict[str, float]:
        """The mean loss and, as `train_` and the name of the score, the mean score of this epoch's samples.

        Both are running means: of each batch as it was trained on, with the weights of that moment.
        """
        losses, sizes = np.array(self.losses).T
        row = {f"{TRAIN}loss": float(np.average(losses, weights=sizes))}
        return row if self.score_sum is None else row | {f"{TRAIN}{score}": self.score_sum / float(sizes.sum())}

    def state_dict(self) -> dict[str, Any]:
        """All but the weights."""
        state = {name: value for name, value in vars(self).items() if name not in ("history", "kept")}
        return state | {"history": vars(self.history)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        vars(self).update(state)
        self.history = History(**state["history"])
        self.losses = [(loss, size) for loss, size in state["losses"]]
