"""Work over processes: in order, in bounded memory, with errors that arrive and no process left behind."""

import operator
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from stages.core.errors import UserError
from stages.core.parallel import AHEAD, cores, ordered_map, processes

ROOT = Path(__file__).parents[2]
SCRIPT = """
import functools, operator, time
from stages.core.parallel import ordered_map

if __name__ == "__main__":
    print("started", flush=True)
    items = [0.0, 0.0] + [0.5] * 1000
    for _ in ordered_map(functools.partial(functools.partial, time.sleep), {}, items, workers=2):
        print("one", flush=True)
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_order_of_the_items(workers: int) -> None:
    items = [format(number, "b") for number in range(50)]
    assert list(ordered_map(partial(partial, int), {"base": 2}, items, workers=workers)) == list(range(50))


def test_items_are_taken_only_as_far_ahead_as_needed() -> None:
    taken: list[int] = []
    items = (taken.append(number) or number for number in range(1000))
    results = ordered_map(partial(partial, operator.neg), {}, items, workers=2)
    assert [next(results), next(results)] == [0, -1]
    assert len(taken) <= 2 * AHEAD + 2
    results.close()


@pytest.mark.parametrize("workers", [1, 2])
def test_an_exception_arrives_as_it_is(workers: int) -> None:
    results = ordered_map(partial(partial, int), {}, ["1", "x", "2"], workers=workers)
    with pytest.raises(ValueError, match="invalid literal for int"):
        list(results)


def test_a_mistake_in_making_the_function_arrives_with_its_hint() -> None:
    from stages.augmenters.derive import make_deriver

    arguments = {"steps": {}, "seed": 1, "protected_words": [], "max_changed_share": 1.0, "min_characters": 0}
    with pytest.raises(UserError, match="no step is enabled") as caught:
        list(ordered_map(make_deriver, arguments, [[]], workers=2))
    assert "set augment.copies: 0" in caught.value.hint


def test_a_process_that_dies_is_told() -> None:
    with pytest.raises(UserError, match="a worker process ended before its work was done"):
        list(ordered_map(partial(partial, os._exit), {}, [1], workers=2))


@pytest.mark.parametrize(("asked", "items", "number"), [(3, 1, 3), (0, 9, 1), (0, 10, cores()), (1, 10**6, 1)])
def test_more_processes_are_used_where_they_pay(asked: int, items: int, number: int) -> None:
    assert processes(asked, items, 10) == number


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="reads /proc")
@pytest.mark.parametrize("ended_by", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupt_or_a_kill_leaves_no_process_behind(tmp_path: Path, ended_by: signal.Signals) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, str(script)], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert [process.stdout.readline() for _ in range(2)] == ["started\n", "one\n"]
    group = process.pid
    if ended_by == signal.SIGINT:
        os.killpg(group, ended_by)  # as Ctrl-C does
    else:
        process.kill()
    process.stdout.close()
    assert process.wait(timeout=10) != 0
    deadline = time.monotonic() + 5
    while left(group) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left(group) == []


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
