"""Which stages stand as one run: read from dvc.lock, in a small line that has run."""

import shutil

import pytest

from review.standing import Standing, standing
from tests.repository import Repository
from tests.small_line import dvc, replace

LATE = ("finetune", "evaluate")


@pytest.fixture(autouse=True)
def _alone(line: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in line.environment.items():
        monkeypatch.setenv(name, value)


def stale(line: Repository) -> tuple[tuple[str, ...], str]:
    found = standing(line.folder)
    assert found is not None
    return found.stale, found.why


def test_a_line_that_has_run_through_stands(line: Repository) -> None:
    assert standing(line.folder) == Standing((), "", (), frozenset())


def test_params_that_have_changed_since_are_told_and_the_run_stands(line: Repository) -> None:
    replace(line, "params.yaml", "lr: 1e-4", "lr: 2e-4")
    assert standing(line.folder) == Standing((), "", LATE, frozenset(LATE))


def test_what_reads_from_a_stage_of_other_params_is_behind_with_it(line: Repository) -> None:
    replace(line, "params.yaml", "seed: 42", "seed: 43")
    assert standing(line.folder) == Standing((), "", ("encode",), frozenset({"encode", *LATE}))


def test_what_has_not_run_since_a_stage_before_it_did_does_not_stand(line: Repository) -> None:
    replace(line, "params.yaml", "seed: 42", "seed: 43")
    dvc(line, "repro", "encode")
    assert stale(line) == (LATE, "finetune, evaluate have not run through since encode did: dvc repro")


def test_evaluate_does_not_stand_beside_another_model(line: Repository) -> None:
    replace(line, "params.yaml", "lr: 1e-4", "lr: 3e-4")
    dvc(line, "repro", "finetune")
    assert stale(line) == (("evaluate",), "evaluate has not run through since finetune did: dvc repro")


def test_parts_of_an_output_are_compared_by_its_listing_and_not_at_all_without_one(line: Repository) -> None:
    replace(line, "params.yaml", "seed: 42", "seed: 43")
    dvc(line, "repro", "encode")
    shutil.rmtree(line.folder / ".dvc/cache")
    assert stale(line) == ((), "")


def test_a_metrics_file_that_dvc_lock_does_not_record_is_of_a_run_that_did_not_end(line: Repository) -> None:
    (line.folder / "metrics/finetune.json").write_text('{"epochs": 5}\n', encoding="utf-8")
    told = "finetune, evaluate have not run through: metrics/finetune.json is not the file that dvc.lock records"
    assert stale(line) == (LATE, f"{told}: dvc repro")


def test_a_metrics_file_that_is_gone_is_as_one_that_is_not_recorded(line: Repository) -> None:
    (line.folder / "metrics/evaluate.json").unlink()
    told = "evaluate has not run through: metrics/evaluate.json is not the file that dvc.lock records: dvc repro"
    assert stale(line) == (("evaluate",), told)


def test_a_stage_that_dvc_lock_does_not_have_has_not_run(line: Repository) -> None:
    lock = line.folder / "dvc.lock"
    text = lock.read_text(encoding="utf-8")
    lock.write_text(text[: text.index("  evaluate:\n")], encoding="utf-8")
    assert stale(line) == (("evaluate",), "evaluate has not run through yet: dvc repro")


@pytest.mark.parametrize(("name", "text"), [("dvc.lock", None), ("dvc.lock", "stages: ["), ("dvc.yaml", "stages: []")])
def test_nothing_is_told_of_a_line_that_cannot_be_read(line: Repository, name: str, text: str | None) -> None:
    path = line.folder / name
    path.unlink() if text is None else path.write_text(text, encoding="utf-8")
    assert standing(line.folder) is None
