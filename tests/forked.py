"""A process for a test that is to be killed: forked, so that it need not import anything again."""

import contextlib
import gc
import multiprocessing
import os
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
from typing import TextIO


@contextlib.contextmanager
def forked(work: Callable[[], None]) -> Iterator[tuple[BaseProcess, TextIO]]:
    """Run `work` in a process; with it what it and its children print, which ends when the last of them has ended."""
    reader, writer = os.pipe()
    process = multiprocessing.get_context("fork").Process(target=_run, args=(work, reader, writer), daemon=True)
    process.start()
    os.close(writer)
    with os.fdopen(reader, encoding="utf-8") as told:
        yield process, told
        told.read()
    process.join()


def _run(work: Callable[[], None], reader: int, writer: int) -> None:
    gc.freeze()  # what the test's own process made is not to be ended here
    os.close(reader)
    for number in (1, 2):
        os.dup2(writer, number)
    told = os.fdopen(writer, "w", encoding="utf-8", buffering=1)
    with told, contextlib.redirect_stdout(told), contextlib.redirect_stderr(told):
        work()
