"""Who may have what trained on the project's own runner."""

import json
from pathlib import Path
from typing import Any

import pytest

from review import permit
from tests.forge_server import REPOSITORY, Server


def event(**changes: Any) -> dict[str, Any]:
    """A person with write access sets the label on a branch of the repository."""
    head = {"sha": "a" * 40, "ref": "try/lr", "repo": {"full_name": changes.pop("repository", REPOSITORY)}}
    pull_request = {"number": 12, "state": changes.pop("state", "open"), "head": head, "base": {"ref": "main"}}
    label = {"name": changes.pop("label", "run-on-gpu")}
    sender = {"login": changes.pop("who", "maintainer")}
    return {"action": "labeled", "label": label, "pull_request": pull_request, "sender": sender} | changes


@pytest.fixture
def run(forge: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run the check on an event; its exit code and outputs."""
    forge.permissions = {"maintainer": "admin", "member": "write", "triager": "read", "dependabot[bot]": "write"}
    for name, value in {
        "GITHUB_EVENT_PATH": tmp_path / "event.json",
        "GITHUB_OUTPUT": tmp_path / "output",
        "GITHUB_API_URL": forge.url,
        "GITHUB_TOKEN": "t",
        "GITHUB_REPOSITORY": REPOSITORY,
    }.items():
        monkeypatch.setenv(name, str(value))

    def run(given: dict[str, Any], *arguments: str) -> tuple[int, str]:
        (tmp_path / "event.json").write_text(json.dumps(given))
        (tmp_path / "output").write_text("")
        return permit.main(arguments), (tmp_path / "output").read_text()

    return run


@pytest.mark.parametrize("who", ["maintainer", "member"])
def test_the_labelled_commit_of_a_branch_is_given_on(run: Any, who: str) -> None:
    assert run(event(who=who)) == (0, f"sha={'a' * 40}\nbranch=try/lr\n")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"repository": "stranger/models"}, "code of forks does not run on its runners"),
        ({"who": "triager"}, "triager may read, and write access is needed"),
        ({"label": "bug"}, "not the setting of the label run-on-gpu"),
        ({"action": "synchronize"}, "not the setting of the label run-on-gpu"),
        ({"state": "closed"}, "the pull request is not open"),
    ],
)
def test_all_else_is_refused(run: Any, changes: dict[str, Any], why: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(event(**changes)) == (1, "")
    assert why in capsys.readouterr().err


def test_a_fork_that_was_deleted_is_refused(run: Any) -> None:
    given = event()
    given["pull_request"]["head"]["repo"] = None
    assert run(given) == (1, "")


def test_a_person_unknown_to_the_repository_is_refused(run: Any) -> None:
    assert run(event(who="nobody")) == (1, "")


def test_afterwards_the_label_is_off_and_the_review_is_started(run: Any, forge: Server) -> None:
    assert run(event(), "--done")[0] == 0
    assert forge.asked == [
        f"DELETE /repos/{REPOSITORY}/issues/12/labels/run-on-gpu",
        f"POST /repos/{REPOSITORY}/actions/workflows/review.yml/dispatches",
    ]
    assert forge.sent[-1] == {"ref": "try/lr", "inputs": {"pull_request": "12", "base": "main"}}
