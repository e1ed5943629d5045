"""docs/remotes.md, typed as it stands, against a local server that speaks S3 and holds users to their policies."""

import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from unittest import mock

import boto3
import httpx
import pytest
from moto.server import ThreadedMotoServer

from tests import small_line
from tests.repository import Repository
from tests.workplace import ROOT

TEXT = (ROOT / "docs/remotes.md").read_text(encoding="utf-8")
BUCKET = "team-models"
POLICY, PUBLIC = re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)
WRITING = ["s3:PutObject", "s3:AbortMultipartUpload"]
OUTPUTS = ["data/encoded/train/rows", "models/model/weights", "models/predictions"]


class Store:
    """A server that speaks S3, with the bucket, and a user for each policy."""

    def __init__(self, url: str) -> None:
        self.url = url
        dummies = {"region_name": "us-east-1", "aws_access_key_id": "admin", "aws_secret_access_key": "admin"}
        self.s3, self.iam = (boto3.client(name, endpoint_url=url, **dummies) for name in ("s3", "iam"))
        self.s3.create_bucket(Bucket=BUCKET)

    def add_user(self, name: str, policy: str) -> tuple[str, str]:
        """Let there be a user whom a policy of the docs holds for; its key."""
        self.iam.create_user(UserName=name)
        self.iam.put_user_policy(UserName=name, PolicyName=name, PolicyDocument=policy)
        key = self.iam.create_access_key(UserName=name)["AccessKey"]
        return key["AccessKeyId"], key["SecretAccessKey"]

    def keys(self) -> list[str]:
        return [item["Key"] for item in self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]

    def enforce(self, count: float) -> None:
        """Hold users to their policies from the request of this number on."""
        httpx.post(f"{self.url}/moto-api/reset-auth", content=str(count)).raise_for_status()


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Store]:
    """A server on a free port of this machine, empty, and nothing of the user's AWS."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    (tmp_path / "aws").touch()
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "aws"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")  # no question to the cloud that this may run in
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    store = Store(f"http://{host}:{port}")
    yield store
    store.enforce(float("inf"))
    httpx.post(f"{store.url}/moto-api/reset").raise_for_status()
    server.stop()


@pytest.fixture
def desk(line: Repository, store: Store) -> Repository:
    """The small line, whose remote is not set up yet."""
    assert store.keys() == []
    line.environment.update({name: value for name, value in os.environ.items() if name.startswith("AWS_")})
    (line.folder / ".dvc/config").write_text("[core]\n    analytics = false\n")
    return line


def reading() -> str:
    """The policy of the docs without the two actions that readers are not to have."""
    policy = json.loads(POLICY)
    for statement in policy["Statement"]:
        statement["Action"] = [action for action in statement["Action"] if action not in WRITING]
    return json.dumps(policy)


def commands(step: str) -> list[list[str]]:
    """The commands of one step of the docs, without what follows #."""
    (text,) = re.findall(rf"^\*\*{re.escape(step)}.*?(?=^\*\*|^## )", TEXT, re.MULTILINE | re.DOTALL)
    lines = re.findall(r"^\$ (.*)$", text, re.MULTILINE)
    return [shlex.split(part, comments=True) for line in lines for part in line.split(" && ")]


def run(desk: Repository, words: list[str]) -> int:
    """Run a command, `dvc …` in this process, which is quicker; its exit code."""
    if words[0] != "dvc":
        desk.type(*words)
        return 0
    from dvc.cli import main

    with chdir(desk.folder), mock.patch.dict(os.environ, desk.environment, clear=True):
        return int(main(words[1:]))


