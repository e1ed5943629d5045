"""finetune's own launcher: all processes end with one, whatever ends it, and a mistake is told once."""

import contextlib
import gc
import json
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.distributed import TCPStore

from stages.core import report
from stages.core.errors import UserError
from stages.training import launch, meeting
from stages.training.processes import ALONE, Team

PLACE = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
WORKER = """
import json, os, signal, sys, time
from pathlib import Path
rank, count = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
Path(f"{rank}.json").write_text(json.dumps({name: os.environ.get(name) for name in %r} | {"pid": os.getpid()}))
while len(list(Path().glob("*.json"))) < count:
    time.sleep(0.01)
"""
FOREVER = "time.sleep(60)"


@pytest.fixture(autouse=True)
def _no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*PLACE, launch.LAUNCHER, "TORCHELASTIC_RUN_ID", "TORCHELASTIC_USE_AGENT_STORE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[int]]:
    """Starts so many processes that do something; checks that none is left, whatever comes of it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def run(count: int, then: str) -> None:
        (tmp_path / "worker.py").write_text(WORKER % (PLACE,) + then)
        try:
            launch.start("worker", count)
        finally:
            for path in tmp_path.glob("*.json"):
                with pytest.raises(ProcessLookupError):
                    os.kill(read(path)["pid"], 0)

    return run


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_each_process_has_its_place(begin: Callable[..., None]) -> None:
    begin(3, "")
    places = [read(Path(f"{rank}.json")) for rank in range(3)]
    assert [(place["RANK"], place["LOCAL_RANK"]) for place in places] == [("0", "0"), ("1", "1"), ("2", "2")]
    for name in ("MASTER_ADDR", "MASTER_PORT", "WORLD_SIZE", "LOCAL_WORLD_SIZE"):
        assert len({place[name] for place in places}) == 1
    assert places[0]["WORLD_SIZE"] == places[0]["LOCAL_WORLD_SIZE"] == "3"


def test_the_exit_code_of_one_that_fails_is_that_of_all(begin: Callable[..., None]) -> None:
    with pytest.raises(SystemExit) as caught:
        begin(3, f"sys.exit(3) if rank == 1 else {FOREVER}")
    assert caught.value.code == 3


def test_one_that_is_killed_ends_the_others_and_is_named(begin: Callable[..., None]) -> None:
    with pytest.raises(UserError, match=r"^process 1 of 2 was killed by SIGKILL$") as caught:
        begin(2, f"os.kill(os.getpid(), signal.SIGKILL) if rank else {FOREVER}")
    assert caught.value.hint.startswith("dvc repro goes on from the last checkpoint; if memory ran out, fewer")


def test_ctrl_c_ends_them_all_in_silence(begin: Callable[..., None], capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyboardInterrupt):
        begin(2, f"rank or os.kill(os.getppid(), signal.SIGINT)\n{FOREVER}")
    assert capfd.readouterr() == ("", "")


def test_processes_end_soon_after_what_started_them_was_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)

    def worker() -> None:
        meeting._end_with_the_launcher()
        sender.send(os.getpid())
        time.sleep(60)

    def launcher() -> None:
        monkeypatch.setenv(launch.LAUNCHER, str(os.getpid()))
        if os.fork() == 0:
            worker()
        time.sleep(60)

    started = context.Process(target=launcher)
    started.start()
    pid = receiver.recv()
    started.kill()
    started.join()
    for _ in range(100):
        if not running(pid):
            return
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    pytest.fail("it went on alone")


def running(pid: int) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


@pytest.mark.parametrize(
    ("gpus", "processes", "device", "count"),
    [(0, 1, "cpu", 1), (0, 3, "cpu", 3), (0, 0, "cpu", 1), (0, 0, "auto", 1), (4, 0, "auto", 4), (4, 2, "cuda", 2)],
)
def test_processes_are_counted(
    monkeypatch: pytest.MonkeyPatch, gpus: int, processes: int, device: str, count: int
) -> None:
    machine(monkeypatch, gpus)
    assert launch.wanted(processes, device) == count


@pytest.mark.parametrize(
    ("gpus", "mps", "processes", "message", "hint"),
    [
        (2, False, 3, "3 processes cannot each have a GPU: this machine has 2", "finetune.processes: 2 (or 0"),
        (0, True, 2, "2 processes cannot share an mps device", "finetune.processes: 1"),
    ],
)
def test_more_processes_than_the_machine_can_have_are_told(
    monkeypatch: pytest.MonkeyPatch, gpus: int, mps: bool, processes: int, message: str, hint: str
) -> None:
    machine(monkeypatch, gpus, mps)
    with pytest.raises(UserError) as caught:
        launch.launched("none", processes, "auto")
    assert str(caught.value) == message and caught.value.hint.startswith(hint)


def machine(monkeypatch: pytest.MonkeyPatch, gpus: int, mps: bool = False) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)


def test_a_launcher_says_how_many_there_are_whatever_the_params_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert not launch.launched("none", 2, "cpu")
    with meeting.together() as store:
        assert store is None and meeting.join(store, "cpu") is ALONE


@pytest.mark.parametrize(("batch_size", "batch_tokens", "fits"), [(3, None, True), (2, None, False), (1, 100, True)])
def test_each_process_needs_a_sample_of_a_batch(batch_size: int, batch_tokens: int | None, fits: bool) -> None:
    if fits:
        return meeting.check_shares(Team(0, 3), batch_size, batch_tokens)
    with pytest.raises(UserError, match="batch_size: 2 cannot be shared out over 3 processes") as caught:
        meeting.check_shares(Team(0, 3), batch_size, batch_tokens)
    assert caught.value.hint.startswith("batch_size: 3 or more")
    return None


Ended = tuple[int | str | None, str]


def ends(work: Callable[[Team], None], stage: str = "finetune") -> list[Ended]:
    """How two processes end, as under a launcher that waits for both, and what each shows."""
    context = multiprocessing.get_context("fork")
    store = TCPStore("localhost", 0, is_master=True, wait_for_workers=False)
    shared = {"MASTER_ADDR": "localhost", "MASTER_PORT": str(store.port), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    shared |= {"TORCHELASTIC_USE_AGENT_STORE": "True", "TORCHELASTIC_RESTART_COUNT": "0"}

    def process(rank: int, sender: Any) -> None:
        gc.freeze()  # a store of an earlier test that is collected here would wait for a thread that is not here
        os.environ.update(shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)})
        report.GRACE_S = 0.2

        def main() -> None:
            with meeting.together() as store:
                work(meeting.join(store, "cpu"))

        code: int | str | None = 0
        with report.console.capture() as told, report.errors.capture() as errors:
            try:
                report.run(stage, main)
            except SystemExit as error:
                code = error.code
            except ZeroDivisionError:
                code = "traceback"
        sender.send((code, told.get() + errors.get()))

    pipes = [context.Pipe(duplex=False) for _ in range(2)]
    started = [context.Process(target=process, args=(rank, pipes[rank][1]), daemon=True) for rank in range(2)]
    for one, (_, sender) in zip(started, pipes, strict=True):
        one.start()
        sender.close()
    found = [answer(receiver) for receiver, _ in pipes]
    for one in started:
        one.join()
    return found


def answer(receiver: Any) -> Ended:
    """Nothing from one that was killed."""
    try:
        found: Ended = receiver.recv()
    except EOFError:
        return None, ""
    return found


@pytest.fixture
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("_elsewhere")
def test_a_mistake_that_both_come_upon_is_told_once() -> None:
    def work(_: Team) -> None:
        raise UserError("lr is odd", "another lr")

    told = "finetune stopped: lr is odd\nNext: another lr\n"
    assert sorted(ends(work)) == [(1, ""), (1, told)]


@pytest.mark.usefixtures("_elsewhere")
def test_a_mistake_that_only_the_second_comes_upon_is_told_by_it() -> None:
    def work(team: Team) -> None:
        if not team.leads:
            raise UserError("out of memory", "less")
        team.highest(1)

    assert ends(work) == [(1, ""), (1, "finetune stopped: out of memory\nNext: less\n")]


@pytest.mark.usefixtures("_elsewhere")
def test_a_fault_of_the_code_shows_one_traceback() -> None:
    def work(_: Team) -> None:
        raise ZeroDivisionError

    assert sorted(map(str, ends(work))) == ["('traceback', '')", "(1, '')"]


@pytest.mark.usefixtures("_elsewhere")
def test_a_process_that_has_lost_the_others_says_so() -> None:
    def work(team: Team) -> None:
        team.highest(1)
        if not team.leads:
            os._exit(9)
        team.highest(1)

    (code, told), killed = ends(work)
    assert killed == (None, "") and code == 1
    assert told.startswith("finetune stopped: process 0 of 2 has lost the others: ")
    assert "dvc repro goes on from the last checkpoint" in told


@pytest.mark.usefixtures("_elsewhere")
def test_the_first_alone_reports_and_keeps_figures() -> None:
    def work(team: Team) -> None:
        report.note(f"from {team.rank}")
        assert team.highest(team.rank) == 1

    assert ends(work) == [(0, "from 0\n"), (0, "")]
    assert Path(".groundwork/runtime/finetune.json").is_file()


@pytest.mark.usefixtures("_elsewhere")
def test_other_stages_refuse_to_run_as_several() -> None:
    first, second = ends(lambda _: None, stage="fetch")
    assert second == (1, "")
    assert first == (
        1,
        "fetch stopped: a launcher has started 2 processes, and of the stages finetune alone runs as several\n"
        "Next: python -m stages.fetch, or dvc repro\n",
    )


def test_an_address_that_is_taken_and_one_that_nobody_answers_at_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report.console, "quiet", False)
    monkeypatch.setattr(meeting, "ANSWER", timedelta(seconds=1))
    store = TCPStore("localhost", 0, is_master=True, wait_for_workers=False)
    place = {"MASTER_ADDR": "localhost", "MASTER_PORT": str(store.port), "WORLD_SIZE": "2", "RANK": "0"}
    for name, value in place.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match=f"another program uses localhost:{store.port}, where"), meeting.together():
        pass
    monkeypatch.setenv("MASTER_PORT", "1")
    monkeypatch.setenv("RANK", "1")
    with pytest.raises(UserError, match=r"process 1 of 2 does not reach localhost:1, where"), meeting.together():
        pass
