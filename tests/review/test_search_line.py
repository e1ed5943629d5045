"""The queue and the search end to end: the shipped stages, a tiny model, and what people type."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from stages.core import tables
from tests.repository import STAGES, TIMEOUT_S, Repository, environment, ran, skipped
from tests.test_pipeline import CHANGES, lay_out
from tests.workplace import ROOT, params

pytestmark = pytest.mark.long

SEARCH = {
    "epochs": 12,
    "lr": 2e-4,
    "search.space": {"lr": {"choices": [2e-4, 1e-3, 0.5]}},
    "search.objective": "log_loss",
    "search.sampler": "grid",
    "search.startup_trials": 1,
    "search.trials": 3,
}


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Iterator[Repository]:
    """The whole line, committed: main has test scores."""
    top = tmp_path_factory.mktemp("search")
    made = Repository(top / "line", environment(top) | {"PYTHONPATH": str(ROOT)})
    lay_out(made, tiny_model)
    YAML().dump(params(CHANGES | SEARCH), made.folder / "params.yaml")
    made.begin()
    made.type("dvc", "repro")
    made.commit()
    yield made
    subprocess.run(["dvc", "queue", "stop", "--kill"], cwd=made.folder, env=made.environment, check=False)


def experiments(line: Repository) -> list[str]:
    """Their names, without DVC's own references: Git is quick, and leaves the cores to the workers."""
    names = line.type("git", "for-each-ref", "--format=%(refname)", "refs/exps/??/*/*").split()
    return [name.rpartition("/")[2] for name in names]


def reference(line: Repository, name: str) -> str:
    return line.type("git", "for-each-ref", "--format=%(refname)", f"refs/exps/*/*/{name}").strip()


def metrics(line: Repository, name: str) -> dict:
    return json.loads(line.type("git", "show", f"{reference(line, name)}:metrics/finetune.json"))


def scores_on_test(line: Repository) -> dict[str, dict]:
    """metrics/evaluate.json as `dvc exp show` has it, by name of the commit's experiments."""
    commit = json.loads(line.type("dvc", "exp", "show", "--json"))[1]
    return {
        one["name"]: one["revs"][0]["data"]["metrics"]["metrics/evaluate.json"] for one in commit["experiments"] or []
    }


def test_a_search_prunes_and_proposes_and_its_best_is_applied_without_training_it_again(line: Repository) -> None:
    of_main = (line.folder / "metrics/evaluate.json").read_bytes()
    said = line.type(sys.executable, "-m", "review.search")
    rows = [row.split() for row in said.splitlines() if row.startswith(("0 d", "1 d", "2 p"))]
    assert [row[:3] for row in rows] == [["0", "done", "0.0002"], ["1", "done", "0.001"], ["2", "pruned", "0.5"]], said
    names = sorted(experiments(line))
    assert [name[-4:] for name in names] == ["-000", "-001"], "what was pruned leaves no experiment"
    assert list((line.folder / ".groundwork/checkpoints").glob("*")) == []
    assert line.type("git", "status", "--porcelain").split() == []
    scores = [metrics(line, name)["validation"]["log_loss"] for name in names]
    assert scores[1] < scores[0]
    assert f"best: trial 1, log_loss {scores[1]:.4f} on validation" in said
    assert (line.folder / "metrics/evaluate.json").read_bytes() == of_main, "it does not look at the test set"
    assert {name: set(found) for name, found in scores_on_test(line).items()} == {name: {"error"} for name in names}
    for name in names:
        held = line.type("git", "ls-tree", "-r", "--name-only", reference(line, name), "metrics").split()
        assert "metrics/finetune.json" in held and not [path for path in held if "evaluate" in path]
    shown = [row.split() for row in line.type(sys.executable, "-m", "workbench.experiments").splitlines()]
    of_trials = {row[0]: set(row[3:]) for row in shown if row and row[0] in names}
    assert of_trials == {name: {"–"} for name in names}, "lr and the score that chooses come first, no test score after"
    line.type("git", "apply", ".groundwork/search/best.patch")
    assert line.type("git", "diff", "--stat").split()[0] == "params.yaml"
    line.type("git", "checkout", "--quiet", ".")
    line.type("sh", "-c", f"dvc exp apply {names[1]}; true")
    repro = line.type("dvc", "repro")
    assert (ran(repro), skipped(repro)) == (["evaluate"], STAGES[:-1])
    assert tables.read_json(line.folder / "metrics/finetune.json") == metrics(line, names[1])
    line.commit()


def test_a_queue_with_two_workers_runs_all_and_they_do_not_disturb_each_other(line: Repository) -> None:
    before = set(experiments(line))
    line.type("dvc", "exp", "run", "--queue", "-S", "lr=2e-3,3e-3")
    line.type("dvc", "queue", "start", "-j", "2")
    end = time.monotonic() + TIMEOUT_S
    while len(set(experiments(line)) - before) < 2 and time.monotonic() < end:
        time.sleep(0.5)
    found = [metrics(line, name) for name in set(experiments(line)) - before]
    assert len(found) == 2, line.type("dvc", "queue", "status")
    assert [one["epochs"] for one in found] == [12, 12]
    assert found[0]["validation"] != found[1]["validation"]
    assert list((line.folder / ".groundwork/checkpoints").glob("*")) == []
    assert line.type("git", "status", "--porcelain").split() == []
