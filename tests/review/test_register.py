"""Versions of the model as tags: what is refused, and how others get the model."""

import shutil
from pathlib import Path
from threading import Timer

import pytest

from review import register, release
from stages.core.errors import UserError
from tests.forge_server import REPOSITORY, Server
from tests.repository import Repository
from tests.small_line import dvc, replace
from tests.workplace import ROOT, text


@pytest.fixture(autouse=True)
def _as_the_line(built_line: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who tags, and which Python reviews."""
    for name, value in built_line.environment.items():
        if name == "PATH" or name.startswith(("GIT_", "DVC_")):
            monkeypatch.setenv(name, value)


def make(line: Repository, version: str, stage: str | None = None, base: str | None = None) -> list[str]:
    """What `make register` and `make promote` do, and say."""
    return register.promote(line.folder, version, stage) if stage else register.register(line.folder, version, base)


def refused(line: Repository, version: str, base: str | None = None) -> str:
    """Why registering is refused; no tag is left."""
    before = line.type("git", "tag")
    with pytest.raises(UserError) as caught:
        register.register(line.folder, version, base)
    assert line.type("git", "tag") == before
    return str(caught.value)


def go(line: Repository, branch: str) -> None:
    """To a branch whose results are committed and pushed."""
    line.type("git", "checkout", "--quiet", branch)
    dvc(line, "checkout")


def get(line: Repository, chosen: str, out: Path) -> str:
    """The rate that the model which others get was trained with."""
    origin, store = line.folder.parent / "origin.git", line.folder.parent / "store"
    options = ("--out", str(out), "--remote-config", f"url={store}")
    dvc(line, "artifacts", "get", str(origin), "classifier", chosen, *options)
    return (out / "weights").read_text()[:4]


def test_versions_are_registered_promoted_and_fetched_by_stage(
    line: Repository, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(line.folder)
    assert register.main(["v1.0.0"]) == 0
    assert capfd.readouterr().out.splitlines() == [
        "reviewing HEAD against HEAD",
        "accuracy 1.0 -> 1.0, by @somebody",
        "registered: classifier@v1.0.0",
        "next: git push origin classifier@v1.0.0",
        "then: make promote VERSION=v1.0.0 STAGE=staging",
    ]
    assert "accuracy 1.0000" in line.type("git", "tag", "--list", "--format=%(contents)", "classifier@v1.0.0")
    go(line, "near")
    make(line, "v1.1.0")
    assert "reviewing HEAD against classifier@v1.0.0\n" in capfd.readouterr().out
    assert make(line, "v1.0.0", "prod") == [
        "assigned: classifier#prod#1",
        "next: git push origin 'classifier#prod#1'",
        "then, anywhere: dvc artifacts get URL_OF_THE_REPOSITORY classifier --stage prod",
    ]
    make(line, "v1.1.0", "staging")
    line.type("git", "push", "--quiet", "--tags")
    assert get(line, "--stage=prod", tmp_path / "in prod") == "1e-4"
    assert get(line, "--stage=staging", tmp_path / "in staging") == "2e-4"


def test_a_version_that_fails_the_gates_is_refused(line: Repository, capfd: pytest.CaptureFixture[str]) -> None:
    make(line, "v1.0.0")
    go(line, "worse")
    assert refused(line, "v1.1.0") == "gates fail against classifier@v1.0.0"
    assert "accuracy 1.0 -> 0.7" in capfd.readouterr().out
    assert make(line, "v2.0.0", base="HEAD")[0] == "registered: classifier@v2.0.0"


def test_a_base_that_cannot_be_compared_with_is_not_a_pass(line: Repository) -> None:
    assert refused(line, "v1.0.0", "nosuch") == "HEAD could not be compared with nosuch"


def test_what_is_not_committed_is_not_registered(line: Repository) -> None:
    (line.folder / "notes.txt").write_text("mine")
    assert refused(line, "v1.0.0") == "the workspace is not what is committed: notes.txt"


def test_results_of_other_params_are_not_registered(line: Repository) -> None:
    replace(line, "params.yaml", "1e-4", "2e-5")
    line.commit()
    assert "params.yaml has lr: 2e-05, and dvc.lock says" in refused(line, "v1.0.0")


@pytest.mark.parametrize("version", ["", "1.0.0", "v1.0", "v01.0.0", "v1.0.0+5", "v1.0.0 ", "latest"])
def test_only_semantic_versions_are_registered(line: Repository, version: str) -> None:
    assert "not a semantic version" in refused(line, version)


def test_a_version_is_registered_once(line: Repository) -> None:
    make(line, "v1.0.0-rc.1")
    assert refused(line, "v1.0.0-rc.1") == "classifier@v1.0.0-rc.1 exists already"
    assert "is already" in refused(line, "v1.0.0"), "one version a commit"


def test_a_model_that_nobody_else_can_get_is_told(line: Repository) -> None:
    shutil.rmtree(line.folder.parent / "store")
    (line.folder.parent / "store").mkdir()
    told = "careful: models/model is not at the DVC remote; nobody else can get the model: dvc push"
    assert make(line, "v1.0.0")[1] == told
    line.type("git", "tag", "--delete", "classifier@v1.0.0")
    dvc(line, "remote", "remove", "store")
    line.commit()
    assert make(line, "v1.0.0")[1].startswith("careful: no DVC remote is set up")


def test_data_under_dvc_add_belongs_to_a_version_and_should_be_at_the_remote(line: Repository) -> None:
    line.type("git", "rm", "--quiet", "--cached", "data/source/rows.csv")
    dvc(line, "add", "data/source/rows.csv")
    dvc(line, "repro")
    dvc(line, "push", "models/model")
    line.commit()
    told = make(line, "v1.0.0")
    assert told[0] == "registered: classifier@v1.0.0"
    assert told[1].startswith("careful: data/source/rows.csv.dvc is not at the DVC remote;")
    dvc(line, "push")
    line.type("git", "tag", "--delete", "classifier@v1.0.0")
    assert [one for one in make(line, "v1.0.0") if one.startswith("careful")] == []


def test_the_highest_version_is_the_one_to_compare_with(line: Repository) -> None:
    for version in ("v1.9.0", "v1.10.0", "v1.10.0-rc.1", "v1.2.0"):
        line.type("git", "tag", f"classifier@{version}")
    line.type("git", "tag", "classifier@vague")
    assert register.versions(line.folder, "classifier") == ["v1.10.0", "v1.10.0-rc.1", "v1.9.0", "v1.2.0"]
    assert register.last(line.folder, "classifier") == "classifier@v1.10.0"


@pytest.mark.parametrize(
    ("version", "stage", "why"),
    [("v1.0.0", "live", "STAGE=live: no such stage"), ("v9.0.0", "prod", "classifier@v9.0.0 is not registered here")],
)
def test_a_promotion_needs_a_version_and_a_stage_that_exist(
    line: Repository, version: str, stage: str, why: str
) -> None:
    with pytest.raises(UserError) as caught:
        register.promote(line.folder, version, stage)
    assert str(caught.value) == why


def test_an_earlier_version_goes_back_to_prod_and_the_same_one_not_twice(
    line: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(line, "v1.0.0")
    go(line, "near")
    make(line, "v1.1.0")
    for number, version in enumerate(("v1.0.0", "v1.1.0", "v1.0.0"), 1):
        monkeypatch.setenv("GIT_COMMITTER_DATE", f"{1900000000 + number} +0000")  # tags know whole seconds
        assert make(line, version, "prod")[0] == f"assigned: classifier#prod#{number}"
    with pytest.raises(UserError, match=r"v1\.0\.0 is in prod already"):
        make(line, "v1.0.0", "prod")
    line.type("git", "push", "--quiet", "--tags")
    assert get(line, "--stage=prod", tmp_path / "model") == "1e-4"


def test_pushed_tags_become_releases_with_the_model(line: Repository, forge: Server) -> None:
    given = {"GITHUB_API_URL": forge.url, "GITHUB_TOKEN": "t", "GITHUB_REPOSITORY": REPOSITORY}
    make(line, "v1.0.0")
    make(line, "v1.0.0", "staging")
    said = release.deploy("classifier@v1.0.0", line.folder, given)
    assert said == "released: classifier@v1.0.0, with classifier-v1.0.0.tar.gz"
    (made,) = forge.releases
    assert made["body"].startswith("classifier v1.0.0: accuracy 1.0000")
    assert (made["prerelease"], made["make_latest"]) == (True, "false")
    assert release.deploy("classifier#staging#1", line.folder, given) == "classifier v1.0.0 is in staging"
    assert (made["prerelease"], made["make_latest"]) == (True, "false")
    make(line, "v1.0.0", "prod")
    store = {"DEPLOY_URL": f"{forge.url}/store/", "DEPLOY_TOKEN": "d"}
    packed = forge.uploads.pop("classifier-v1.0.0.tar.gz")
    release.deploy("classifier#prod#2", line.folder, given | store)
    assert (made["prerelease"], made["make_latest"]) == (False, "true")
    assert forge.uploads == {"classifier-v1.0.0.tar.gz": packed}, "the same model, the same bytes"
    archive = line.folder.parent / "packed.tar.gz"
    archive.write_bytes(packed)
    listed = line.type("tar", "--list", "--file", str(archive)).split()
    assert listed == ["classifier/weights"]


def test_an_older_tag_of_a_stage_does_not_overtake_a_newer_one(line: Repository, forge: Server) -> None:
    given = {"GITHUB_API_URL": forge.url, "GITHUB_TOKEN": "t", "GITHUB_REPOSITORY": REPOSITORY}
    given |= {"DEPLOY_URL": f"{forge.url}/store", "DEPLOY_TOKEN": "d"}
    for number, (branch, version) in enumerate((("main", "v1.0.0"), ("near", "v1.1.0")), 1):
        go(line, branch)
        make(line, version)
        assert make(line, version, "prod")[0] == f"assigned: classifier#prod#{number}"
        release.deploy(f"classifier@{version}", line.folder, given)
    forge.uploads.clear()
    said = release.deploy("classifier#prod#1", line.folder, given)
    assert said == "nothing done for classifier#prod#1: classifier#prod#2 is newer"
    assert [made["make_latest"] for made in forge.releases] == ["false", "false"]
    said = release.deploy("classifier#prod#2", line.folder, given)
    assert said == f"classifier v1.1.0 is in prod, sent to {forge.url}/store/classifier-v1.1.0.tar.gz"
    assert [made["make_latest"] for made in forge.releases] == ["false", "true"]
    assert list(forge.uploads) == ["classifier-v1.1.0.tar.gz"]


def test_a_newer_tag_that_was_pushed_meanwhile_counts(line: Repository, forge: Server) -> None:
    given = {"GITHUB_API_URL": forge.url, "GITHUB_TOKEN": "t", "GITHUB_REPOSITORY": REPOSITORY}
    make(line, "v1.0.0")
    make(line, "v1.0.0", "prod")
    release.deploy("classifier@v1.0.0", line.folder, given)
    forge.tags = ["classifier#prod#1", "classifier#prod#10", "classifier#staging#11"]
    said = release.deploy("classifier#prod#1", line.folder, given)
    assert said == "nothing done for classifier#prod#1: classifier#prod#10 is newer"


def test_a_version_in_prod_stays_the_latest_when_its_tag_of_staging_comes_last(line: Repository, forge: Server) -> None:
    given = {"GITHUB_API_URL": forge.url, "GITHUB_TOKEN": "t", "GITHUB_REPOSITORY": REPOSITORY}
    make(line, "v1.0.0")
    make(line, "v1.0.0", "staging")
    make(line, "v1.0.0", "prod")
    for tag in ("classifier@v1.0.0", "classifier#prod#2", "classifier#staging#1"):
        release.deploy(tag, line.folder, given)
    (made,) = forge.releases
    assert (made["prerelease"], made["make_latest"]) == (False, "true")


def test_a_stage_waits_for_the_release_of_its_version(line: Repository, forge: Server) -> None:
    given = {"GITHUB_API_URL": forge.url, "GITHUB_TOKEN": "t", "GITHUB_REPOSITORY": REPOSITORY}
    make(line, "v1.0.0")
    make(line, "v1.0.0", "staging")
    with pytest.raises(UserError, match=r"classifier@v1\.0\.0 has no release") as caught:
        release.deploy("classifier#staging#1", line.folder, given, wait_s=0)
    assert caught.value.hint == "push classifier@v1.0.0, or see why its run failed; then run this one again"
    pushed = Timer(0.1, lambda: forge.releases.append({"id": 1, "tag_name": "classifier@v1.0.0"}))
    pushed.start()
    assert release.deploy("classifier#staging#1", line.folder, given, wait_s=0.5) == "classifier v1.0.0 is in staging"


@pytest.mark.parametrize("tag", ["main", "classifier@1.0", "classifier#live#1", "x@v1.0.0; true"])
def test_other_tags_are_no_release(line: Repository, forge: Server, tag: str) -> None:
    given = {"GITHUB_API_URL": forge.url, "GITHUB_TOKEN": "t", "GITHUB_REPOSITORY": REPOSITORY}
    with pytest.raises(UserError, match="not a tag of the registry"):
        release.deploy(tag, line.folder, given)
    assert forge.asked == []


@pytest.mark.parametrize(
    ("recipe", "labels"),
    [
        ("messages", ["text", "classification", "full"]),
        ("sick", ["text", "regression", "full"]),
        ("digits", ["image", "classification", "scratch"]),
        ("speech-digits", ["audio", "classification", "scratch"]),
    ],
)
def test_the_shipped_artifact_says_what_the_params_make_it(tmp_path: Path, recipe: str, labels: list[str]) -> None:
    from dvc.repo import Repo

    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc/config").write_text("[core]\nno_scm = true\n")
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    (tmp_path / "params.yaml").write_text(text(f"recipes/{recipe}.yaml"), encoding="utf-8")
    with Repo(str(tmp_path)) as repo:
        made = repo.artifacts.read()["dvc.yaml"]["classifier"]
    assert (made.path, made.type, made.labels) == ("models/model", "model", labels)
