"""`python -m benchmarks.training_clock encode|finetune`: a stage as it is, with a stopwatch around its work.

Writes clock.json: for each epoch, or for the encoding, pairs of (seconds, samples so far) from its start to its end.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

OUTPUT = "clock.json"
WARM_STEPS = 3
"""Steps at the start that do not count: libraries set themselves up in them."""

Marks = list[tuple[float, int]]


class Clock:
    """Marks of each period."""

    def __init__(self) -> None:
        self.periods: list[Marks] = []

    def start(self) -> None:
        """A period begins."""
        self.periods.append([(time.perf_counter(), 0)])

    def count(self, samples: int) -> None:
        """So many samples more are done."""
        marks = self.periods[-1]
        marks.append((time.perf_counter(), marks[-1][1] + samples))

    def write(self, path: Path, **more: Any) -> None:
        """All of it, as JSON."""
        path.write_text(json.dumps({"periods": self.periods, **more}), encoding="utf-8")


def rate(periods: Sequence[Marks], warm: int = WARM_STEPS) -> float:
    """Samples a second of all periods together, without the first `warm` steps of the first."""
    first = periods[0][min(warm, len(periods[0]) - 2) :]
    parts = [first, *periods[1:]]
    samples = sum(marks[-1][1] - marks[0][1] for marks in parts)
    return samples / sum(marks[-1][0] - marks[0][0] for marks in parts)


def clocked_epoch(clock: Clock, epoch: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
    """`stages.training.loop.epoch` with marks; what is done between its updates counts too."""

    def wrapped(learner: Any, train: Any, settings: Any, progress: Any) -> Iterator[Any]:
        clock.start()
        for row in epoch(learner, train, settings, progress):
            clock.count(progress.losses[-1][1])
            yield row

    return wrapped


def clocked_encoding(clock: Clock, compute: Callable[..., Any]) -> Callable[..., Any]:
    """`stages.training.features.compute` with marks around the whole of it."""

    def wrapped(folder: Path, *given: Any, **named: Any) -> Any:
        from stages.training.features import lengths_of

        rows = len(lengths_of(folder))
        clock.start()
        form = compute(folder, *given, **named)
        clock.count(rows)
        return form

    return wrapped


def main() -> None:
    """Run the stage."""
    clock = Clock()
    if sys.argv[1] == "encode":
        from stages import encode
        from stages.training import features

        features.compute = clocked_encoding(clock, features.compute)
        encode.main()
    else:
        from stages import finetune
        from stages.training import loop

        loop.epoch = clocked_epoch(clock, loop.epoch)
        finetune.main()
    import torch

    clock.write(Path(OUTPUT), threads=torch.get_num_threads())


if __name__ == "__main__":
    main()
