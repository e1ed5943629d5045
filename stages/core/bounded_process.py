"""One worker process that is bounded in time and memory: the parent's side of the pipe, and the worker's."""

import contextlib
import copy
import multiprocessing
import os
import pickle
import resource
import signal
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal

from stages.core.errors import UserError
from stages.core.parallel import end_with_parent

Reason = Literal["timeout", "memory", "crash"]
"""Why an item has no result of its own."""


class Process:
    """A worker process, as its parent sees it: it starts at once."""

    def __init__(self, make: Callable[..., Any], arguments: Mapping[str, Any], memory_mib: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, far = context.Pipe()
        self._process = context.Process(target=_serve, args=(far, make, arguments, memory_mib), daemon=True)
        self._process.start()
        far.close()  # so that the end of the process is the end of the pipe

    def wait_until_ready(self) -> None:
        """Wait until the function is made.

        Raises:
            UserError: the process ended before.
            Exception: what making it raised.
        """
        try:
            kind, value = self._connection.recv()
        except (EOFError, OSError):
            raise UserError(
                "a worker process ended before it had work", "is there enough memory? fewer workers need less"
            ) from None
        if kind == "error":
            raise value

    def results(self, items: Sequence[Any], seconds: float) -> tuple[list[Any], Reason | None]:
        """The results of `items` up to the first failure, and its reason."""
        results: list[Any] = []
        try:
            self._connection.send(items)
        except OSError:
            return results, self._how_it_ended()
        while len(results) < len(items):
            try:
                if not self._connection.poll(seconds):
                    return results, "timeout"
                kind, value = self._connection.recv()
            except (EOFError, OSError):
                return results, self._how_it_ended()
            if kind == "error":
                raise value
            if kind == "memory":
                return results, "memory"
            results.append(value)
        return results, None

    def _how_it_ended(self) -> Reason:
        self._process.join()
        return "memory" if self._process.exitcode == -signal.SIGKILL else "crash"

    def end(self) -> None:
        """Kill it, and wait until it is gone."""
        self._process.kill()
        self._process.join()


def _serve(connection: Connection, make: Callable[..., Any], arguments: Mapping[str, Any], memory_mib: int) -> None:
    """What a worker process does: make the function, then answer groups of items, one result at a time."""
    threading.Thread(target=end_with_parent, daemon=True).start()
    try:
        function = make(**arguments)
    except Exception as error:  # noqa: BLE001 (raised again by the parent)
        connection.send(("error", _portable(error)))
        return
    connection.send(("ready", None))
    _silence()
    _limit(memory_mib)
    with contextlib.suppress(EOFError, ConnectionError):  # the parent has closed
        while True:
            try:
                group = connection.recv()
            except MemoryError:
                connection.send(("memory", None))
                return
            for item in group:
                connection.send_bytes(_answer(function, item))


def _answer(function: Callable[[Any], Any], item: Any) -> bytes:
    try:
        return pickle.dumps(("result", function(item)))
    except MemoryError:
        return pickle.dumps(("memory", None))
    except Exception as error:  # noqa: BLE001 (raised again by the parent)
        return pickle.dumps(("error", _portable(error)))


def _portable(error: Exception) -> Exception:
    """The error with its traceback as a note; a plain one where it cannot be pickled."""
    trace = "".join(traceback.format_exception(error))
    try:
        copy.copy(error)
        pickle.dumps(error)
    except Exception:  # noqa: BLE001 (whatever its own __reduce__ raises)
        error = RuntimeError(f"{type(error).__name__}: {error}")
    error.add_note(trace)
    return error


def _silence() -> None:
    """Nothing printed: libraries such as libtiff write lines for each file that they do not like."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


def _limit(memory_mib: int) -> None:
    """Bound the address space of this process, and make it the one that the kernel kills when memory is short."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # no images of crashed processes on the disk
    with contextlib.suppress(OSError):  # not Linux, or not allowed here
        Path("/proc/self/oom_score_adj").write_text("1000")
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + memory_mib * 2**20
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (limit if hard < 0 else min(limit, hard), hard))
