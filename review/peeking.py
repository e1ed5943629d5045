"""How many models have been measured on a test set: each look makes the best of them look better than it is."""

import re
import subprocess
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from review import git
from review.locks import locked

if TYPE_CHECKING:
    from pathlib import Path

    from review.sides import Side

TEST, MODEL = "data/encoded/test", "models/model"
READ = re.compile(r"^  evaluate:\n(?:    .*\n)*", re.MULTILINE)
ENTRY = re.compile(r"^    - path: (\S+)\n(?:      .*\n)*?      md5: (\S+)$", re.MULTILINE)
"""dvc.lock is written by DVC alone, always in this form: parsing hundreds of them as YAML would take minutes."""
MOST_LOCKS = 5_000


def peeking(head: "Side") -> dict[str, Any]:
    """How many different models have read the head's test set, among all commits and experiments of this repository.

    Returns:
        `models`, the head's own among them; `commits` that hold them; `complete`: false where history is cut off (a
        shallow clone); `luck`: by how many standard errors the best of so many equal models would look better than
        it is, by chance alone (the expected greatest of normal draws: G. Blom, 1958).
    """
    evaluate = locked(head).get("evaluate")
    if evaluate is None or TEST not in evaluate.deps:
        return {"models": None, "commits": None, "complete": False, "luck": None}
    wanted = evaluate.deps[TEST]
    found = {digest for digest in (evaluate.deps.get(MODEL),) if digest}
    commits = 0
    for count, text in locks(head.root):
        test, model = readers(text)
        if test == wanted and model is not None:
            found.add(model)
            commits += count
    shallow = git.ask(head.root, "rev-parse", "--is-shallow-repository") != "false"
    return {"models": len(found), "commits": commits, "complete": not shallow, "luck": round(luck(len(found)), 2)}


def sentence(found: dict[str, Any]) -> str:
    """What a reviewer should know of it."""
    if found["models"] is None:
        return "How many models have read this test set is not known: dvc.lock does not say what evaluate read."
    least = "" if found["complete"] else "at least "
    if found["models"] == 1:
        return f"This test set has been read by {least}1 model, this one."
    return (
        f"This test set has been read by {least}{found['models']} different models: the best of so many equal ones "
        f"would look better than it is by about {found['luck']:.1f} standard errors."
    )


def luck(models: int) -> float:
    """The expected greatest of so many standard normal draws."""
    from scipy.special import ndtri

    return float(ndtri((models - 0.375) / (models + 0.25))) if models > 1 else 0.0


def readers(text: str) -> tuple[str | None, str | None]:
    """The hashes of the test set and of the model that `evaluate` read, by a dvc.lock."""
    block = READ.search(text)
    deps = block[0].split("\n    outs:")[0] if block else ""
    found = dict(ENTRY.findall(deps))
    return found.get(TEST), found.get(MODEL)


def locks(root: "Path") -> Iterator[tuple[int, str]]:
    """Each different dvc.lock in the history of any branch, tag or experiment, and in how many commits it came."""
    listed = git.ask(root, "log", "--all", "--format=", "--raw", "--no-abbrev", "--no-renames", "--", "dvc.lock") or ""
    blobs: dict[str, int] = {}
    for line in listed.splitlines():
        fields = line.split()
        if len(fields) >= 5 and fields[0].startswith(":") and set(fields[3]) != {"0"}:
            blobs[fields[3]] = blobs.get(fields[3], 0) + 1
    names = list(blobs)[:MOST_LOCKS]
    if not names:
        return
    asked = "".join(f"{name}\n" for name in names).encode()
    content = subprocess.run(
        ["git", "cat-file", "--batch"], cwd=root, input=asked, capture_output=True, check=False
    ).stdout
    place = 0
    for name in names:
        end = content.index(b"\n", place)
        head = content[place:end].split()
        if len(head) != 3:  # missing, as in a partial clone
            place = end + 1
            continue
        size = int(head[2])
        yield blobs[name], content[end + 1 : end + 1 + size].decode("utf-8", "replace")
        place = end + 2 + size
