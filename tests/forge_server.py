"""A local server that answers as the REST APIs of GitHub and GitLab do, as far as reviews ask them."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import unquote

REPOSITORY = "team/models"
BOT = "github-actions[bot]"


class Server:
    """What the server holds and was asked for."""

    def __init__(self) -> None:
        self.url = ""
        self.comments: list[dict[str, Any]] = []
        self.pulls: dict[int, dict[str, Any]] = {}
        self.files: list[str] = []
        self.permissions: dict[str, str] = {}
        self.releases: list[dict[str, Any]] = []
        self.tags: list[str] = []
        self.uploads: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.sent: list[Any] = []

    def open_pull(self, number: int, sha: str, repository: str = REPOSITORY) -> None:
        """Let there be a pull request."""
        head = {"sha": sha, "ref": "topic", "repo": {"full_name": repository}}
        self.pulls[number] = {"number": number, "state": "open", "head": head, "base": {"ref": "main"}}

    def bodies(self) -> list[str]:
        """Texts of all comments."""
        return [comment["body"] for comment in self.comments]

    def answer(self, method: str, path: str, content: bytes, host: str) -> Any:
        """The answer to a request; KeyError where there is nothing of that name."""
        path, _, query = path.partition("?")
        body = json.loads(content) if content[:1] == b"{" else content
        self.sent.append(body)
        match method, path.removeprefix(f"/repos/{REPOSITORY}").removeprefix("/projects/7").strip("/").split("/"):
            case "GET", ["issues", _, "comments"] | ["merge_requests", _, "notes"]:
                return self._page(self.comments, query)
            case "POST", ["issues", _, "comments"] | ["merge_requests", _, "notes"]:
                return self.add(body["body"], BOT)
            case "PATCH" | "PUT", ["issues", "comments", number] | ["merge_requests", _, "notes", number]:
                found = next(one for one in self.comments if one["id"] == int(number))
                return found.update(body)
            case "GET", ["pulls", number]:
                return self.pulls[int(number)]
            case "GET", ["pulls", _, "files"]:
                return self._page([{"filename": name} for name in self.files], query)
            case "GET", ["collaborators", login, "permission"]:
                return {"permission": self.permissions[login]}
            case "GET", ["user"]:
                return {"id": 1}
            case "POST", ["uploads"]:
                name = re.findall(rb'filename="([^"]+)"', content)[0].decode()
                self.uploads[name] = content
                return {"markdown": f"![{name}](/uploads/{name})"}
            case "POST", ["releases"]:
                number = len(self.releases) + 1
                self.releases.append({"id": number, **body})
                return {"id": number, "upload_url": f"http://{host}/assets/{number}{{?name,label}}"}
            case "GET", ["releases"]:
                return self._page(self.releases, query)
            case "GET", ["git", "matching-refs", "tags", prefix]:
                return [{"ref": f"refs/tags/{tag}"} for tag in self.tags if tag.startswith(unquote(prefix))]
            case "PATCH", ["releases", number]:
                return self.releases[int(number) - 1].update(body)
            case "POST", ["assets", _]:
                self.uploads[query.removeprefix("name=")] = content
            case "PUT", ["store", name]:
                self.uploads[name] = content
            case ("DELETE", ["issues", _, "labels", _]) | ("POST", ["actions", "workflows", _, "dispatches"]):
                pass
            case _:
                raise KeyError(path)
        return None

    def add(self, body: str, login: str) -> dict[str, Any]:
        """Let somebody comment."""
        who = {"login": login, "id": 1 if login == BOT else 2}
        self.comments.append({"id": len(self.comments) + 1, "body": body, "user": who, "author": who, "system": False})
        return self.comments[-1]

    def _page(self, items: list[Any], query: str) -> list[Any]:
        given = dict(part.split("=") for part in query.split("&"))
        size, page = int(given["per_page"]), int(given["page"])
        return items[(page - 1) * size : page * size]


@contextmanager
def serving() -> Iterator[Server]:
    """A server that runs while the block does; its `url` is the API's."""
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            state.asked.append(f"{self.command} {self.path.partition('?')[0]}")
            try:
                answer, code = state.answer(self.command, self.path, content, self.headers["Host"]), 200
            except (KeyError, StopIteration) as error:
                answer, code = {"message": f"Not Found: {error}"}, 404
            if "Bearer" not in self.headers.get("Authorization", "") and "PRIVATE-TOKEN" not in self.headers:
                answer, code = {"message": "Requires authentication"}, 401
            text = b"" if answer is None else json.dumps(answer).encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield state
        server.shutdown()
        thread.join()
