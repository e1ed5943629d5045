"""`python -m review.release TAG`: what happens at GitHub when a tag of the registry is pushed.

`classifier@v1.2.0`: the model comes from the DVC remote and becomes a release with the packed folder as its asset.
`classifier#prod#3`: that version's release becomes the latest one (in `staging`: a pre-release), and where DEPLOY_URL
is given, the packed folder is also sent there: PUT DEPLOY_URL/classifier-v1.2.0.tar.gz, with DEPLOY_TOKEN as bearer.
A stage's older tag never overtakes a newer one: where `classifier#prod#4` is there, the third does nothing.
"""

import argparse
import gzip
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from review.forge import Api, told
from review.register import STAGES, VERSION, in_stage, stage_tags, version_at
from stages.core.errors import UserError

TAG = re.compile(rf"(?P<name>[\w/-]+)(@(?P<version>{VERSION.pattern})|#(?P<stage>{'|'.join(STAGES)})#\d+)")
UPLOAD_TIMEOUT_S = 3600
RELEASE_WAIT_S = 1800
POLL_S = 10


def deploy(tag: str, root: Path, given: Mapping[str, str], wait_s: float = RELEASE_WAIT_S) -> str:
    """Release or promote what a tag names; what was done.

    Runs of several tags go side by side: a stage waits for the release of its version, for `wait_s` seconds at most,
    and does nothing where a newer tag of the stage is there already.

    Raises:
        UserError: a tag of another form, a model that cannot be fetched, or a refusal by a server.
    """
    found = TAG.fullmatch(tag)
    if not found:
        raise UserError(f"{tag}: not a tag of the registry", "make register, make promote")
    name, version, stage = found["name"], found["version"], found["stage"]
    api = Api(given["GITHUB_API_URL"], {"Authorization": f"Bearer {given['GITHUB_TOKEN']}"})
    repository = f"/repos/{given['GITHUB_REPOSITORY']}"
    if version:
        return _release(api, f"{repository}/releases", name, version, root)
    version = version_at(root, name, tag)
    if version is None:
        raise UserError(f"{tag}: no version of {name} is registered at its commit", "git fetch --tags")
    release = _wait_for_release(api, f"{repository}/releases", f"{name}@{version}", wait_s)
    if newer := find_newer_tag(api, repository, root, tag):
        return f"nothing done for {tag}: {newer} is newer"
    in_prod = stage == "prod" or in_stage(root, name, "prod") == version
    state = {"prerelease": not in_prod, "make_latest": "true" if in_prod else "false"}
    api.call("PATCH", f"{repository}/releases/{release['id']}", state)
    done = f"{name} {version} is in {stage}"
    if not given.get("DEPLOY_URL"):
        return done
    with tempfile.TemporaryDirectory() as folder:
        packed = fetch(root, name, version, Path(folder))
        if newer := find_newer_tag(api, repository, root, tag):  # fetching takes its time
            return f"{done}, and not sent: {newer} is newer"
        url = f"{given['DEPLOY_URL'].rstrip('/')}/{quote(packed.name)}"
        _send("PUT", url, packed, given.get("DEPLOY_TOKEN", ""))
    return f"{done}, sent to {url}"


def find_newer_tag(api: Api, repository: str, root: Path, tag: str) -> str | None:
    """Find the newest tag of the same model and stage, among those that were fetched and those pushed since.

    Returns:
        None where `tag` itself is the newest.
    """
    prefix, _, number = tag.rpartition("#")
    pushed = api.call("GET", f"{repository}/git/matching-refs/tags/{quote(f'{prefix}#', safe='')}")
    names = [*stage_tags(root, prefix), *(ref["ref"].removeprefix("refs/tags/") for ref in pushed)]
    numbers = [int(other.rpartition("#")[2]) for other in names if other.rpartition("#")[2].isdecimal()]
    newest = max(numbers, default=0)
    return f"{prefix}#{newest}" if newest > int(number) else None


def _wait_for_release(api: Api, releases: str, tag: str, wait_s: float) -> Any:
    """Wait until the run of the version's tag, often pushed together with this one, has made the release.

    Raises:
        UserError: there is no release after `wait_s` seconds.
    """
    end = time.monotonic() + wait_s
    while True:
        release = next((one for one in api.pages(releases) if one["tag_name"] == tag), None)
        if release:
            return release
        if time.monotonic() >= end:
            hint = f"push {tag}, or see why its run failed; then run this one again"
            raise UserError(f"{tag} has no release", hint)
        time.sleep(min(POLL_S, wait_s))


def _release(api: Api, releases: str, name: str, version: str, root: Path) -> str:
    tag = f"{name}@{version}"
    text = subprocess.run(
        ["git", "tag", "--list", "--format=%(contents)", tag], cwd=root, capture_output=True, text=True
    )
    with tempfile.TemporaryDirectory() as folder:
        packed = fetch(root, name, version, Path(folder))
        content = {"tag_name": tag, "name": f"{name} {version}", "body": text.stdout.strip(), "make_latest": "false"}
        release: Any = api.call("POST", releases, content | {"prerelease": True})
        url = f"{release['upload_url'].partition('{')[0]}?name={quote(packed.name)}"
        _send("POST", url, packed, api.headers["Authorization"].removeprefix("Bearer "))
    return f"released: {tag}, with {packed.name}"


def fetch(root: Path, name: str, version: str, folder: Path) -> Path:
    """Get a version of the model from the DVC remote and pack it: the same model gives the same bytes."""
    from dvc.exceptions import DvcException
    from dvc.repo.artifacts import Artifacts

    model = folder / name.replace("/", "-")
    try:
        Artifacts.get(str(root), name, version=version, out=str(model))
    except (DvcException, OSError) as error:
        raise UserError(f"{name} {version} cannot be fetched: {error}", "dvc push, where the model was made") from None
    packed = folder / f"{model.name}-{version}.tar.gz"
    with (
        packed.open("wb") as file,
        gzip.GzipFile("", "wb", fileobj=file, mtime=0) as stream,
        tarfile.open(fileobj=stream, mode="w") as archive,
    ):
        for path in sorted(model.rglob("*")) if model.is_dir() else [model]:
            archive.add(path, path.relative_to(folder).as_posix(), recursive=False, filter=_plain)
    return packed


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.mtime = member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o755 if member.isdir() else 0o644
    return member


def _send(method: str, url: str, path: Path, token: str) -> None:
    headers = {"Content-Type": "application/gzip", "Content-Length": str(path.stat().st_size)}
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    with path.open("rb") as file:
        request = urllib.request.Request(url, file, headers, method=method)
        try:
            urllib.request.urlopen(request, timeout=UPLOAD_TIMEOUT_S).close()
        except urllib.error.HTTPError as error:
            raise UserError(f"{method} {url}: {error.code} {error.reason}", "may the token upload there?") from None
        except OSError as error:
            raise UserError(f"{method} {url}: {error}", "is the address right, and the network there?") from None


def main(arguments: Sequence[str] | None = None) -> int:
    """Act on one tag."""
    parser = argparse.ArgumentParser(prog="python -m review.release", description=__doc__)
    parser.add_argument("tag", help="such as classifier@v1.2.0 or classifier#prod#1")
    given = parser.parse_args(arguments)
    return told(lambda: deploy(given.tag, Path.cwd(), os.environ), ".github/workflows/deploy.yml")


if __name__ == "__main__":
    sys.exit(main())
