"""Progress for people: bars in a terminal, a line a minute where there is none, as in a log of CI."""

import time
from types import TracebackType
from typing import Any

from rich.markup import escape
from rich.progress import Progress, TaskID

EVERY_S = 60.0
"""Seconds between the lines."""


class Bars(Progress):
    """rich's progress that tells how far it is without a terminal, too, and whose bars are full when all is done."""

    def __init__(self, *columns: Any, **options: Any) -> None:
        super().__init__(*columns, **options)
        self._told = time.monotonic()

    def advance(self, task_id: TaskID, advance: float = 1) -> None:
        """Count on; at most once in `EVERY_S` it is told as a line where no bar is drawn."""
        super().advance(task_id, advance)
        if self.console.is_terminal or time.monotonic() - self._told < EVERY_S:
            return
        self._told = time.monotonic()
        task = self._tasks[task_id]
        whole = "" if task.total is None else f" of {task.total:,.0f}"
        minutes = (task.elapsed or 0.0) / 60
        self.console.print(
            f"{escape(task.description)}: {task.completed:,.0f}{whole}, {minutes:.0f} min", soft_wrap=True
        )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:  # a total that nobody knew, or that was a guess
            for task in self.tasks:
                self.update(task.id, total=task.completed)
        super().__exit__(kind, error, traceback)
