"""Whole runs: a Git and DVC repository with a tiny model and 36 rows, and what people type in it.

Two copies are run side by side: one as it should be, and one that is killed twice on its way.
"""

import csv
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.repository import STAGES, TIMEOUT_S, Repository, environment, ran, skipped
from tests.workplace import params

pytestmark = pytest.mark.slow

CHANGES = {
    "model": "tiny",
    "lr": 1e-3,
    "epochs": 2,
    "batch_size": 8,
    "validate.contract.min_rows": 30,
    "validate.contract.min_rows_per_class": 5,
    "augment.copies": 1,
    "augment.balance": "none",
    "augment.workers": 1,
    "encode.max_length_tokens": 32,
    "finetune.threads": 1,
    "evaluate.bootstrap.resamples": 100,
    "review.resamples": 200,
    "review.min_common": 3,
    "review.gates.bounds": {},
    "review.gates.slices": {},
    "review.gates.data.max_near_leaks": None,
    "review.gates.drops": {},
}
THINGS = [
    "parcel",
    "invoice",
    "website",
    "charger",
    "headset",
    "blender",
    "bicycle",
    "mattress",
    "keyboard",
    "lamp",
    "ticket",
    "coffee",
]
MESSAGES = {
    "negative": ("I hate how the {} broke", "Terrible {}, never again"),
    "neutral": ("When does the {} arrive", "Is there a {} in blue"),
    "positive": ("So happy with my {}", "What a lovely {}, thanks"),
}


@dataclass
class Runs:
    """The first run, and the one that was killed, which may still be going on."""

    line: Repository
    said: str
    outputs: dict[str, str]
    killed: Future[tuple[Repository, list[bool], str]]


