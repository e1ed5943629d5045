"""`python -m review.comment FOLDER`: put the review in a folder under its pull request, as one comment.

The folder comes from the job that reviewed, which ran the pull request's own code, perhaps a fork's: nothing in it is
run, links in it are not followed, and which pull request it belongs to is asked of GitHub, not believed.
In GitHub Actions this runs in a job of the default branch's workflow; in GitLab, where REVIEW_TOKEN is given.
"""

import argparse
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from review import pictures
from review.forge import MARKER, Api, GitHub, GitLab, put, quiet, told
from stages.core.errors import UserError

MAX_CHARACTERS = 65_536
"""GitHub's limit of a comment."""
REVIEWER = ("review/", ".ci/", ".github/", ".gitlab-ci.yml", "pyproject.toml")
"""Paths that a review is made by."""
NUMBER = re.compile(r"[1-9][0-9]{0,9}")


def on_github(folder: Path, given: Mapping[str, str], root: Path = Path()) -> str:
    """Comment on the pull request whose head the reviewing run was of; what was done.

    Raises:
        UserError: a folder that holds no review, or a refusal by GitHub.
    """
    number = _text(folder / "number").strip()
    if not NUMBER.fullmatch(number):
        raise UserError(f"number: {number[:20]!r} is not that of a pull request", "review.yml writes it")
    api = Api(given["GITHUB_API_URL"], {"Authorization": f"Bearer {given['GITHUB_TOKEN']}"})
    forge = GitHub(api, given["GITHUB_REPOSITORY"], int(number))
    why = _stranger(forge.pull_request(), given)
    if why:
        return f"nothing posted: pull request {number} {why}"
    body = _body(folder)
    changed = [path for path in forge.files() if path.startswith(REVIEWER)]
    if changed:
        body = _warned(body, changed)
    site = f"{given['GITHUB_SERVER_URL']}/{forge.repository}"
    lines = [f"[The whole review as a web page: artifact of this run]({given['RUN_URL']})"]
    return put(forge, _with_pictures(body, lines, lambda: _on_a_branch(folder, forge.number, root, site)))


def _stranger(found: Mapping[str, object], given: Mapping[str, str]) -> str:
    """Why a pull request is not the one that the run reviewed; empty where it is."""
    head = found["head"]
    assert isinstance(head, dict)
    if found["state"] != "open":
        return "is not open"
    if (head.get("repo") or {}).get("full_name") != given["RUN_REPOSITORY"]:
        return "comes from another repository than the run"
    return "" if head["sha"] == given["RUN_SHA"] else "has another head than the run: newer commits are reviewed anew"


def on_gitlab(folder: Path, given: Mapping[str, str]) -> str:
    """Comment on the merge request of the pipeline; what was done."""
    api = Api(given["CI_API_V4_URL"], {"PRIVATE-TOKEN": given["REVIEW_TOKEN"]})
    forge = GitLab(api, given["CI_PROJECT_ID"], int(given["CI_MERGE_REQUEST_IID"]))
    lines = [f"[The whole review as a web page: artifacts of this pipeline]({given['CI_PIPELINE_URL']})"]

    def uploaded() -> list[str]:
        return [forge.upload(name, content) for name, content in pictures.read(folder / "plots").items()]

    return put(forge, _with_pictures(_body(folder), lines, uploaded))


def _text(path: Path) -> str:
    if path.is_symlink() or not path.is_file():
        raise UserError(f"{path.name}: no such plain file among what the reviewing job left", "see that job's log")
    with path.open(encoding="utf-8", errors="replace") as file:
        return file.read(MAX_CHARACTERS + 1)


def _body(folder: Path) -> str:
    text = _text(folder / "review.md")
    if not text.startswith(f"{MARKER}\n"):
        raise UserError(f"review.md does not begin with {MARKER}", "python -m review --markdown writes it so")
    return quiet(text).rstrip()


def _warned(body: str, changed: Sequence[str]) -> str:
    named = ", ".join(f"`{re.sub('[^ -_a-z{-~]', '?', path)}`" for path in changed[:5])
    more = f" and {len(changed) - 5} more" if len(changed) > 5 else ""
    warning = f"> **This pull request changes what reviews it:** {named}{more}. Read those changes before this review."
    return body.replace("\n", f"\n\n{warning}\n\n", 1)


def _on_a_branch(folder: Path, number: int, root: Path, site: str) -> list[str]:
    found = pictures.read(folder / "plots")
    paths = pictures.publish(found, number, root) if found else {}
    return [f"![{name.removesuffix('.png')}]({site}/raw/{pictures.BRANCH}/{path})" for name, path in paths.items()]


def _with_pictures(body: str, lines: Sequence[str], publish: Callable[[], list[str]]) -> str:
    """The text with the pictures below it, as far as they can be published and there is room."""
    try:
        shown = publish()
    except UserError as error:
        print(f"without pictures: {error}", file=sys.stderr)
        shown = []
    below = ["<details open><summary>Plots</summary>", "", *shown, "", "</details>", ""] if shown else []
    for ending in ([*below, *lines], lines):
        if len(full := "\n".join([body, "", *ending, ""])) <= MAX_CHARACTERS:
            return full
    ending = ["", "", "Cut here, for want of room: the rest is in the web page.", "", *lines, ""]
    end = "\n".join(ending)
    return body[: MAX_CHARACTERS - len(end)].rpartition("\n\n")[0] + end


def main(arguments: Sequence[str] | None = None) -> int:
    """Comment where this runs: in GitHub Actions or in GitLab CI."""
    parser = argparse.ArgumentParser(prog="python -m review.comment", description=__doc__)
    parser.add_argument("folder", type=Path, help="what `.ci/review` left: review.md, plots/, and the number")
    given = parser.parse_args(arguments)
    host = on_gitlab if os.environ.get("GITLAB_CI") else on_github
    where = ".github/workflows/comment.yml or .gitlab-ci.yml"
    return told(lambda: f"comment: {host(given.folder, os.environ)}", where)


if __name__ == "__main__":
    sys.exit(main())
