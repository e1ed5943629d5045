"""`python -m review.permit`: may a pull request be trained on the project's own GPU runner, now that it has the label?

Only the label `run-on-gpu`, only branches of the repository itself, never a fork's, only when somebody with write
access set the label: people who triage may set labels, too. What is trained is the commit that was labelled.
With `--done` the label is taken off, so that newer commits need it anew, and the review is started: pushes with a
workflow's own token start nothing by themselves.
"""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from review.forge import Api, GitHub
from stages.core.errors import UserError

LABEL = "run-on-gpu"
ALLOWED = ("admin", "write")
REVIEW = "review.yml"


def refusal(event: Mapping[str, Any], forge: GitHub) -> str:
    """Why an event does not allow a training; empty where it does."""
    if event.get("action") != "labeled" or event["label"]["name"] != LABEL:
        return f"the event is not the setting of the label {LABEL}"
    pull_request = event["pull_request"]
    if pull_request["state"] != "open":
        return "the pull request is not open"
    if (pull_request["head"].get("repo") or {}).get("full_name") != forge.repository:
        return "the branch is not one of this repository: code of forks does not run on its runners"
    who = event["sender"]["login"]
    may = forge.permission(who)
    return "" if may in ALLOWED else f"{who} may {may}, and write access is needed to start a training"


def done(event: Mapping[str, Any], forge: GitHub) -> None:
    """Take the label off and start the review of the branch."""
    pull_request = event["pull_request"]
    label = f"/repos/{forge.repository}/issues/{forge.number}/labels/{quote(LABEL)}"
    forge.api.call("DELETE", label)
    inputs = {"pull_request": str(forge.number), "base": pull_request["base"]["ref"]}
    dispatch = f"/repos/{forge.repository}/actions/workflows/{REVIEW}/dispatches"
    forge.api.call("POST", dispatch, {"ref": pull_request["head"]["ref"], "inputs": inputs})


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the commit and the branch to train for the steps that follow, or say why not."""
    parser = argparse.ArgumentParser(prog="python -m review.permit", description=__doc__)
    parser.add_argument("--done", action="store_true", help="after the training: label off, review started")
    given = parser.parse_args(arguments)
    event = json.loads(Path(os.environ["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8"))
    api = Api(os.environ["GITHUB_API_URL"], {"Authorization": f"Bearer {os.environ['GITHUB_TOKEN']}"})
    forge = GitHub(api, os.environ["GITHUB_REPOSITORY"], int(event["pull_request"]["number"]))
    try:
        if given.done:
            done(event, forge)
            return 0
        why = refusal(event, forge)
    except UserError as error:
        print(f"{error}\nNext: {error.hint}", file=sys.stderr)
        return 1
    if why:
        print(f"not trained: {why}", file=sys.stderr)
        return 1
    head = event["pull_request"]["head"]
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as file:
        file.write(f"sha={head['sha']}\nbranch={head['ref']}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
