"""GitHub and GitLab through their REST APIs: the comment of a review, written once and then kept up to date.

The standard library alone: jobs that hold a token install nothing.
"""

import json
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote

from stages.core.errors import UserError

MARKER = "<!-- groundwork-review -->"
"""The first line of a review in Markdown; by it a comment is found again."""
TIMEOUT_S = 30
PAGE = 100


@dataclass(frozen=True)
class Api:
    """A REST API that speaks JSON: where it is, and what each request says of itself."""

    url: str
    headers: Mapping[str, str]

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The answer to a request; None where it is empty.

        Raises:
            UserError: the server refuses, or is not there.
        """
        if isinstance(body, bytes):
            return self.send(method, path, body, "application/octet-stream")
        return self.send(method, path, None if body is None else json.dumps(body).encode(), "application/json")

    def send(self, method: str, path: str, content: bytes | None, kind: str) -> Any:
        """As `call`, of bytes of a stated kind; `path` is one of the API's, or a whole URL."""
        url = path if path.startswith(("http://", "https://")) else f"{self.url}{path}"
        headers = {
            "Accept": "application/json",
            "Content-Type": kind,
            "User-Agent": "groundwork-review",
            **self.headers,
        }
        request = urllib.request.Request(url, content, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            said = error.read(500).decode("utf-8", "replace")
            raise UserError(f"{method} {url}: {error.code} {error.reason}: {said}", _hint(error.code)) from None
        except OSError as error:
            raise UserError(f"{method} {url}: {error}", "is the address right, and the network there?") from None
        return json.loads(text) if text.strip() else None

    def pages(self, path: str) -> Iterator[Any]:
        """Every item of a list that comes in pages."""
        number = 1
        while True:
            items = self.call("GET", f"{path}?per_page={PAGE}&page={number}")
            yield from items
            if len(items) < PAGE:
                return
            number += 1


def _hint(code: int) -> str:
    return "the token may not do this: docs/pull-requests.md says what it needs" if code in (401, 403, 404) else ""


@dataclass(frozen=True)
class Comment:
    """A comment as it stands."""

    id: int
    body: str
    mine: bool
    """Whether the token's own account wrote it: others may quote the marker, and are not overwritten."""


class Forge(Protocol):
    """The comments of one pull request."""

    def comments(self) -> Iterator[Comment]:
        """All comments, oldest first."""

    def create(self, body: str) -> None:
        """Write a new comment."""

    def update(self, number: int, body: str) -> None:
        """Replace the text of a comment."""


@dataclass(frozen=True)
class GitHub:
    """A pull request at GitHub. `author` is the login that the token writes under."""

    api: Api
    repository: str
    number: int
    author: str = "github-actions[bot]"

    def comments(self) -> Iterator[Comment]:
        """All comments, oldest first."""
        for item in self.api.pages(f"/repos/{self.repository}/issues/{self.number}/comments"):
            yield Comment(item["id"], item["body"] or "", (item["user"] or {}).get("login") == self.author)

    def create(self, body: str) -> None:
        """Write a new comment."""
        self.api.call("POST", f"/repos/{self.repository}/issues/{self.number}/comments", {"body": body})

    def update(self, number: int, body: str) -> None:
        """Replace the text of a comment."""
        self.api.call("PATCH", f"/repos/{self.repository}/issues/comments/{number}", {"body": body})

    def pull_request(self) -> dict[str, Any]:
        """What GitHub knows of the pull request."""
        found: dict[str, Any] = self.api.call("GET", f"/repos/{self.repository}/pulls/{self.number}")
        return found

    def files(self) -> list[str]:
        """Paths that the pull request changes (of the first 3,000)."""
        return [item["filename"] for item in self.api.pages(f"/repos/{self.repository}/pulls/{self.number}/files")]

    def permission(self, login: str) -> str:
        """What a person may do in the repository: admin, write, read or none."""
        path = f"/repos/{self.repository}/collaborators/{quote(login, safe='')}/permission"
        return str(self.api.call("GET", path)["permission"])


@dataclass(frozen=True)
class GitLab:
    """A merge request at GitLab. `project` is the project's number."""

    api: Api
    project: str
    number: int

    @property
    def _notes(self) -> str:
        return f"/projects/{quote(self.project, safe='')}/merge_requests/{self.number}/notes"

    def comments(self) -> Iterator[Comment]:
        """All notes that people and tokens wrote."""
        me = self.api.call("GET", "/user")["id"]
        for item in self.api.pages(self._notes):
            if not item["system"]:
                yield Comment(item["id"], item["body"], item["author"]["id"] == me)

    def create(self, body: str) -> None:
        """Write a new note."""
        self.api.call("POST", self._notes, {"body": body})

    def update(self, number: int, body: str) -> None:
        """Replace the text of a note."""
        self.api.call("PUT", f"{self._notes}/{number}", {"body": body})

    def upload(self, name: str, content: bytes) -> str:
        """Store a picture in the project; what a note says to show it."""
        line = "groundwork-review-picture"
        head = f'--{line}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        form = f"{head}Content-Type: image/png\r\n\r\n".encode() + content + f"\r\n--{line}--\r\n".encode()
        path = f"/projects/{quote(self.project, safe='')}/uploads"
        return str(self.api.send("POST", path, form, f"multipart/form-data; boundary={line}")["markdown"])


def put(forge: Forge, body: str) -> str:
    """Create the one comment that begins with `MARKER`, or bring it up to date: created, updated or unchanged."""
    for comment in forge.comments():
        if comment.mine and comment.body.startswith(MARKER):
            if comment.body == body:
                return "unchanged"
            forge.update(comment.id, body)
            return "updated"
    forge.create(body)
    return "created"


def quiet(text: str) -> str:
    """The text without mentions: `@someone` in a sample notifies nobody."""
    return re.sub(r"@(?=[\w-])", "@\N{WORD JOINER}", text)


def told(act: Callable[[], str], where: str) -> int:
    """Do something, print what was done or what is wrong, and give the exit code; `where` it is meant to run."""
    try:
        print(act())
    except KeyError as error:
        print(f"{error} is not set: this runs in {where}", file=sys.stderr)
        return 1
    except UserError as error:
        print(f"{error}\nNext: {error.hint}", file=sys.stderr)
        return 1
    return 0
