"""params.yaml written anew, without losing what stood there."""

import hashlib
import shutil
from pathlib import Path

from review import git
from review.params import check_content
from stages.core import report, tables
from stages.core.params import PATH, parse_text

KEPT = Path(".groundwork")
"""The folder for a params.yaml that Git does not have."""


def replace_params(text: str) -> None:
    """Write params.yaml, once it is known to be right, and keep the old one where Git has no copy of it.

    Raises:
        UserError: the text is no params.yaml that the stages take; nothing is written.
    """
    check_content(parse_text(text))
    if PATH.exists() and PATH.read_bytes() != text.encode() and not _is_committed():
        kept = KEPT / f"params-{hashlib.sha256(PATH.read_bytes()).hexdigest()[:8]}.yaml"
        kept.parent.mkdir(exist_ok=True)
        shutil.copy(PATH, kept)
        report.note(f"the {PATH} that stood here is not in Git: it is kept as {kept}")
    with tables.new_file(PATH) as partial:
        partial.write_text(text, encoding="utf-8")


def _is_committed() -> bool:
    return git.ask(Path.cwd(), "diff", "--quiet", "HEAD", "--", str(PATH)) is not None
