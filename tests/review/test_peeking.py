"""How many models have read a test set, counted in a real repository."""

from pathlib import Path

import pytest

from review.peeking import luck, peeking, readers, sentence
from tests import folders
from tests.repository import Repository, environment

LOCK = """schema: '2.0'
stages:
  evaluate:
    cmd: python -m stages.evaluate
    deps:
    - path: data/encoded/test
      hash: md5
      md5: {test}.dir
      size: 1
      nfiles: 1
    - path: models/model
      hash: md5
      md5: {model}.dir
      size: 1
      nfiles: 1
    outs:
    - path: models/predictions.parquet
      hash: md5
      md5: {model}{test}
"""


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    folder = tmp_path / "repository"
    folder.mkdir()
    made = Repository(folder, environment(tmp_path))
    made.type("git", "init", "--quiet", "--initial-branch", "main")
    return made


def commit(repository: Repository, test: str, model: str, note: str = "") -> None:
    (repository.folder / "dvc.lock").write_text(LOCK.format(test=test, model=model))
    (repository.folder / "note").write_text(note)
    repository.commit()


def test_each_model_counts_once_wherever_it_was_measured(repository: Repository) -> None:
    commit(repository, "t", "m1")
    repository.type("git", "switch", "--quiet", "--create", "other")
    commit(repository, "t", "m2")
    commit(repository, "u", "m3")
    commit(repository, "t", "m2", "again")
    repository.type("git", "update-ref", "refs/exps/aa/bbb/name", "HEAD")
    repository.type("git", "switch", "--quiet", "main")
    repository.type("git", "branch", "--quiet", "--delete", "--force", "other")
    commit(repository, "t", "m1", "unchanged")
    found = peeking(folders.side(repository.folder))
    assert (found["models"], found["commits"], found["complete"]) == (2, 3, True)
    (repository.folder / "dvc.lock").write_text(LOCK.format(test="t", model="m4"))
    assert peeking(folders.side(repository.folder))["models"] == 3
    (repository.folder / "dvc.lock").write_text(LOCK.format(test="new", model="m4"))
    assert sentence(peeking(folders.side(repository.folder))) == "This test set has been read by 1 model, this one."


def test_a_shallow_clone_knows_only_a_least_number(repository: Repository, tmp_path: Path) -> None:
    for model in ("m1", "m2", "m3"):
        commit(repository, "t", model)
    repository.type("git", "clone", "--quiet", "--depth=1", repository.folder.as_uri(), str(tmp_path / "clone"))
    found = peeking(folders.side(tmp_path / "clone"))
    assert (found["models"], found["complete"]) == (1, False)
    assert sentence(found).startswith("This test set has been read by at least 1 model")


def test_without_a_lock_it_is_not_known(tmp_path: Path) -> None:
    found = peeking(folders.side(tmp_path))
    assert found["models"] is None
    assert "is not known" in sentence(found)


def test_the_readers_of_a_lock_that_dvc_wrote_are_found(line: Repository) -> None:
    text = (line.folder / "dvc.lock").read_text(encoding="utf-8")
    test, model = readers(text)
    assert test is not None and model is not None
    assert text.count(model) == 2
    assert f"path: data/encoded/test\n      hash: md5\n      md5: {test}" in text
    assert readers("stages: {}") == (None, None)


@pytest.mark.parametrize(("models", "expected"), [(1, 0.0), (2, 0.564), (10, 1.539), (100, 2.508)])
def test_the_luck_of_the_best_is_the_expected_greatest_draw(models: int, expected: float) -> None:
    assert luck(models) == pytest.approx(expected, abs=0.03)