def fails(desk: Repository, command: str, message: str) -> None:
    """A command ends with a message that the docs know."""
    done = subprocess.run(
        command.split(), cwd=desk.folder, env=desk.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert message in done.stderr
    assert f"`{message}`" in TEXT


def follow(desk: Repository, step: str, values: dict[str, str] | None = None) -> None:
    """Type the commands of DVC and Git in a step, with the test's own values in place of the examples."""
    for words in commands(step):
        if words[0] == "dvc" or words[:2] in (["git", "add"], ["git", "commit"], ["git", "push"]):
            assert run(desk, [(values or {}).get(word, word) for word in words]) == 0, words


def set_up(desk: Repository, store: Store) -> None:
    """Name the remote, and push that to Git."""
    follow(desk, "3. The remote,", {"https://s3.example.org": store.url})
    desk.type("git", "push", "--quiet")


def log_in(desk: Repository, key: tuple[str, str]) -> None:
    """Write a key into DVC's local configuration."""
    follow(desk, "4. Your key,", {"AKIAEXAMPLE": key[0], "EXAMPLEKEY": key[1]})


def read_outputs(desk: Repository) -> dict[str, str]:
    return {name: (desk.folder / name).read_text() for name in OUTPUTS if (desk.folder / name).exists()}


def read_runs(desk: Repository) -> set[str]:
    cache = desk.folder / ".dvc/cache"
    return {path.relative_to(cache).as_posix() for path in cache.glob("runs/*/*/*")}


def test_what_one_pushes_arrives_at_another_who_may_only_read(desk: Repository, store: Store) -> None:
    writer, reader = store.add_user("writer", POLICY), store.add_user("reader", reading())
    store.enforce(0)
    set_up(desk, store)
    log_in(desk, writer)
    follow(desk, "5. The data,")
    assert desk.type("git", "status", "--porcelain") == "", "the key is not for Git"
    colleague = small_line.clone(desk, "colleague")
    log_in(colleague, reader)
    follow(colleague, "6. A colleague")
    assert read_outputs(colleague) == read_outputs(desk)
    assert set(read_outputs(desk)) == set(OUTPUTS)
    assert read_runs(colleague) == read_runs(desk) != set()


def test_who_may_only_read_cannot_push(desk: Repository, store: Store) -> None:
    key = store.add_user("reader", reading())
    store.enforce(0)
    set_up(desk, store)
    (config,) = re.findall(r"```ini\n(.*?)```", TEXT, re.DOTALL)  # as the secret of CI has it
    config = config.replace("AKIAEXAMPLE", key[0]).replace("EXAMPLEKEY", key[1])
    (desk.folder / ".dvc/config.local").write_text(config)
    fails(desk, "dvc push --run-cache", "Access Denied")
    store.enforce(float("inf"))
    assert store.keys() == []


def test_without_a_key_dvc_says_so(desk: Repository, store: Store) -> None:
    set_up(desk, store)
    fails(desk, "dvc push", "Unable to locate credentials")


def test_a_bucket_that_is_not_there_is_named(desk: Repository, store: Store) -> None:
    set_up(desk, store)
    log_in(desk, ("any", "any"))
    assert run(desk, ["dvc", "remote", "modify", "store", "url", "s3://team-model/groundwork"]) == 0
    fails(desk, "dvc push", "The specified bucket does not exist")


def test_a_fork_reads_a_public_bucket_without_a_key(desk: Repository, store: Store) -> None:
    set_up(desk, store)
    log_in(desk, ("any", "any"))
    follow(desk, "Forks** get")
    follow(desk, "5. The data,")
    desk.commit()
    desk.type("git", "push", "--quiet")
    fork = small_line.clone(desk, "fork")
    fails(fork, "dvc pull", "Forbidden")
    policy = PUBLIC.replace('"s3:GetObject"', '["s3:GetObject", "s3:HeadObject"]')  # to S3 both are GetObject
    store.s3.put_bucket_policy(Bucket=BUCKET, Policy=policy)
    assert run(fork, ["dvc", "pull"]) == 0
    assert read_outputs(fork) == read_outputs(desk)


def test_the_policies_hold_for_the_bucket_of_the_commands() -> None:
    (url,) = [words[-1] for words in commands("3. The remote,") if words[:3] == ["dvc", "remote", "add"]]
    bucket = url.removeprefix("s3://").partition("/")[0]
    assert bucket == BUCKET
    for policy in (POLICY, PUBLIC):
        resources = [statement["Resource"] for statement in json.loads(policy)["Statement"]]
        assert resources == [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{url.removeprefix('s3://')}/*"]
    assert {action for action in WRITING if f"`{action}`" not in TEXT} == set()
