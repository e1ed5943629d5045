"""Downloads over http(s): streamed, whole or not at all, not again while the server says nothing changed."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from stages.core import report, tables
from stages.core.errors import UserError

FOLDER = Path(".groundwork/downloads")
TIMEOUT_S = 60.0
CHUNK_BYTES = 2**20
AGAIN = "check the address and the network, and run `dvc repro` again"


@dataclass(frozen=True)
class Download:
    """A downloaded file, its size and its SHA-256."""

    path: Path
    bytes: int
    sha256: str


def file_name(url: str) -> str:
    """The last part of a URL's path."""
    return unquote(urlsplit(url).path).rstrip("/").rpartition("/")[2] or urlsplit(url).netloc


def download(url: str) -> Download:
    """Fetch `url` into `.groundwork/downloads`, or take the copy there if the server confirms it.

    Raises:
        UserError: not found, refused, timed out or cut off.
    """
    import httpx

    stem = f"{hashlib.sha256(url.encode()).hexdigest()[:16]}-{file_name(url)[-80:].replace('/', '_')}"
    target, record = FOLDER / stem, FOLDER / f"{stem}.json"
    known = _known(target, record)
    headers = {"Accept-Encoding": "identity", **_conditions(known)}
    try:
        with httpx.stream("GET", url, headers=headers, timeout=TIMEOUT_S, follow_redirects=True) as response:
            if response.status_code == httpx.codes.NOT_MODIFIED and known:
                return Download(target, known["bytes"], known["sha256"])
            if response.status_code != httpx.codes.OK:
                raise UserError(f"{url}: HTTP {response.status_code} {response.reason_phrase}", AGAIN)
            record.unlink(missing_ok=True)
            found = _receive(response, target)
            marks = {name: response.headers[name] for name in ("etag", "last-modified") if name in response.headers}
    except httpx.TimeoutException:
        raise UserError(f"{url}: no answer within {TIMEOUT_S:g} s", AGAIN) from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise UserError(f"{url}: {error or type(error).__name__}", AGAIN) from None
    tables.write_json(record, {"bytes": found.bytes, "sha256": found.sha256, **marks})
    return found


def _known(target: Path, record: Path) -> dict[str, Any]:
    try:
        known: dict[str, Any] = json.loads(record.read_text())
        return known if target.stat().st_size == known["bytes"] else {}
    except (OSError, ValueError, KeyError):
        return {}


def _conditions(known: dict[str, Any]) -> dict[str, str]:
    headers = {"etag": "If-None-Match", "last-modified": "If-Modified-Since"}
    return {header: known[name] for name, header in headers.items() if name in known}


def _receive(response: Any, target: Path) -> Download:
    partial = target.with_name(target.name + ".partial")
    target.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    expected = response.headers.get("content-length")
    try:
        with partial.open("wb") as file:
            chunks = response.iter_raw(CHUNK_BYTES)
            for chunk in report.track(chunks, file_name(str(response.url)), int(expected) if expected else None):
                file.write(chunk)
                digest.update(chunk)
                size += len(chunk)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return Download(target, size, digest.hexdigest())
