"""What a user sees, and how a stage ends."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from stages.core import report, tables
from stages.core.errors import UserError
from tests.workplace import ROOT


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def stopped(capsys: pytest.CaptureFixture[str], error: BaseException) -> tuple[int, str]:
    def main() -> None:
        raise error

    with pytest.raises(SystemExit) as ended:
        report.run("clean", main)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert isinstance(ended.value.code, int)
    return ended.value.code, shown.err


def test_a_column_of_numbers_stands_to_the_right_though_some_are_absent(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report.console, "width", 80)
    header, rows = ["name", "of\ntwo lines"], [["one", 0.25], ["[b]two[/b]", report.ABSENT]]
    report.table("", header, rows)
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert [line for line in lines if line] == [
        "                     of",
        " name         two lines",
        " ──────────────────────",
        " one             0.2500",
        " [b]two[/b]           –",
    ]
    assert report.table_width(header, rows) == 24


def test_a_table_that_need_not_fit_is_as_wide_as_it_needs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report.console, "width", 80)
    report.table("", ["value"], [["x" * 200]], fit=False)
    assert "x" * 200 in capsys.readouterr().out
    report.table("", ["value"], [["x" * 200]])
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


def test_a_stage_that_ends_well_leaves_its_time_and_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "figures", {})
    report.run("clean", lambda: None)
    found = tables.read_json(".groundwork/runtime/clean.json")
    assert list(found) == ["seconds", "peak_memory_mib"]
    assert found["seconds"] < 1 < found["peak_memory_mib"]


def test_the_figures_are_kept_for_each_result(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "figures", {})

    def train(loss: float) -> None:
        tables.write_json("metrics/finetune.json", {"loss": loss})
        report.figures["training_seconds"] = loss

    for loss in (1.0, 2.0, 1.0):
        report.run("finetune", lambda loss=loss: train(loss))
    kept = sorted(Path(".groundwork/runtime/runs").iterdir())
    named = [report.result_digest(b'{\n  "loss": %s\n}\n' % loss) for loss in (b"1.0", b"2.0")]
    assert [path.name for path in kept] == sorted(f"finetune-{name}.json" for name in named)
    found = tables.read_json(f".groundwork/runtime/runs/finetune-{named[1]}.json")
    assert found["training_seconds"] == 2.0


def test_a_training_commits_what_it_took_and_a_repetition_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def train(loss: float, seconds: float, **more: bool) -> dict[str, object]:
        monkeypatch.setattr(report, "figures", {"training_seconds": seconds, **more})
        report.run("finetune", lambda: tables.write_json("metrics/finetune.json", {"loss": loss}))
        return tables.read_json(report.COST)

    first = train(1.0, 4.0, went_on=True)
    assert first["result"] == report.result_digest(Path("metrics/finetune.json").read_bytes())
    assert train(1.0, 5.0, went_on=True) == first
    assert train(1.0, 6.0)["training_seconds"] == 6.0, "of a whole training"
    assert train(1.0, 7.0)["training_seconds"] == 6.0, "the same result again"
    assert train(2.0, 8.0)["training_seconds"] == 8.0
    report.run("clean", lambda: tables.write_json("metrics/clean.json", {"rows": 1}))
    assert tables.read_json(report.COST)["training_seconds"] == 8.0


def test_the_figures_of_an_experiment_outlive_its_copy_of_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".git").mkdir()
    copy = Path(".dvc/tmp/exps/tmp12345").absolute()
    copy.mkdir(parents=True)
    monkeypatch.chdir(copy)
    report.run("clean", lambda: tables.write_json("metrics/clean.json", {"rows": 1}))
    assert not list(copy.glob(".groundwork/runtime/runs/*"))
    assert len(list(copy.parents[3].glob(".groundwork/runtime/runs/clean-*.json"))) == 1


def test_a_users_mistake_ends_in_its_message_and_the_next_step(capsys: pytest.CaptureFixture[str]) -> None:
    code, shown = stopped(capsys, UserError("x: 'red [b]' is no number", "set x: 1"))
    assert (code, shown) == (1, "clean stopped: x: 'red [b]' is no number\nNext: set x: 1\n")
    assert not Path(".groundwork").exists()


def test_a_mistake_without_a_hint_has_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert stopped(capsys, UserError("no")) == (1, "clean stopped: no\n")


def test_an_interruption_ends_without_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    told = "clean interrupted\nNext: the same command goes on; a training from its last checkpoint\n"
    assert stopped(capsys, KeyboardInterrupt()) == (130, told)


def test_a_full_disk_is_told_with_what_may_be_dropped(capsys: pytest.CaptureFixture[str]) -> None:
    code, shown = stopped(capsys, OSError(errno.ENOSPC, "No space left on device"))
    assert code == 1 and "the disk is full: [Errno 28] No space left on device" in shown
    assert "dvc gc --workspace --all-commits --all-experiments" in shown


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--help"], 0, "clean: fetched and verdicts -> kept samples and dropped samples"),
        (["x"], 2, "python -m stages.clean: error: unrecognized arguments: x"),
    ],
)
def test_a_stage_tells_what_it_does_and_takes_no_arguments(arguments: list[str], code: int, words: str) -> None:
    command = [sys.executable, "-m", "stages.clean", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert words.lower() in f"{done.stdout}{done.stderr}".lower()
    assert list(Path().iterdir()) == [], "nothing was run"


@pytest.mark.parametrize(("line", "code"), [("report.note(str(number))", "1"), ("print(number)", "141")])
def test_output_that_nobody_reads_any_more_ends_quietly(line: str, code: str) -> None:
    """rich ends with 1 by itself; what is printed without it as a shell calls a program that SIGPIPE has ended."""
    program = f"from stages.core import report\nwith report.ending('x'):\n  for number in range(100_000): {line}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PROGRAM": program}
    shell = f'{sys.executable} -c "$PROGRAM" | head -1; echo ${{PIPESTATUS[0]}}'
    done = subprocess.run(["bash", "-c", shell], env=environment, capture_output=True, text=True, check=True)
    assert (done.stdout.split(), done.stderr) == (["0", code], "")


def test_a_package_that_does_not_load_is_told_with_the_system_library(capsys: pytest.CaptureFixture[str]) -> None:
    code, shown = stopped(capsys, ImportError("libGL.so.1: cannot open shared object file"))
    assert code == 1
    assert "clean stopped: a package does not load: libGL.so.1: cannot open shared object file" in shown
    assert "apt install libgl1" in shown


def test_a_mistake_in_the_code_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        report.run("clean", lambda: print(1 // 0))


def test_a_table_shows_markup_as_it_is_and_rounds_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    report.table("of [b]things[/b]", ["name", "n", "share"], [("[red]x", 1, 0.123456), ("y", 20, 1.0)])
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line.strip(" ─")]
    assert lines == [
        ["of", "[b]things[/b]"],
        ["name", "n", "share"],
        ["[red]x", "1", "0.1235"],
        ["y", "20", "1.0000"],
    ]


def test_a_table_without_rows_and_a_note(capsys: pytest.CaptureFixture[str]) -> None:
    report.table("none", ["name"], [])
    report.note("[/] done")
    assert [line.strip() for line in capsys.readouterr().out.splitlines() if line.strip(" ─")] == [
        "none",
        "name",
        "[/] done",
    ]


def test_tracking_passes_the_tables_through_and_draws_nothing_into_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    parts = [pa.table({"a": [1, 2]}), pa.table({"a": [3]})]
    assert list(report.track(parts, "read", 3)) == parts
    assert capsys.readouterr().out.strip() == ""
