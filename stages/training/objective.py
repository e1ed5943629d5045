"""What training minimises, and how the model's outputs are scored on validation.

Classification: see `stages/training/losses.py`. Regression: the squared or Huber's error (Huber 1964, "Robust
estimation of a location parameter") of values that are standardised by the mean and deviation of training, so that
the learning rate does not depend on their unit; before it is saved, the model's last layer takes up scale and shift
and answers in the unit of the data.

Legend: B samples in a batch, N on validation, K classes.
"""

import sys
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch

from stages.core.errors import UserError
from stages.tasks.classes import Classes
from stages.tasks.task import Array, Task
from stages.tasks.values import Values
from stages.training.losses import Loss, balanced, baseline, make_loss

CALIBRATION_BINS = 10


class Objective(Protocol):
    """What a task is trained by."""

    @property
    def task(self) -> Task: ...
    @property
    def batch_score(self) -> str:
        """Which of the task's scores training batches give as well: a mean over samples, of `score_sum`."""

    def score_sum(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Its sum over the samples of a batch, without a gradient; arguments as for `loss`."""

    def loss(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """The mean loss of a batch, from logits (B, K) in single precision and what `Encoded.batch` gives."""

    def mass(self, labels: Array) -> float:
        """What samples count together in such a mean: its divisor."""

    def baselines(self, labels: Array) -> tuple[float, float]:
        """The losses, in training and on validation, of one answer to all of the samples with these labels."""

    def outputs(self, logits: Array) -> Array:
        """The task's predictions from logits (N, K), in the unit of the data; a UserError where they are not finite."""

    def scores(self, gold: Array, logits: Array) -> dict[str, float]:
        """The scores of one epoch on validation; a UserError where logits (N, K) are not finite."""

    def finish(self, model: torch.nn.Module) -> None:
        """What is done to the weights before they are saved."""


@dataclass(frozen=True)
class CrossEntropy:
    """Of classes, plain or as `cost` has it."""

    task: Task
    cost: Loss
    label_smoothing: float
    batch_score = "accuracy"

    def score_sum(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """The samples whose class has the largest logit."""
        return (logits.detach().argmax(dim=1) == labels).sum()

    def loss(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """See `Objective`."""
        return self.cost(logits, labels)

    def mass(self, labels: Array) -> float:
        """See `Objective`."""
        return self.cost.mass(labels)

    def baselines(self, labels: Array) -> tuple[float, float]:
        """Those of answering with the classes' shares; that on validation is the classes' entropy."""
        counts = np.bincount(labels, minlength=len(self.task.names))
        plain = make_loss("cross_entropy", label_smoothing=0.0)
        return baseline(self.cost, counts, self.label_smoothing), baseline(plain, counts, 0.0)

    def outputs(self, logits: Array) -> Array:
        """Probabilities."""
        return self.task.outputs(logits)

    def scores(self, gold: Array, logits: Array) -> dict[str, float]:
        """The headline metrics."""
        return self.task.headline(gold, self.outputs(logits))

    def finish(self, model: torch.nn.Module) -> None:
        """Nothing."""


@dataclass(frozen=True)
class Standardised:
    """Of values: the model learns (value - shift) / scale.

    `huber_delta` is where the loss turns from squared to linear, in units of `scale`; None: squared everywhere.
    """

    task: Values
    scale: float
    shift: float
    huber_delta: float | None
    batch_score = "r2"

    def score_sum(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """1 - squared error / variance of training, summed up; the mean is R² against the training mean.

        The squared error itself has the unit of the data: beside R² and the correlations it would have no scale.
        """
        errors = logits.detach()[:, 0] * self.scale + self.shift - labels.float()
        return (1 - (errors / self.task.deviation) ** 2).sum()

    def loss(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """See `Objective`; the squared error is 1 where the training mean is always answered."""
        target, found = (labels.float() - self.shift) / self.scale, logits[:, 0]
        if self.huber_delta is None:
            return torch.nn.functional.mse_loss(found, target)
        return torch.nn.functional.huber_loss(found, target, delta=self.huber_delta)

    def mass(self, labels: Array) -> float:
        """See `Objective`."""
        return float(len(labels))

    def baselines(self, labels: Array) -> tuple[float, float]:
        """That of answering with `shift`, twice."""
        found = self.loss(torch.zeros(len(labels), 1), torch.tensor(labels)).item()
        return found, found

    def outputs(self, logits: Array) -> Array:
        """Values."""
        return self.task.outputs(logits.astype(np.float64) * self.scale + self.shift)

    def scores(self, gold: Array, logits: Array) -> dict[str, float]:
        """The loss, as in training, and the headline metrics in the unit of the data."""
        loss = self.loss(torch.tensor(logits), torch.tensor(gold)).item()
        return {"loss": loss, **self.task.headline(gold, self.outputs(logits))}

    def finish(self, model: torch.nn.Module) -> None:
        """Have the last layer give scale * output + shift."""
        layer = last_layer(model)
        with torch.no_grad():
            layer.weight.mul_(self.scale)
            if layer.bias is not None:
                layer.bias.mul_(self.scale).add_(self.shift)


def objective(
    task: Task,
    model: torch.nn.Module,
    labels: Array,
    *,
    loss: str,
    label_smoothing: float,
    focal_gamma: float,
    class_weights: str,
    huber_delta: float | None,
) -> Objective:
    """The objective of a task.

    `labels` are those of training: `class_weights: balanced` is by their counts. A last layer without bias cannot
    take up a shift: then values are divided by their root mean square alone.
    """
    if not isinstance(task, Values):
        weights = balanced(np.bincount(labels, minlength=len(task.names))) if class_weights == "balanced" else None
        cost = make_loss(loss, weights, label_smoothing=label_smoothing, gamma=focal_gamma)
        return CrossEntropy(task, cost, label_smoothing)
    scale, shift = task.deviation, task.mean
    if last_layer(model).bias is None:
        scale, shift = float(np.hypot(scale, shift)), 0.0
    return Standardised(task, scale=scale, shift=shift, huber_delta=huber_delta if loss == "huber" else None)


def last_layer(model: torch.nn.Module) -> Any:
    """The linear layer with one output that ends the model; low-rank adapters, which may have one too, do not.

    Raises:
        UserError: there is none, or more than one.
    """
    layers = [layer for name, layer in model.named_modules() if "lora_" not in name]
    found = [layer for layer in layers if isinstance(layer, torch.nn.Linear) and layer.out_features == 1]
    if len(found) != 1:
        raise UserError(
            f"params.yaml: task: regression: {type(model).__name__} has {len(found)} linear layers with one output, "
            "not one: the unit of the values cannot be put into it",
            "choose another model",
        )
    return found[0]


def badness(scores: dict[str, float], best_by: str, task: Task) -> float:
    """The score that chooses the best epoch, turned so that lower is better; undefined ones are the worst of all."""
    if best_by not in scores:
        return sys.float_info.max
    return -scores[best_by] if task.best_by[best_by] else scores[best_by]


def rank(scores: dict[str, float], best_by: str, task: Task) -> tuple[float, float]:
    """What chooses between epochs, or between members: lower is better, by `best_by`, where that is equal by the
    task's `ties_by`. With few validation samples many epochs have equal scores."""
    return badness(scores, best_by, task), badness(scores, task.ties_by, task)


CLASSES = CrossEntropy(Classes({}, bins=CALIBRATION_BINS), make_loss("cross_entropy", label_smoothing=0.0), 0.0)
"""Cross entropy over however many classes the model has."""
