"""Work in bounded processes: in order, a bad item lost alone and by its reason, and no process left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from stages.core.bounded import AHEAD, GROUP, bounded_map
from stages.core.bounded_process import Reason
from stages.core.errors import UserError

ROOT = Path(__file__).parents[2]
SCRIPT = """
import functools, time
from stages.core.bounded import bounded_map

if __name__ == "__main__":
    print("started", flush=True)
    options = {"workers": 2, "seconds": 60, "memory_mib": 512, "lost": print}
    for _ in bounded_map(functools.partial(functools.partial, time.sleep), {}, [0.0] * 8 + [0.5] * 1000, **options):
        print("one", flush=True)
"""


def make_worker(*, marks: str = "") -> Callable[[str], str]:
    """A function that does what its item says."""
    kept: list[bytearray] = []

    def work(item: str) -> str:
        if item == "hang":
            time.sleep(60)
        if item == "segfault":
            os.kill(os.getpid(), signal.SIGSEGV)
        if item == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if item == "huge":
            bytearray(2**40)
        if item == "greedy":
            bytearray(150 * 2**20)
        if item == "leak":
            kept.append(bytearray(60 * 2**20))
        if item == "once" and not Path(marks).exists():
            Path(marks).touch()
            os.kill(os.getpid(), signal.SIGSEGV)
        if item == "wrong":
            raise ValueError("no such item")
        if item == "odd":
            raise OddError(1, 2)
        if item == "user":
            raise UserError("a bad value", "change it")
        return item.upper()

    return work


class OddError(Exception):
    """An exception that cannot be unpickled."""

    def __init__(self, one: int, other: int) -> None:
        super().__init__(f"{one} and {other}")


def make_nothing(*, error: str) -> Callable[[str], str]:
    if error == "exit":
        os._exit(3)
    raise UserError(error, "change it")


def lost(item: str, reason: Reason) -> str:
    return f"lost {item}: {reason}"


def run(
    items: list[str], *, workers: int = 1, seconds: float = 20, memory_mib: int = 200, marks: str = ""
) -> list[str]:
    arguments = {"marks": marks}
    return list(
        bounded_map(make_worker, arguments, items, workers=workers, seconds=seconds, memory_mib=memory_mib, lost=lost)
    )


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_order_of_the_items(workers: int) -> None:
    items = [format(number, "x") for number in range(5 * GROUP + 1)]
    assert run(items, workers=workers) == [item.upper() for item in items]


def test_no_items_give_no_results_and_start_no_process() -> None:
    start = time.perf_counter()
    assert run([]) == []
    assert time.perf_counter() - start < 0.2


@pytest.mark.parametrize("workers", [1, 2])
def test_bad_items_are_lost_alone_and_by_their_reason(workers: int) -> None:
    items = ["a", "segfault", "b", "huge", "c", *"defghi", "killed", "j"]
    expected = ["A", "lost segfault: crash", "B", "lost huge: memory", "C", *"DEFGHI", "lost killed: memory", "J"]
    assert run(items, workers=workers) == expected


def test_an_item_that_takes_too_long_is_lost() -> None:
    assert run(["a", "hang", "b"], seconds=0.5) == ["A", "lost hang: timeout", "B"]


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="reads /proc")
def test_memory_counts_from_what_the_function_has_loaded() -> None:
    assert run(["greedy"], memory_mib=200) == ["GREEDY"]
    assert run(["greedy"], memory_mib=100) == ["lost greedy: memory"]


def test_an_item_does_not_answer_for_what_those_before_it_have_kept() -> None:
    assert run(["leak"] * 7) == ["LEAK"] * 7


def test_an_item_that_fails_once_is_tried_again(tmp_path: Path) -> None:
    assert run(["a", "once", "b"], marks=str(tmp_path / "mark")) == ["A", "ONCE", "B"]


def test_an_exception_arrives_as_it_is_with_where_it_came_from() -> None:
    with pytest.raises(ValueError, match="no such item") as caught:
        run(["a", "wrong", "b"])
    assert "test_bounded.py" in caught.value.__notes__[0]


def test_an_exception_that_cannot_be_pickled_arrives_by_name() -> None:
    with pytest.raises(RuntimeError, match="OddError: 1 and 2"):
        run(["odd"])


def test_a_mistake_of_a_user_arrives_with_its_hint() -> None:
    with pytest.raises(UserError, match="a bad value") as caught:
        run(["user"])
    assert caught.value.hint == "change it"


@pytest.mark.parametrize(
    ("error", "message"), [("a bad option", "a bad option"), ("exit", "a worker process ended before it had work")]
)
def test_a_mistake_in_making_the_function_arrives(error: str, message: str) -> None:
    results = bounded_map(make_nothing, {"error": error}, ["a"], workers=2, seconds=9, memory_mib=99, lost=lost)
    with pytest.raises(UserError, match=message):
        list(results)


def test_items_are_taken_only_as_far_ahead_as_needed_and_closing_ends_the_processes() -> None:
    taken: list[int] = []
    items = (taken.append(number) or "a" for number in range(1000))
    results = bounded_map(make_worker, {}, items, workers=2, seconds=9, memory_mib=99, lost=lost)
    assert [next(results), next(results)] == ["A", "A"]
    assert len(taken) == 2 * AHEAD * GROUP
    assert len(children()) == 2
    results.close()
    assert children() == []


def test_closing_does_not_wait_for_an_item_in_work() -> None:
    results = bounded_map(make_worker, {}, ["a"] * 8 + ["hang"] * 8, workers=1, seconds=60, memory_mib=99, lost=lost)
    assert next(results) == "A"
    start = time.perf_counter()
    results.close()
    assert time.perf_counter() - start < 1
    assert children() == []


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="reads /proc")
@pytest.mark.parametrize("ended_by", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupt_or_a_kill_leaves_no_process_behind(tmp_path: Path, ended_by: signal.Signals) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, str(script)], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None and process.stderr is not None
    assert [process.stdout.readline() for _ in range(2)] == ["started\n", "one\n"]
    if ended_by == signal.SIGINT:
        os.killpg(process.pid, ended_by)  # as Ctrl-C does
    else:
        process.kill()
    assert process.wait(timeout=10) != 0
    deadline = time.monotonic() + 5
    while left(process.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left(process.pid) == []
    if ended_by == signal.SIGINT:
        assert process.stderr.read().count("Traceback") == 1  # the parent's own
    process.stdout.close()
    process.stderr.close()


def children() -> list[str]:
    """Child processes of this one, zombies too; not the tracker that multiprocessing keeps."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = stat.read_text().rpartition(")")[2].split()[1]
            command = (stat.parent / "cmdline").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(parent) == os.getpid() and "resource_tracker" not in command:
            found.append(stat.parent.name)
    return found


def left(group: int) -> list[str]:
    """Running processes of a process group."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, number = stat.read_text().rpartition(")")[2].split()[:3]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(number) == group and state != "Z":
            found.append(stat.parent.name)
    return found
