"""Params, code, dvc.lock and metrics that do not belong together, in a clone that holds no data."""

import re
import shutil
from pathlib import Path

import pytest

from review import agreement
from review.forge import MARKER
from stages.core.errors import UserError
from tests.repository import Repository
from tests.small_line import clone, dvc, replace


@pytest.fixture
def fresh(line: Repository) -> Repository:
    """A clone in which nothing was pulled."""
    return clone(line, "fresh")


def test_what_was_run_and_committed_agrees_in_a_clone_without_data(fresh: Repository) -> None:
    assert not (fresh.folder / "data/encoded").exists()
    assert agreement.disagreements(fresh.folder) == []


@pytest.mark.parametrize("name", ["code/__pycache__/make.pyc", "code/make.partial"])
def test_what_dvcignore_names_does_not_count(fresh: Repository, name: str) -> None:
    (fresh.folder / name).parent.mkdir(exist_ok=True)
    (fresh.folder / name).write_text("x")
    assert agreement.disagreements(fresh.folder) == []


@pytest.mark.parametrize(
    ("name", "old", "new", "sentences"),
    [
        (
            "params.yaml",
            "1e-4",
            "2e-5",
            ["params.yaml has lr: 2e-05, and dvc.lock says that finetune, evaluate ran with 0.0001"],
        ),
        (
            "metrics/evaluate.json",
            "1.0",
            "0.9",
            ["metrics/evaluate.json is not what dvc.lock says that evaluate wrote"],
        ),
        (
            "code/make.py",
            "epochs",
            "steps",
            ["code is not what dvc.lock says that encode, finetune, evaluate read"],
        ),
        (
            "data/source/rows.csv",
            "a b",
            "a x",
            ["data/source/rows.csv is not what dvc.lock says that encode read"],
        ),
        (
            "dvc.yaml",
            "make.py encode",
            "make.py  encode",
            ["dvc.yaml has another command for encode than the one that dvc.lock says was run"],
        ),
        (
            "dvc.yaml",
            "outs: [models/predictions]",
            "outs: [models/predictions, models/notes]",
            ["dvc.lock has no hash of models/notes: evaluate has not run since it is an output"],
        ),
        (
            "dvc.yaml",
            "deps: [code, data/encoded/train]",
            "deps: [code, data/encoded/train, .gitignore]",
            ["finetune depends on .gitignore, of which dvc.lock has no hash: it has not run since dvc.yaml says so"],
        ),
        (
            "dvc.lock",
            "  evaluate:",
            "  measure:",
            ["evaluate is not in dvc.lock: it has not run since it is in dvc.yaml"],
        ),
    ],
)
def test_each_change_by_hand_is_told(fresh: Repository, name: str, old: str, new: str, sentences: list[str]) -> None:
    replace(fresh, name, old, new)
    assert agreement.disagreements(fresh.folder) == sentences


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("metrics/evaluate.json", "metrics/evaluate.json is not there, and dvc.lock says that evaluate wrote it"),
        ("data/source/rows.csv", "data/source/rows.csv is not there, and dvc.lock says that encode read it"),
    ],
)
def test_a_file_that_is_missing_in_git_is_told(fresh: Repository, name: str, sentence: str) -> None:
    (fresh.folder / name).unlink()
    assert agreement.disagreements(fresh.folder) == [sentence]


def hashes(fresh: Repository, path: str) -> list[str]:
    return re.findall(rf"path: {path}\n +hash: md5\n +md5: (\S+)", (fresh.folder / "dvc.lock").read_text())


def test_a_lock_put_together_from_two_runs_is_told_by_the_chain(fresh: Repository) -> None:
    read, written = hashes(fresh, "models/model")
    assert read == written
    text = (fresh.folder / "dvc.lock").read_text()
    (fresh.folder / "dvc.lock").write_text(text.replace(read, f"{'0' * 32}.dir", 1))
    found = agreement.disagreements(fresh.folder)
    assert found == ["in dvc.lock evaluate read another models/model than finetune wrote: merged by hand?"]


@pytest.mark.parametrize("at", ["cache", "remote", "nowhere"])
def test_a_part_of_an_output_is_compared_where_its_listing_can_be_had(line: Repository, at: str) -> None:
    """Only the listing is read, a small file."""
    for cache in (line.folder / ".dvc/cache/files", line.folder.parent / "store/files"):
        for path in filter(Path.is_file, cache.rglob("*")):
            if path.suffix != ".dir":
                path.unlink()
    for folder in ("data/encoded", "models"):
        shutil.rmtree(line.folder / folder)
    if at != "cache":
        shutil.rmtree(line.folder / ".dvc/cache")
    if at == "nowhere":
        shutil.rmtree(line.folder.parent / "store")
    assert agreement.disagreements(line.folder) == []
    (read,) = hashes(line, "data/encoded/train")
    replace(line, "dvc.lock", read, f"{'0' * 32}.dir")
    told = ["in dvc.lock finetune read another data/encoded/train than encode wrote: merged by hand?"]
    assert agreement.disagreements(line.folder) == ([] if at == "nowhere" else told)


def test_data_in_the_workspace_that_was_changed_is_told(line: Repository) -> None:
    path = line.folder / "models/model/weights"
    path.chmod(0o644)
    path.unlink()
    path.write_text("others")
    assert agreement.disagreements(line.folder) == [
        "models/model is not what dvc.lock says that finetune wrote",
        "models/model is not what dvc.lock says that evaluate read",
    ]


