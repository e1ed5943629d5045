"""Cautions: the run goes on, but may not give what was wanted. Told in the terminal, and kept with the metrics."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from rich.markup import escape

from stages.core import report

KEY = "warnings"


class Caution(NamedTuple):
    """What to look at: a reason code, and a sentence that says what was seen and what to do."""

    code: str
    sentence: str


def tell(cautions: Iterable[Caution]) -> None:
    """A line each, which stands out."""
    for caution in cautions:
        report.console.print(f"[bold yellow]warning:[/] {escape(caution.sentence)}", soft_wrap=True)


def as_metrics(cautions: Sequence[Caution]) -> dict[str, Any]:
    """The part of a stage's metrics that holds them, nothing where there are none.

    It is a list, which `dvc metrics` leaves out of its tables.
    """
    return {KEY: [caution._asdict() for caution in cautions]} if cautions else {}


def sentences(metrics: Mapping[str, Any]) -> list[str]:
    """Those that a stage's metrics hold."""
    return [caution["sentence"] for caution in metrics.get(KEY, ())]
