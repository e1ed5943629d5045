"""`python -m review.release TAG`: what happens at GitHub when a tag of the registry is pushed.

`classifier@v1.2.0`: the model comes from the DVC remote and becomes a release with the packed folder as its asset.
`classifier#prod#3`: that version's release becomes the latest one (in `staging`: a pre-release), and where DEPLOY_URL
is given, the packed folder is also sent there: PUT DEPLOY_URL/classifier-v1.2.0.tar.gz, with DEPLOY_TOKEN as bearer.
"""

import argparse
import gzip
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from review.forge import Api, told
from review.register import STAGES, VERSION, version_at
from stages.core.errors import UserError

TAG = re.compile(rf"(?P<name>[\w/-]+)(@(?P<version>{VERSION.pattern})|#(?P<stage>{'|'.join(STAGES)})#\d+)")
UPLOAD_TIMEOUT_S = 3600


def deploy(tag: str, root: Path, given: Mapping[str, str]) -> str:
    """Release or promote what a tag names; what was done.

    Raises:
        UserError: a tag of another form, a model that cannot be fetched, or a refusal by a server.
    """
    found = TAG.fullmatch(tag)
    if not found:
        raise UserError(f"{tag}: not a tag of the registry", "make register, make promote")
    name, version, stage = found["name"], found["version"], found["stage"]
    api = Api(given["GITHUB_API_URL"], {"Authorization": f"Bearer {given['GITHUB_TOKEN']}"})
    releases = f"/repos/{given['GITHUB_REPOSITORY']}/releases"
    if version:
        return _release(api, releases, name, version, root)
    version = version_at(root, name, tag)
    if version is None:
        raise UserError(f"{tag}: no version of {name} is registered at its commit", "git fetch --tags")
    release = api.call("GET", f"{releases}/tags/{quote(f'{name}@{version}', safe='')}")
    state = {"prerelease": stage != "prod", "make_latest": "true" if stage == "prod" else "false"}
    api.call("PATCH", f"{releases}/{release['id']}", state)
    done = f"{name} {version} is in {stage}"
    if not given.get("DEPLOY_URL"):
        return done
    with tempfile.TemporaryDirectory() as folder:
        packed = fetch(root, name, version, Path(folder))
        url = f"{given['DEPLOY_URL'].rstrip('/')}/{quote(packed.name)}"
        _send("PUT", url, packed, given.get("DEPLOY_TOKEN", ""))
    return f"{done}, sent to {url}"


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
