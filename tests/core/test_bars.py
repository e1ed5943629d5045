"""Progress: a line a minute where there is no terminal, and bars that are full at the end."""

import io
from typing import Any

import pytest
from rich.console import Console

from stages.core import bars
from stages.core.bars import Bars


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that the test sets."""
    now = [0.0]
    monkeypatch.setattr(bars.time, "monotonic", lambda: now[0])
    return now


def made(terminal: bool = False) -> tuple[Bars, io.StringIO]:
    file = io.StringIO()
    console = Console(file=file, force_terminal=terminal, width=60, highlight=False)
    options: dict[str, Any] = {"console": console, "disable": not terminal}
    return Bars(get_time=lambda: bars.time.monotonic(), **options), file


def test_without_a_terminal_a_line_a_minute_tells_how_far_it_is(clock: list[float]) -> None:
    bar, file = made()
    with bar:
        task = bar.add_task("clean [x]", total=4000)
        for second in range(0, 200, 20):
            clock[0] = float(second)
            bar.advance(task, 400)
    assert (
        file.getvalue()
        == "clean [x]: 1,600 of 4,000, 1 min\nclean [x]: 2,800 of 4,000, 2 min\nclean [x]: 4,000 of 4,000, 3 min\n"
    )


def test_quick_work_prints_nothing_without_a_terminal() -> None:
    bar, file = made()
    with bar:
        bar.advance(bar.add_task("fetch", total=None), 10)
    assert file.getvalue() == ""


@pytest.mark.parametrize("total", [None, 500])
def test_a_bar_whose_total_was_not_known_is_full_at_the_end(total: int | None) -> None:
    bar, file = made(terminal=True)
    with bar:
        bar.advance(bar.add_task("fetch", total=total), 10)
    assert bar.finished
    assert "100%" in file.getvalue()


def test_a_bar_that_was_broken_off_is_not_full() -> None:
    bar, _ = made(terminal=True)
    with pytest.raises(ValueError), bar:
        bar.advance(bar.add_task("fetch", total=20), 10)
        raise ValueError
    assert not bar.finished