def lay_out(line: Repository, tiny_model: Path) -> None:
    """The shipped line, the tiny model, and messages about twelve things."""
    line.lay_out(params(CHANGES))
    shutil.copytree(tiny_model, line.folder / "tiny")
    (line.folder / "data/source").mkdir(parents=True)
    with (line.folder / "data/source/messages.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["message", "sentiment", "author"])
        for number, thing in enumerate(THINGS):
            rows.writerows([words[number % 2].format(thing), label, thing + label] for label, words in MESSAGES.items())


def run_with_kills(line: Repository) -> tuple[Repository, list[bool], str]:
    """A run that is killed while clean and while finetune write, then goes on to the end."""
    caught = [line.kill_repro_at(f"{name}.partial") for name in ("data/cleaned", "models/model")]
    return line, caught, line.type("dvc", "repro")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Iterator[Runs]:
    top = tmp_path_factory.mktemp("runs")
    line, other = (Repository(top / name, environment(top)) for name in ("line", "other place"))
    lay_out(line, tiny_model)
    line.begin()
    line.type("dvc", "remote", "add", "--default", "store", str(top / "store"))
    line.commit()
    line.type("git", "clone", "--quiet", ".", str(other.folder))
    with ThreadPoolExecutor(1) as pool:
        killed = pool.submit(run_with_kills, other)
        said = line.type("dvc", "repro")
        yield Runs(line, said, line.outputs(), killed)


def test_all_stages_run_and_git_sees_only_what_belongs_to_it(runs: Runs) -> None:
    assert ran(runs.said) == STAGES
    changed = runs.line.type("git", "status", "--porcelain", "--untracked-files=all").splitlines()
    outside = [line[3:] for line in changed if not line[3:].startswith("metrics/")]
    assert outside == ["dvc.lock"]
    assert {f"?? metrics/{name}.json" for name in STAGES} <= set(changed)
    assert runs.line.partials() == []


def test_a_second_repro_skips_everything_and_the_status_is_clean(runs: Runs) -> None:
    said = runs.line.type("dvc", "repro")
    assert (ran(said), skipped(said)) == ([], STAGES)
    assert "Data and pipelines are up to date." in said
    assert runs.line.type("dvc", "status").strip() == "Data and pipelines are up to date."
    assert runs.line.outputs() == runs.outputs


def test_a_changed_line_in_an_augmenter_concerns_augment_onward_and_not_clean(runs: Runs) -> None:
    file = runs.line.folder / "stages/augmenters/text.py"
    before = file.read_text(encoding="utf-8")
    file.write_text(f"{before}# changed\n", encoding="utf-8")
    try:
        status = runs.line.type("dvc", "status")
        dry = runs.line.type("dvc", "repro", "--dry", "--force-downstream")
    finally:
        file.write_text(before, encoding="utf-8")
    assert re.findall(r"^(\w+):", status, re.MULTILINE) == ["augment", "finetune"]  # which can augment while it trains
    assert re.findall(r"modified: +(\S+)", status) == ["stages/augmenters"] * 2
    assert ran(dry) == ["augment", "encode", "finetune", "evaluate"]
    assert skipped(dry) == ["fetch", "validate", "clean", "split", "baseline"]


def test_an_experiment_with_another_lr_reruns_finetune_and_evaluate_alone(runs: Runs) -> None:
    line = runs.line
    line.commit()
    said = line.type("dvc", "exp", "run", "-S", "lr=2e-5", "--name", "slower")
    assert (ran(said), skipped(said)) == (["finetune", "evaluate"], STAGES[:7])
    shown = line.type(sys.executable, "-m", "workbench.experiments").splitlines()
    assert max(map(len, shown)) <= 80
    assert shown[1].split() == ["validation", "test", "test", "test"]
    assert shown[2].split() == ["experiment", "lr", "macro_f1", "macro_f1", "accuracy", "macro_precision"]
    rows = [row.split() for row in shown[4:7]]
    assert [row[:2] for row in rows] == [["workspace", "2e-05"], ["main", "0.001"], ["slower", "2e-05"]]
    assert rows[0][2:] == rows[2][2:] != rows[1][2:]
    assert all(re.fullmatch(r"\d\.\d{4}", cell) for row in rows for cell in row[2:])
    assert shown[8] == "Left out, for 80 columns: test macro_recall, test roc_auc, test log_loss, test"
    assert "The workspace has lr 2e-05, the commit 0.001: the next `dvc exp run -S …` builds" in shown
    diff = line.type("dvc", "metrics", "diff")
    assert re.search(r"^metrics/evaluate.json +log_loss +[\d.]+ +[\d.]+ +-?[\d.]+$", diff, re.MULTILINE)
    assert {row.split()[0] for row in diff.splitlines()[1:]} == {"metrics/evaluate.json", "metrics/finetune.json"}


def test_what_was_run_before_is_not_run_again_though_its_outputs_are_gone(runs: Runs) -> None:
    line = runs.line
    line.type("git", "checkout", "--quiet", "HEAD", "--", ".")
    for name in ("data/encoded", "data/cleaned", "models", "metrics/plots"):
        shutil.rmtree(line.folder / name)
    said = line.type("dvc", "repro")
    assert ran(said) == []
    assert line.outputs() == runs.outputs


@pytest.fixture(scope="module")
def branch(runs: Runs) -> Repository:
    """A fresh clone of the experiment's branch, as a job of CI has it: pushed as the docs say, data first."""
    line = runs.line
    line.type("dvc", "exp", "branch", "slower", "try/lr")
    for name in ("main", "try/lr"):
        line.type("git", "checkout", "--quiet", name)
        line.type("dvc", "checkout")
        line.type("dvc", "push", "--run-cache")
    (line.folder / "README.md").write_text("a typo\n")
    line.type("git", "checkout", "--quiet", "-b", "readme", "main")
    line.commit()
    job = Repository(line.folder.parent / "job", line.environment | {"BASE_BRANCH": "main", "REVIEW_OUT": "out"})
    line.type("git", "clone", "--quiet", "--branch", "try/lr", ".", str(job.folder))
    return job


def test_the_check_of_an_honest_pull_request_passes_with_a_remote(branch: Repository) -> None:
    said = branch.type(".ci/review")
    assert "params.yaml, dvc.yaml, the code, dvc.lock and the metrics agree" in said
    comment = (branch.folder / "out/review.md").read_text(encoding="utf-8")
    assert "all 4 gates passed" in comment and "These results" not in comment
    assert re.search(r"\| training seconds \| [\d.]+ s \| [\d.]+ s \|", comment), "the cost is in Git"
    assert "loss.png" in said, "the data of the plots is read from the remote"
    assert not (branch.folder / "data/cleaned").exists(), "nothing was pulled"


def test_without_its_data_it_is_not_verified_and_a_typo_in_the_readme_passes(branch: Repository) -> None:
    store = branch.folder.parent / "store"
    store.rename(store.with_name("away"))
    try:
        done = subprocess.run([".ci/review"], cwd=branch.folder, env=branch.environment, check=False)
        assert done.returncode == 1
        comment = (branch.folder / "out/review.md").read_text(encoding="utf-8")
        assert "**Not verified: results changed" in comment and "1 of 5 gates failed: verified" in comment
        branch.type("git", "checkout", "--quiet", "readme")
        branch.type(".ci/review")
        assert "**No result changed" in (branch.folder / "out/review.md").read_text(encoding="utf-8")
    finally:
        store.with_name("away").rename(store)


def test_a_run_from_scratch_that_was_killed_twice_ends_with_the_same_bytes_elsewhere(runs: Runs) -> None:
    other, caught, said = runs.killed.result(TIMEOUT_S)
    assert caught == [True, True], "killed while clean and finetune were writing"
    assert ran(said) == ["finetune", "evaluate"]
    assert other.partials() == []
    assert other.outputs() == runs.outputs
    assert {"models/model/model.safetensors", "models/predictions.parquet", "dvc.lock"} < set(runs.outputs)
