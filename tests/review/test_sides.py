"""Both sides of a review: revisions, experiments, the workspace; outputs from the cache and from a remote."""

import shutil
from pathlib import Path

import pytest

from review.sides import open_sides
from stages.core.errors import UserError
from tests.repository import Repository
from tests.two_sides import Sides, begin, messages

PREDICTIONS = "models/predictions.parquet"
METRICS = ["augment", "clean", "evaluate", "fetch", "split", "validate"]


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Sides:
    """`main` with 160 messages; the branch `more`, checked out, with 170."""
    folder = tmp_path_factory.mktemp("sides") / "repository"
    folder.mkdir()
    made = begin(folder)
    (folder / "README.md").write_text("no pipeline yet")
    made.repository.type("git", "add", "README.md")
    made.repository.type("git", "commit", "--quiet", "--message", "before the pipeline")
    made.repository.type("git", "tag", "early")
    made.make(messages(160))
    made.predict()
    made.commit()
    made.branch("more")
    made.make(messages(170))
    made.predict(seed=1)
    made.commit()
    return made


@pytest.fixture
def clone(sides: Sides, tmp_path: Path) -> Repository:
    """A clone without any output."""
    folder = tmp_path / "clone"
    sides.repository.type("git", "clone", "--quiet", "--no-local", str(sides.folder), str(folder))
    return Repository(folder, sides.repository.environment)


def test_by_default_the_workspace_is_compared_with_where_it_left_the_default_branch(sides: Sides) -> None:
    base, head = open_sides(root=sides.folder)
    main = sides.repository.type("git", "rev-parse", "main").strip()
    assert (base.revision, base.title) == (main, f"main ({main[:7]})")
    assert (head.revision, head.title) == (None, "workspace")


def test_outputs_of_a_revision_come_from_the_cache_and_metrics_from_git(sides: Sides) -> None:
    base, head = open_sides("main", "more", root=sides.folder)
    assert [len(side.table("data/cleaned", "samples", ["id"])) for side in (base, head)] == [160, 170]
    assert [len(side.parquet(PREDICTIONS)) for side in (base, head)] == [24, 25]
    assert [side.json("metrics/clean.json")["rows"] for side in (base, head)] == [160, 170]
    assert base.params()["task"] == "classification"
    assert base.names("metrics") == [f"{name}.json" for name in METRICS]
    assert base.hash_of("data/cleaned") != head.hash_of("data/cleaned")
    assert str(base.hash_of("data/cleaned")).endswith(".dir")
    assert base.hash_of("params.yaml") is None
    assert not base.exists("data/nothing") and base.names("data/nothing") == []


def test_the_workspace_falls_back_to_the_cache_where_outputs_are_not_checked_out(sides: Sides) -> None:
    kept = sides.folder / PREDICTIONS
    data = kept.read_bytes()
    kept.unlink()
    try:
        _, head = open_sides("main", root=sides.folder)
        assert head.read_bytes(PREDICTIONS) == data
    finally:
        kept.write_bytes(data)


def test_an_experiment_is_found_by_its_name(sides: Sides) -> None:
    git = sides.repository.type
    commit, baseline = git("git", "rev-parse", "more").strip(), git("git", "rev-parse", "main").strip()
    ref = f"refs/exps/{baseline[:2]}/{baseline[2:]}/bold-move"
    git("git", "update-ref", ref, commit)
    _, head = open_sides("main", "bold-move", root=sides.folder)
    assert (head.revision, head.title) == (commit, f"bold-move ({commit[:7]})")
    other = f"refs/exps/{commit[:2]}/{commit[2:]}/bold-move"
    git("git", "update-ref", other, baseline)
    assert open_sides("main", "bold-move", root=sides.folder)[1].revision == baseline
    git("git", "checkout", "--quiet", "main")
    try:
        assert open_sides("main", "bold-move", root=sides.folder)[1].revision == commit
    finally:
        git("git", "checkout", "--quiet", "more")
    git("git", "checkout", "--quiet", "--detach", "early")
    try:
        with pytest.raises(UserError, match="2 experiments have this name"):
            open_sides("main", "bold-move", root=sides.folder)
    finally:
        git("git", "checkout", "--quiet", "more")


def test_an_unknown_revision_is_told_with_what_may_bring_it(sides: Sides) -> None:
    with pytest.raises(UserError, match="nowhere~2: neither a Git revision nor a DVC experiment") as told:
        open_sides("nowhere~2", root=sides.folder)
    assert "git fetch origin nowhere;" in told.value.hint


def test_a_revision_without_a_pipeline_is_told(sides: Sides) -> None:
    with pytest.raises(UserError, match=r"early \(.*\): no dvc.yaml there"):
        open_sides("early", root=sides.folder)


def test_a_folder_that_is_no_repository_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not the root of a Git and DVC repository"):
        open_sides(root=tmp_path)


def test_outputs_in_no_cache_are_told_with_the_commands_that_bring_them(clone: Repository) -> None:
    base, head = open_sides("origin/main", "origin/more", root=clone.folder)
    assert base.json("metrics/clean.json")["rows"] == 160
    assert head.exists(PREDICTIONS)
    with pytest.raises(UserError, match=f"{PREDICTIONS}: .* in no cache and no remote") as told:
        head.parquet(PREDICTIONS)
    assert "there is no remote yet" in told.value.hint
    assert f"dvc push; then here: dvc fetch --all-commits {PREDICTIONS}" in told.value.hint
    with pytest.raises(UserError, match="in no cache and no remote"):
        base.table("data/cleaned", "samples")
    with pytest.raises(UserError, match="no such file, and no output of that name"):
        base.read_bytes("metrics/finetune.json")
    _, workspace = open_sides(None, None, root=clone.folder)
    with pytest.raises(UserError, match="in no cache") as told:
        workspace.parquet(PREDICTIONS)
    assert f"dvc fetch {PREDICTIONS}" in told.value.hint


def test_outputs_are_read_from_a_remote_without_being_fetched(sides: Sides, clone: Repository, tmp_path: Path) -> None:
    remote = tmp_path / "remote"
    shutil.copytree(sides.folder / ".dvc/cache", remote)
    clone.type("dvc", "remote", "add", "--quiet", "--default", "store", str(remote))
    base, head = open_sides("origin/main", "origin/more", root=clone.folder)
    assert [len(side.parquet(PREDICTIONS)) for side in (base, head)] == [24, 25]
    assert len(head.table("data/cleaned", "samples", ["id"])) == 170
    assert [
        path for path in (clone.folder / ".dvc/cache").rglob("*") if path.is_file() and "runs" not in path.parts
    ] == []


def test_a_branch_of_origin_needs_no_prefix(clone: Repository) -> None:
    base, _ = open_sides("main", "more", root=clone.folder)
    assert base.title.startswith("main (")


def test_a_shallow_clone_is_told_how_to_become_whole(sides: Sides, tmp_path: Path) -> None:
    folder = tmp_path / "shallow"
    git = sides.repository.type
    git("git", "clone", "--quiet", "--depth", "1", "--no-single-branch", f"file://{sides.folder}", str(folder))
    with pytest.raises(UserError, match="this clone is shallow") as told:
        open_sides("origin/main", None, root=folder) and open_sides(None, "origin/main", root=folder)
    assert told.value.hint == "git fetch --unshallow origin"
    with pytest.raises(UserError) as told:
        open_sides("HEAD~1", root=folder)
    assert "git fetch --unshallow origin (this clone is shallow)" in told.value.hint
