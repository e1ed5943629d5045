"""How many models have been measured on a test set: each look makes the best of them look better than it is."""

import re
from typing import TYPE_CHECKING, Any

from review import git
from review.locks import locked

if TYPE_CHECKING:
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
    for count, content in git.versions(head.root, "dvc.lock", most=MOST_LOCKS):
        test, model = readers(content.decode("utf-8", "replace"))
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
