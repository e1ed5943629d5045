"""Work on items from outside in processes that are bounded in time and memory: one item cannot take the run down."""

import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from multiprocessing import resource_tracker
from typing import Any, TypeVar

from stages.core.bounded_process import Process, Reason

T = TypeVar("T")
R = TypeVar("R")
GROUP = 8
"""Items handed to a process at once: the hand-over costs as much as decoding a small image."""
AHEAD = 2
"""Groups handed out a process before the first result is taken: memory does not grow with the items."""


def bounded_map(
    make: Callable[..., Callable[[T], R]],
    arguments: Mapping[str, Any],
    items: Iterable[T],
    *,
    workers: int,
    seconds: float,
    memory_mib: int,
    lost: Callable[[T, Reason], R],
) -> Generator[R, None, None]:
    """`make(**arguments)(item)` for each item, in order, in `workers` processes, with one worker too.

    `make` is called once a process and should import what the function needs. `make`, arguments, items and
    results are pickled. An item that does not end well is tried once more, alone in a fresh process, so that it
    answers neither for those before it nor for a busy machine. If it fails there too, its result is that of `lost`.

    Args:
        seconds: wall-clock time for one item.
        memory_mib: address space for one item, beyond what the process has after `make`; only where /proc is.
        lost: of an item, and "timeout", "memory" (a MemoryError, or killed as the kernel does when memory is
            short) or "crash" (the process ended otherwise).

    Raises:
        UserError: a process ended before it was given an item.
        Exception: what `make` or the function raised, but for MemoryError.
    """
    resource_tracker.ensure_running()  # else the first process starts it, and with it takes interrupts again
    crew = _Crew(make, arguments, seconds, memory_mib)
    threads = ThreadPoolExecutor(workers, "bounded", _without_interrupts)
    waiting: deque[Future[list[R]]] = deque()
    try:
        for group in _groups(items):
            waiting.append(threads.submit(crew.work, group, lost))
            if len(waiting) >= workers * AHEAD:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
    finally:
        crew.close()
        threads.shutdown(cancel_futures=True)


def _groups(items: Iterable[T]) -> Iterator[list[T]]:
    each = iter(items)
    while group := list(islice(each, GROUP)):
        yield group


def _without_interrupts() -> None:
    """Processes inherit this from the thread that starts them: Ctrl-C is for the parent, which ends them."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])


class _Crew:
    """A process for each thread that calls `work`, replaced when it fails."""

    def __init__(self, make: Callable[..., Any], arguments: Mapping[str, Any], seconds: float, memory_mib: int) -> None:
        self._job = (make, arguments, memory_mib)
        self._seconds = seconds
        self._own = threading.local()
        self._lock = threading.Lock()
        self._open: set[Process] = set()
        self._closed = False

    def work(self, group: Sequence[T], lost: Callable[[T, Reason], R]) -> list[R]:
        """The results of a group, in order."""
        results: list[R] = []
        alone = False
        while len(results) < len(group):
            rest = group[len(results) :]
            found, failure = self._attempt(rest[:1] if alone else rest)
            results += found
            if failure and alone:
                results.append(lost(group[len(results)], failure))
            alone = bool(failure) and not alone
        return results

    def _attempt(self, items: Sequence[Any]) -> tuple[list[Any], Reason | None]:
        """Results up to the first item that fails, and how that failed; the process is then gone."""
        process: Process | None = getattr(self._own, "process", None)
        if process is None:
            process = self._own.process = self._start()
        results, failure = process.results(items, self._seconds)
        if failure:
            self._own.process = None
            self._end(process)
        return results, failure

    def _start(self) -> Process:
        with self._lock:
            if self._closed:
                raise InterruptedError("closed")
            process = Process(*self._job)
            self._open.add(process)
        process.wait_until_ready()
        return process

    def _end(self, process: Process) -> None:
        with self._lock:
            self._open.discard(process)
            process.end()

    def close(self) -> None:
        """End all processes, whatever they are doing."""
        with self._lock:
            self._closed = True
            while self._open:
                self._open.pop().end()