def test_a_revision_is_looked_at_without_touching_the_workspace(
    line: Repository, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    replace(line, "params.yaml", "1e-4", "2e-5")
    line.commit()
    replace(line, "params.yaml", "2e-5", "1e-4")
    monkeypatch.chdir(line.folder)
    assert agreement.main(["HEAD"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "params.yaml has lr: 2e-05, and dvc.lock says that finetune, evaluate ran with 0.0001",
        "Next: dvc repro, then git add dvc.lock metrics, and commit",
    ]
    assert agreement.main(["HEAD~1"]) == 0
    assert agreement.main([]) == 0
    assert line.type("git", "worktree", "list").count("\n") == 1
    assert agreement.main(["nosuch"]) == 2


def test_runs_of_the_line_are_on_record_at_its_remote(fresh: Repository) -> None:
    assert agreement.disagreements(fresh.folder, records=True) == []


def test_outputs_that_no_run_gave_are_told_where_records_are_kept(fresh: Repository) -> None:
    for digest in set(hashes(fresh, "models/model")):
        replace(fresh, "dvc.lock", digest, f"{'0' * 32}.dir")
    assert agreement.disagreements(fresh.folder) == []
    assert agreement.disagreements(fresh.folder, records=True) == [
        "runs of finetune on record gave other outputs than dvc.lock has, from the same deps",
        "no run of evaluate with what dvc.lock names is on record: dvc push --run-cache sends it",
    ]
    shutil.rmtree(fresh.folder.parent / "store/runs")
    assert agreement.disagreements(fresh.folder, records=True) == [], "nobody keeps records"


def test_runs_that_the_base_tells_of_need_no_record(fresh: Repository) -> None:
    for digest in set(hashes(fresh, "models/model")):
        replace(fresh, "dvc.lock", digest, f"{'0' * 32}.dir")
    fresh.commit()
    assert agreement.disagreements(fresh.folder, records=True, base="HEAD") == []
    assert len(agreement.disagreements(fresh.folder, records=True, base="HEAD~1")) == 2


@pytest.fixture(params=["the file", "its folder"])
def added(line: Repository, request: pytest.FixtureRequest) -> Repository:
    """A clone without data of a line whose source is under `dvc add`; encode depends on the file or on its folder."""
    line.type("git", "rm", "--quiet", "--cached", "data/source/rows.csv")
    dvc(line, "add", "data/source/rows.csv")
    (line.folder / "data/source/README.md").write_text("where it is from\n")
    if request.param == "its folder":
        replace(line, "dvc.yaml", "data/source/rows.csv", "data/source")
    dvc(line, "repro")
    dvc(line, "push", "--run-cache")
    line.commit()
    line.type("git", "push", "--quiet", "origin", "main")
    return clone(line, "data-of-others")


def test_data_under_dvc_add_agrees_with_and_without_the_data(added: Repository) -> None:
    assert not (added.folder / "data/source/rows.csv").exists()
    assert agreement.disagreements(added.folder, records=True) == []
    dvc(added, "pull")
    assert (added.folder / "data/source/rows.csv").read_text() == "a b c d e f g h\n"
    assert agreement.disagreements(added.folder) == []


def test_other_data_under_dvc_add_is_told_where_nobody_ran_with_it(added: Repository) -> None:
    (digest,) = re.findall(r"md5: (\S+)", (added.folder / "data/source/rows.csv.dvc").read_text())
    replace(added, "data/source/rows.csv.dvc", digest, "a" * 32)
    (told,) = agreement.disagreements(added.folder)
    assert told in (
        "data/source/rows.csv.dvc names another data/source/rows.csv than dvc.lock says that encode read",
        "data/source is not what dvc.lock says that encode read",
    )
    replace(added, "data/source/rows.csv.dvc", "a" * 32, digest)
    dvc(added, "pull")
    path = added.folder / "data/source/rows.csv"
    path.unlink()
    path.write_text("others\n")
    assert "data/source/rows.csv is not what data/source/rows.csv.dvc says: dvc add data/source/rows.csv" in (
        agreement.disagreements(added.folder)
    )


def test_differences_stand_first_in_the_review(tmp_path: Path) -> None:
    path = tmp_path / "review.md"
    path.write_text(f"{MARKER}\n## Review\n")
    agreement.put_into(path, ["params.yaml has a_b: 1"])
    first, second, *rest = path.read_text().splitlines()
    assert (first, second) == (MARKER, "### These results were not made by these files")
    assert "- params.yaml has a\\_b: 1" in rest
    assert rest[-1] == "## Review"


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("dvc.lock", None, "dvc.lock: not in"),
        ("dvc.lock", "<<<<<<< HEAD\n", "dvc.lock: has conflicts"),
        ("dvc.lock", "a: [", "dvc.lock: not readable as YAML"),
        ("dvc.yaml", None, "dvc.yaml: not in"),
        ("params.yaml", "lr: [", "DVC cannot read the pipeline"),
    ],
)
def test_what_cannot_be_read_is_said(fresh: Repository, name: str, text: str | None, what: str) -> None:
    if text is None:
        (fresh.folder / name).unlink()
    else:
        (fresh.folder / name).write_text(text)
    with pytest.raises(UserError, match=re.escape(what)):
        agreement.disagreements(fresh.folder)
