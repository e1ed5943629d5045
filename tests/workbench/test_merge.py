"""`make merge` on a real repository: results are settled from runs on record, and never mixed."""

import json
import re
import shutil
import subprocess
from contextlib import chdir

import pytest

from review.agreement import disagreements
from stages.core.errors import UserError
from tests.repository import Repository, ran
from tests.small_line import clone, dvc, replace
from workbench import runs
from workbench.merge import main, merge


@pytest.fixture
def parted(line: Repository) -> Repository:
    """The branch `near` (another lr), and main, which meanwhile ran with another seed; both are pushed."""
    replace(line, "params.yaml", "seed: 42", "seed: 43")
    dvc(line, "repro")
    dvc(line, "push", "--run-cache")
    line.commit()
    line.type("git", "push", "--quiet", "origin", "main")
    line.type("git", "checkout", "--quiet", "near")
    dvc(line, "checkout")
    return line


def run_both_changes(line: Repository) -> None:
    """Put the run with both changes on record, on no branch."""
    text = (line.folder / "params.yaml").read_text()
    replace(line, "params.yaml", "seed: 42", "seed: 43")
    dvc(line, "repro")
    dvc(line, "push", "--run-cache")
    (line.folder / "params.yaml").write_text(text)
    line.type("git", "checkout", "--quiet", "--", ".")
    dvc(line, "checkout")


def accuracy(line: Repository, revision: str = "HEAD") -> float:
    return float(json.loads(line.type("git", "show", f"{revision}:metrics/evaluate.json"))["accuracy"])


def test_what_was_run_before_is_settled_and_committed_without_a_run(parted: Repository) -> None:
    run_both_changes(parted)
    told = merge(parted.folder)
    assert told == [
        "results that both sides have: those of the branch that is merged to begin with",
        "from runs on record: finetune, evaluate",
        "merged; next: make agreement, then dvc push --run-cache && git push",
    ]
    assert disagreements(parted.folder) == []
    assert (parted.folder / "params.yaml").read_text() == "lr: 2e-4\n\n\n\nseed: 43\n"
    assert (parted.folder / "models/model/weights").read_text().startswith("2e-443")
    assert accuracy(parted) == 0.9699
    assert len(parted.type("git", "log", "-1", "--format=%P").split()) == 2
    assert parted.type("git", "status", "--porcelain") == ""
    assert merge(parted.folder) == ["origin/main is in this branch already: nothing to merge"]


def test_a_colleague_without_any_data_settles_it_from_the_remote(parted: Repository) -> None:
    run_both_changes(parted)
    other = clone(parted, "colleague")
    other.type("git", "checkout", "--quiet", "near")
    assert merge(other.folder)[1] == "from runs on record: finetune, evaluate"
    assert disagreements(other.folder) == []
    assert accuracy(other) == 0.9699


def test_what_has_never_run_is_named_and_the_merge_waits_for_it(parted: Repository) -> None:
    with pytest.raises(UserError, match=r"^finetune has never run with what it now reads$") as caught:
        merge(parted.folder)
    assert caught.value.hint == "dvc repro (it runs what is missing), then type make merge again"
    assert ran(parted.type("dvc", "repro")) == ["finetune", "evaluate"]
    assert merge(parted.folder)[-1].startswith("merged; next:")
    assert disagreements(parted.folder) == []
    assert accuracy(parted) == 0.9699


def test_conflicts_in_what_results_are_made_from_are_left_to_people(parted: Repository) -> None:
    parted.type("git", "checkout", "--quiet", "-B", "other", "near")
    replace(parted, "params.yaml", "seed: 42", "seed: 44")
    parted.commit()
    with pytest.raises(UserError) as caught:
        merge(parted.folder)
    assert str(caught.value) == "Git could not merge what results are made from:\n  params.yaml"
    (parted.folder / "params.yaml").write_text("lr: 1e-4\n\n\n\nseed: 43\n")
    parted.type("git", "add", "params.yaml")
    assert merge(parted.folder)[0].startswith("results that both sides have")
    assert disagreements(parted.folder) == []
    assert accuracy(parted) == 1.0


def test_a_side_that_changed_no_result_is_merged_with_those_of_the_other(line: Repository) -> None:
    (line.folder / "README.md").write_text("read me\n")
    line.commit()
    line.type("git", "push", "--quiet", "origin", "main")
    line.type("git", "checkout", "--quiet", "near")
    dvc(line, "checkout")
    assert merge(line.folder) == [
        "no stage reads anything else",
        "merged; next: make agreement, then dvc push --run-cache && git push",
    ]
    assert (accuracy(line), disagreements(line.folder)) == (0.9699, [])


def test_the_record_of_cost_is_that_of_the_settled_result(parted: Repository) -> None:
    run_both_changes(parted)
    from stages.core.report import result_digest

    digest = result_digest((parted.folder / "metrics/finetune.json").read_bytes())
    (parted.folder / "metrics/cost.json").write_text(json.dumps({"result": digest, "training_seconds": 3.0}))
    parted.commit()
    merge(parted.folder)
    kept = json.loads(parted.type("git", "show", "HEAD:metrics/cost.json"))
    assert kept == {"result": digest, "training_seconds": 3.0}


def test_runs_of_others_are_restored_by_repro_once_they_were_brought(parted: Repository) -> None:
    run_both_changes(parted)
    other = clone(parted, "colleague")
    with chdir(other.folder):
        assert runs.main() == 0
    replace(other, "params.yaml", "lr: 1e-4", "lr: 2e-4")
    said = other.type("dvc", "repro", "--pull")
    assert ran(said) == []
    assert re.findall(r"Stage '(\w+)' is cached", said) == ["finetune", "evaluate"]


def test_what_is_not_committed_stops_it_before_anything_is_done(
    parted: Repository, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    replace(parted, "params.yaml", "seed: 42", "seed: 45")
    monkeypatch.chdir(parted.folder)
    assert main([]) == 1
    said = capsys.readouterr().err
    assert said == (
        "not merged yet: the workspace is not what is committed: params.yaml\n"
        "Next: git commit, or git stash, then again\n"
    )
    assert not (parted.folder / ".git/MERGE_HEAD").exists()
    replace(parted, "params.yaml", "seed: 45", "seed: 42")
    assert main(["nosuch"]) == 1
    assert "nosuch: neither a Git revision nor a DVC experiment" in capsys.readouterr().err


def test_without_a_remote_the_cache_of_this_machine_is_asked(parted: Repository) -> None:
    run_both_changes(parted)
    shutil.rmtree(parted.folder.parent / "store")
    subprocess.run(["git", "config", "user.name", "x"], cwd=parted.folder, check=True)
    assert merge(parted.folder, "main")[1] == "from runs on record: finetune, evaluate"
