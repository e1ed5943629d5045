"""Work shared out over processes, with the results in the order of the items."""

import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from stages.core.errors import UserError

T = TypeVar("T")
R = TypeVar("R")
AHEAD = 4
"""Items handed out a process before the first result is taken: memory does not grow with the items."""

_make: Callable[..., Callable[[Any], Any]]
_arguments: Mapping[str, Any]
_function: Callable[[Any], Any] | None = None


def processes(asked: int, items: int, least: int) -> int:
    """`asked` processes; for 0 one for each core, if there are at least `least` items, else one."""
    if asked:
        return asked
    return cores() if items >= least else 1


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def ordered_map(
    make: Callable[..., Callable[[T], R]], arguments: Mapping[str, Any], items: Iterable[T], *, workers: int
) -> Generator[R, None, None]:
    """`make(**arguments)(item)` for each item, in order; `make` is called once a process.

    With one worker everything runs in this process. More are started by "spawn", not by "fork": this process
    has threads (Arrow's, the progress bar's), and a fork copies their locks in whatever state they are in. A
    fresh interpreter costs about a second, side by side. `make`, arguments, items and results are pickled.

    Raises:
        UserError: a process died, as one does when memory runs out.
        Exception: what `make` or the function raised.
    """
    if workers == 1:
        yield from map(make(**arguments), items)
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, initializer=_start, initargs=(make, arguments))
    waiting: deque[Future[R]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(_call, item))
            if len(waiting) >= workers * AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool:
        raise UserError(
            "a worker process ended before its work was done",
            "is there enough memory? fewer workers need less",
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)  # on an error or Ctrl-C it waits for the items in work only


def _start(make: Callable[..., Callable[[Any], Any]], arguments: Mapping[str, Any]) -> None:
    global _make, _arguments
    _make, _arguments = make, arguments
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent ends the work
    threading.Thread(target=end_with_parent, daemon=True).start()


def end_with_parent() -> None:
    """A worker whose parent was killed would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)


def _call(item: Any) -> Any:
    # Not in the initialiser, where an exception breaks the pool: here it reaches the caller as it is.
    global _function
    if _function is None:
        _function = _make(**_arguments)
    return _function(item)
