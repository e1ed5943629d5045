"""Several processes that train one model: who does what, and what they tell each other.

Each has the whole data and the same weights. The batches are drawn as for one process and every batch is shared out;
gradients are added up over the processes (`stages/training/reduction.py`), so that all take the same steps. The first
process alone decides, reports and writes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch

from stages.core.errors import UserError
from stages.training.arrays import Rows

T = TypeVar("T")
Tensors = dict[str, torch.Tensor]
CPU = torch.device("cpu")


class LostError(Exception):
    """The other processes do not answer any more: one of them has ended or was killed."""


@dataclass(frozen=True)
class Team:
    """The processes that train together, seen from one of them; on its own it talks to nobody.

    Args:
        rank: which of them this one is, from 0.
        size: how many they are.
        device: where this one computes; what they tell each other goes through there.
    """

    rank: int = 0
    size: int = 1
    device: torch.device = CPU

    def __str__(self) -> str:
        return "" if self.alone else f", by {self.size} processes"

    @property
    def leads(self) -> bool:
        """Whether this is the process that reports and writes."""
        return self.rank == 0

    @property
    def alone(self) -> bool:
        """Whether there is no other process."""
        return self.size == 1

    def share(self, rows: Rows) -> Rows:
        """This process's rows of a batch: as many as the others' or one more or less, and of like lengths."""
        return rows if self.alone else rows[self.rank :: self.size]

    def work(self, rows: Rows) -> Rows:
        """The rows to compute on: `share`; where that is empty the batch's first, for company, which is to count 0."""
        mine = self.share(rows)
        return mine if len(mine) else rows[:1]

    def part(self, tensors: Mapping[str, torch.Tensor]) -> Tensors:
        """What `work` would leave of a batch that is computed whole."""
        rows = np.arange(len(next(iter(tensors.values()))))
        return dict(tensors) if self.alone else {name: value[self.work(rows)] for name, value in tensors.items()}

    def add_up(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The sum of the processes' arrays, of one shape."""
        if self.alone:
            return array
        whole = torch.from_numpy(array).to(self.device)
        self.reduce(whole)
        return whole.cpu().numpy()

    def highest(self, value: int) -> int:
        """The greatest of the processes' values."""
        if self.alone:
            return value
        whole = torch.tensor([value], device=self.device)
        self.reduce(whole, "MAX")
        return int(whole.item())

    def once(self, make: Callable[[], T]) -> T:
        """What the first process makes, given to all; they must all ask.

        Raises:
            UserError: on each process, where the first raises it.
        """
        if self.alone:
            return make()
        found: list[Any] = [None, None]
        if self.leads:
            try:
                found[0] = make()
            except UserError as error:
                found[1] = (str(error), error.hint)
        from torch import distributed

        _told(lambda: distributed.broadcast_object_list(found, src=0, device=self.device))
        if found[1] is not None:
            raise UserError(*found[1])
        return found[0]  # type: ignore[no-any-return]

    def hand_on(self, found: tuple[Tensors, dict[str, Any]] | None) -> tuple[Tensors, dict[str, Any]] | None:
        """The tensors and the state that the first process has found, given to all; on the CPU."""
        if self.alone:
            return found
        forms = self.once(lambda: found and ([(name, v.shape, v.dtype) for name, v in found[0].items()], found[1]))
        if forms is None:
            return None
        from torch import distributed

        given: Tensors = {}
        for name, shape, dtype in forms[0]:
            value = found[0][name] if self.leads and found else torch.empty(shape, dtype=dtype)
            moved = value.to(self.device).contiguous()
            _told(lambda tensor=moved: distributed.broadcast(tensor, src=0))  # type: ignore[misc]
            given[name] = moved.cpu()
        return given, forms[1]

    def agree(self, mark: str) -> None:
        """Make sure that all the processes have the same `mark`, a digest of what they are about to train.

        Raises:
            UserError: on each process, where one differs.
        """
        first = self.once(lambda: mark)
        odd = self.add_up(np.array([float(first != mark if rank == self.rank else 0) for rank in range(self.size)]))
        if odd.any():
            raise UserError(
                f"process {int(odd.argmax())} of {self.size} has other data, params, code, libraries or first weights "
                "than process 0",
                "the same commit on each machine, with the same packages; then `dvc pull` or a shared folder",
            )

    def reduce(self, tensor: torch.Tensor, how: str = "SUM", *, wait: bool = True) -> Any:
        """Put the sum over the processes (or what `how` names in torch's ReduceOp) into a tensor.

        Without `wait` it is begun only; `settled` waits for what is returned.
        """
        from torch import distributed

        operation = getattr(distributed.ReduceOp, how)
        return _told(lambda: distributed.all_reduce(tensor, operation, async_op=not wait))


def settled(pending: Any) -> None:
    """Wait for what `Team.reduce` has begun."""
    _told(pending.wait)


def _told(say: Callable[[], T]) -> T:
    """What is said to the others, and that they do not answer told from other errors."""
    try:
        return say()
    except RuntimeError as error:  # torch has a type of its own for some of them only
        raise LostError(" ".join(str(error).split())) from error


ALONE = Team()
