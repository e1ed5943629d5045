"""Downloads from a local server: whole, verified, not repeated, and clear when they fail."""

import hashlib
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from stages.core.errors import UserError
from stages.sources import downloads
from stages.sources.downloads import AGAIN, download, file_name

BODY = b"text,n\nhello,1\nbye,2\n"


class Handler(BaseHTTPRequestHandler):
    """A file with an ETag, and the ways in which a server can fail."""

    def do_GET(self) -> None:
        sent.append((self.path, self.headers["If-None-Match"]))
        if self.path == "/missing.csv":
            return self.answer(404)
        if self.path == "/moved.csv":
            return self.answer(302, Location="/a.csv")
        if self.path == "/slow.csv":
            time.sleep(1)
        if self.headers["If-None-Match"] == '"1"':
            return self.answer(304)
        length = len(BODY) + (100 if self.path == "/cut.csv" else 0)
        self.answer(200, ETag='"1"', **{"Content-Length": str(length)})
        self.wfile.write(BODY)
        return None

    def answer(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


sent: list[tuple[str, str | None]] = []


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    sent.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def left_behind() -> list[str]:
    return sorted(path.name for path in Path(".groundwork/downloads").glob("*"))


def test_a_download_is_whole_and_its_digest_is_that_of_the_file(server):
    got = download(f"{server}/a.csv")
    assert got.path.read_bytes() == BODY
    assert (got.bytes, got.sha256) == (len(BODY), hashlib.sha256(BODY).hexdigest())


def test_a_redirect_is_followed(server):
    assert download(f"{server}/moved.csv").path.read_bytes() == BODY


def test_an_unchanged_file_is_not_sent_again(server):
    assert download(f"{server}/a.csv") == download(f"{server}/a.csv")
    assert sent == [("/a.csv", None), ("/a.csv", '"1"')]


def test_a_damaged_copy_is_fetched_again(server):
    download(f"{server}/a.csv").path.write_bytes(b"short")
    assert download(f"{server}/a.csv").path.read_bytes() == BODY


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("missing.csv", "HTTP 404 Not Found"),
        ("slow.csv", "no answer within 0.2 s"),
        (
            "cut.csv",
            "peer closed connection without sending complete message body (received 21 bytes, expected 121)",
        ),
    ],
)
def test_a_failed_download_says_why_and_leaves_nothing(server, monkeypatch, name, what):
    monkeypatch.setattr(downloads, "TIMEOUT_S", 0.2)
    with pytest.raises(UserError) as caught:
        download(f"{server}/{name}")
    assert (str(caught.value), caught.value.hint) == (f"{server}/{name}: {what}", AGAIN)
    assert left_behind() == []


def test_a_server_that_is_not_there_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with pytest.raises(UserError, match="Connection refused"):
        download("http://127.0.0.1:9/a.csv")


def test_a_url_stands_among_the_files(server, read):
    samples = read(".", files={"train": f"{server}/a.csv"})
    assert samples["text"].to_pylist() == ["hello", "bye"]
    assert samples["source"].to_pylist() == ["a.csv", "a.csv"]


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://example.org/data/a%20b.csv?download=1", "a b.csv"),
        ("https://example.org/", "example.org"),
    ],
)
def test_a_download_is_called_by_the_last_part_of_its_path(url, name):
    assert file_name(url) == name
