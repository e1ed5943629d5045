"""Gradients added up over several processes, while the backward pass that makes them still runs.

In buckets, as torch's DistributedDataParallel does it. That one either searches the graph of every batch for weights
without gradient, and warns where there are none, or it rearranges its buckets after the first step, and a resumed run
adds up in another order. Here the buckets stay, and with them each bit of the sums.
"""

from collections.abc import Sequence
from functools import partial

import torch

from stages.training.norms import share_norms
from stages.training.optimise import trainable
from stages.training.processes import Team, settled

BUCKET = 25 * 2**20 // 4
"""Numbers added up at a time: 25 MiB in single precision, as DistributedDataParallel has it."""


class Reduction:
    """The sums of a model's gradients.

    Args:
        model: with the weights that are trained; its batch normalisation is over all processes from now on.
        team: the processes.
    """

    def __init__(self, model: torch.nn.Module, team: Team, *, bucket: int = BUCKET) -> None:
        self.team, self.counts = team, True
        self._buckets = buckets(trainable(model)[::-1], bucket)  # the last layers have their gradients first
        self._sent: list[tuple[torch.Tensor, object]] = []
        self._missing: list[set[int]] = []
        self._early = not share_norms(model, team, lambda: self.counts)  # its sums are in the same queue
        for number, weights in enumerate(self._buckets):
            for weight in weights:
                weight.register_post_accumulate_grad_hook(partial(self._ready, number))  # type: ignore[no-untyped-call]

    def begin(self, *, last: bool, counts: bool) -> None:
        """A batch comes; `last` of those that are accumulated. `counts`: whether this process's share is not empty."""
        self.counts = counts
        self._missing = [{id(weight) for weight in weights} for weights in self._buckets] if last else []

    def finish(self, values: Sequence[float]) -> list[float]:
        """Put the sums into the gradients, once all of the batches have passed; the sums of the processes' values.

        A gradient that no process has stays away.
        """
        self._missing = []
        while len(self._sent) < len(self._buckets):
            self._send()
        total = torch.tensor(values, dtype=torch.float64, device=self.team.device)
        self.team.reduce(total)
        for weights, (flat, pending) in zip(self._buckets, self._sent, strict=True):
            settled(pending)
            given = flat[: len(weights)].tolist()
            parts = torch.split(flat[len(weights) :], [weight.numel() for weight in weights])
            for weight, there, part in zip(weights, given, parts, strict=True):
                if there:
                    weight.grad = part.view_as(weight)
        self._sent = []
        sums: list[float] = total.tolist()
        return sums

    def _ready(self, number: int, weight: torch.Tensor) -> None:
        if not self._missing:
            return
        self._missing[number].discard(id(weight))
        while self._early and len(self._sent) < len(self._buckets) and not self._missing[len(self._sent)]:
            self._send()

    def _send(self) -> None:
        """Begin to add up the next bucket: first a 1 for each gradient that is there, then all of them."""
        weights = self._buckets[len(self._sent)]
        there = torch.tensor([float(weight.grad is not None) for weight in weights], device=weights[0].device)
        grads = [torch.zeros_like(weight) if weight.grad is None else weight.grad for weight in weights]
        flat = torch.cat([there, *(grad.detach().reshape(-1) for grad in grads)])
        for weight in weights:
            weight.grad = None  # its memory is needed no more
        self._sent.append((flat, self.team.reduce(flat, wait=False)))


def buckets(weights: list[torch.nn.Parameter], size: int) -> list[list[torch.nn.Parameter]]:
    """The weights in order, in groups of at most `size` numbers; a larger one is alone."""
    found: list[list[torch.nn.Parameter]] = []
    room = 0
    for weight in weights:
        if weight.numel() > room:
            found.append([])
            room = size
        found[-1].append(weight)
        room -= weight.numel()
    return found
