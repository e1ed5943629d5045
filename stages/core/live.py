"""How a running search hears of a training: rows appended to the file that GROUNDWORK_LIVE names.

The file is no output and no dependency: without the variable nothing is written, with it the outputs are the same.
"""

import json
import os
from pathlib import Path

from stages.core import report

VARIABLE = "GROUNDWORK_LIVE"


def tell(**row: object) -> None:
    """Append a row, where somebody listens; a file that cannot be written is told, and training goes on."""
    named = os.environ.get(VARIABLE)
    if not named:
        return
    try:
        with Path(named).open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
    except OSError as error:
        report.note(f"{VARIABLE}: {error}")
