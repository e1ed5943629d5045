"""The loop of a search over real processes, in real copies of a Git repository; only DVC is played by a few lines."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from review import search as script
from review.trials import copies, loop, outcome, process, screen, space
from review.trials import study as studies
from stages.core import report
from stages.core.errors import UserError
from stages.core.params import Params, checked
from tests.repository import Repository, environment
from tests.workplace import params

TRIAL = """
import json, os, subprocess, sys, time
from pathlib import Path
name, lr = sys.argv[1], json.loads(sys.argv[2])["lr"]
def tell(**row):
    with open(os.environ["GROUNDWORK_LIVE"], "a") as live:
        print(json.dumps(row), file=live)
tell(epochs=4)
tell(checkpoints=f"of {lr:g}")
if lr > 10:
    print("finetune stopped: the loss is not finite\\nNext: a smaller lr\\nERROR: failed to reproduce 'finetune'")
    sys.exit(1)
for epoch in range(1, 5):
    tell(epoch=epoch, macro_f1=lr * epoch / 4)
    if lr < 0.02 and epoch == 2:
        time.sleep(60)
tell(epoch=1, macro_f1=0.0)  # a second fold
seen = {one: os.environ.get(one) for one in ("CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS")}
scores = {} if lr == 0.5 else {"macro_f1": lr}
Path("metrics").mkdir()
metrics = {"samples": {"validation": 146}, "validation": scores, "seen": seen}
if lr == 0.7:
    metrics["mean"] = {"macro_f1": 0.65}
Path("metrics/finetune.json").write_text(json.dumps(metrics))
def git(*words):
    return subprocess.run(["git", *words], check=True, capture_output=True, text=True).stdout.strip()
git("add", "--all")
head = git("rev-parse", "HEAD")
made = git("commit-tree", git("write-tree"), "-p", head, "-m", name)
git("update-ref", f"refs/exps/{head[:2]}/{head[2:]}/{name}", made)
git("reset", "--quiet", "--hard")
"""
CHANGES = {
    "lr": 0.1,
    "search.sampler": "grid",
    "search.startup_trials": 1,
    "search.pruner": {"name": "median", "warmup_epochs": 1, "reduction_factor": 3},
    "search.trials": 10,
}


class Place:
    """A repository, and searches in it."""

    def __init__(self, line: Repository) -> None:
        self.line, self.root = line, line.folder

    def params(self, lr: Mapping[str, Any], changes: Mapping[str, Any]) -> tuple[Params, list[space.Dimension]]:
        content = params({**CHANGES, "search.space": {"lr": lr}, **changes})
        found = checked(content)
        return found, space.dimensions(content, found.search.space)

    def study(self, key: str = "abc123") -> Any:
        return studies.opened(self.root / studies.HOME / key, higher=True)

    def loop(
        self,
        lr: Mapping[str, Any],
        changes: Mapping[str, Any] | None = None,
        environments: list[dict[str, str]] | None = None,
        show: Callable[..., None] = lambda _: None,
    ) -> loop.Loop:
        found, dimensions = self.params(lr, changes or {})
        study = self.study()
        study.pruner = studies.pruner_of(found.search.pruner, startup_trials=1, epochs=4)
        return loop.Loop(
            study=study,
            search=found.search,
            space=dimensions,
            taken=copies.snapshot(self.root, str(self.root / ".dvc/cache")),
            folder=self.root / studies.HOME / "abc123",
            epochs=2,  # of params.yaml; a trial tells to how many finetune.min_updates has raised them
            environments=environments or [{}],
            show=show,
            wait_s=0.01,
        )

    def rows(self) -> list[list[str]]:
        return [screen.row(trial, ["lr"], None)[:4] for trial in studies.tried(self.study())]

    def experiments(self) -> list[str]:
        return sorted(self.line.type("git", "for-each-ref", "--format=%(refname:lstrip=4)", "refs/exps").split())

    def reference(self, name: str) -> str:
        return self.line.type("git", "for-each-ref", "--format=%(refname)", f"refs/exps/*/*/{name}").strip()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    line = Repository(tmp_path / "line", environment(tmp_path))
    line.folder.mkdir()
    for name, text in (
        (".gitignore", "/.groundwork/\n"),
        ("dvc.yaml", 'stages: {finetune: {cmd: "true"}}\n'),
        ("dvc.lock", "schema: '2.0'\n"),
        (".dvc/config", "[core]\n"),
    ):
        (line.folder / name).parent.mkdir(exist_ok=True)
        (line.folder / name).write_text(text, encoding="utf-8")
    line.begin()
    monkeypatch.setattr(
        process, "command", lambda name, values: [sys.executable, "-c", TRIAL, name, json.dumps(dict(values))]
    )
    for name, value in line.environment.items():
        monkeypatch.setenv(name, value)
    return Place(line)


def test_trials_are_scored_pruned_and_kept_as_experiments(place: Place) -> None:
    kept = place.root / ".groundwork/checkpoints"
    for name in ("of 0.1", "of 0.01", "of 7"):
        (kept / name).mkdir(parents=True)
    place.loop({"choices": [0.1, 0.2, 0.01]}).run()
    assert place.rows() == [
        ["0", "done", "0.1", "0.1000"],
        ["1", "done", "0.2", "0.2000"],
        ["2", "pruned", "0.01", "0.0050 in epoch 2"],
    ]
    assert place.experiments() == ["search-abc123-000", "search-abc123-001"]
    assert [path.name for path in kept.iterdir()] == ["of 7"], "nobody goes on from what was stopped for good"
    assert place.line.type("git", "status", "--porcelain") == ""


@pytest.mark.parametrize(
    ("changes", "longest"),
    [
        ({}, 6),
        ({"finetune.min_updates": 90}, 12),
        ({"finetune.min_updates": 90, "finetune.accumulation_steps": 2}, 23),
        ({"finetune.min_updates": 90, "search.space.batch_size": {"choices": [8, 32, 16]}}, 23),
        ({"finetune.min_updates": 90, "search.space.batch_size": {"choices": [8, 500]}}, 90),
    ],
)
def test_the_longest_trial_has_the_epochs_that_finetune_would_raise_it_to(
    changes: dict[str, Any], longest: int
) -> None:
    content = params({"batch_size": 16, "search.space": {"epochs": {"low": 2, "high": 6}}, **changes})
    found = space.dimensions(content, checked(content).search.space)
    assert script.longest_trial(content, found, samples=128) == longest


def test_the_first_epochs_are_not_compared_and_nothing_is_pruned_without_a_pruner(place: Place) -> None:
    off = {"search.pruner": {"name": "none", "warmup_epochs": 1, "reduction_factor": 3}}
    place.loop({"choices": [0.2, 0.1]}, off).run()
    assert [row[1] for row in place.rows()] == ["done", "done"]


def test_values_that_were_tried_are_not_run_again_and_a_space_that_is_used_up_ends_the_search(place: Place) -> None:
    off = {"name": "none", "warmup_epochs": 0, "reduction_factor": 3}
    begun = place.loop({"choices": [0.1, 0.2]}, {"search.sampler": "random", "search.pruner": off})
    begun.run()
    rows = place.rows()
    assert sorted(row[2] for row in rows if row[1] == "done") == ["0.1", "0.2"]
    again = [row for row in rows if row[1].startswith("as trial")]
    assert all(row[3] == f"{float(row[2]):.4f}" for row in again) and len(again) >= loop.REPEATS
    assert len(studies.counted(begun.study)) == len(place.experiments()) == 2


def test_a_failed_trial_is_told_and_the_search_goes_on_until_three_in_a_row_fail(place: Place) -> None:
    last = "3 trials in a row failed, the last one: finetune stopped: the loss is not finite\nNext: a smaller lr"
    with report.console.capture() as told, pytest.raises(UserError) as caught:
        place.loop({"choices": [11.0, 0.5, 0.1, 12.0, 13.0, 14.0, 0.2]}).run()
    assert str(caught.value) == last
    assert [row[1] for row in place.rows()] == ["failed", "failed", "done", "failed", "failed", "failed"]
    assert "trial 0 failed: finetune stopped: the loss is not finite\nNext: a smaller lr\n" in told.get()
    assert "trial 1 failed: metrics/finetune.json has no validation.macro_f1" in told.get()


def test_of_several_folds_or_seeds_the_mean_is_the_score(place: Place) -> None:
    place.loop({"choices": [0.7]}).run()
    assert place.rows() == [["0", "done", "0.7", "0.6500"]]


def test_the_budget_counts_what_ended_and_a_search_goes_on_where_it_was(place: Place) -> None:
    place.loop({"choices": [0.1, 0.2, 0.3]}, {"search.trials": 2}).run()
    assert [row[2] for row in place.rows()] == ["0.1", "0.2"]
    place.loop({"choices": [0.1, 0.2, 0.3]}, {"search.trials": 3}).run()
    assert [row[2] for row in place.rows()] == ["0.1", "0.2", "0.3"]
    place.loop({"choices": [0.1, 0.2, 0.3]}, {"search.trials": 3}).run()
    assert len(place.rows()) == 3


def test_no_trial_begins_after_the_timeout(place: Place) -> None:
    place.loop({"choices": [0.1, 0.2, 0.3]}, {"search.timeout_s": 1e-9}).run()
    assert place.rows() == []


def test_two_workers_run_at_once_and_each_sees_its_own_gpu(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "gpus", lambda _: ["3", "5"])
    most: list[int] = []
    environments = script.workers(0, "auto", 1)
    place.loop({"choices": [0.1, 0.2, 0.3, 0.4]}, None, environments, lambda running: most.append(len(running))).run()
    assert max(most) == 2
    seen = set()
    for name in place.experiments():
        found = place.line.type("git", "show", f"{place.reference(name)}:metrics/finetune.json")
        seen.add(json.loads(found)["seen"]["CUDA_VISIBLE_DEVICES"])
    assert seen == {"3", "5"}


def test_ctrl_c_stops_what_runs_and_the_next_search_runs_it_anew(place: Place) -> None:
    pids = []

    def interrupt(running: Mapping[int, loop.Running]) -> None:
        if any(one.epoch == 2 for one in running.values()):
            pids.extend(one.process.popen.pid for one in running.values())
            raise KeyboardInterrupt

    stopped = place.loop({"choices": [0.01]}, show=interrupt)
    assert isinstance(script.run(stopped), KeyboardInterrupt)
    assert not process.alive(pids[0])
    assert place.rows() == [] and place.experiments() == []
    (waiting,) = place.study().trials[1:]
    assert waiting.state.name == "WAITING" and waiting.user_attrs == {studies.AGAIN: 0}


def test_a_killed_search_leaves_a_process_that_the_next_one_stops_before_it_runs_its_values_anew(place: Place) -> None:
    killed = place.loop({"choices": [0.01]})
    killed.fill()
    (one,) = killed.running.values()
    assert process.leftover(one.process.popen.pid, one.process.name)
    with report.console.capture() as told:
        script.begin(place.study(), None, killed.space)
    assert one.process.popen.wait(5) != 0
    assert "trial 0 was interrupted: its values are tried anew" in told.get()
    assert [trial.state.name for trial in place.study().trials] == ["FAIL", "WAITING"]
    assert not process.leftover(os.getpid(), one.process.name)


def test_a_search_that_begins_tries_first_what_params_has(place: Place) -> None:
    found, dimensions = place.params({"low": 0.05, "high": 1.0}, {"search.sampler": "tpe", "search.trials": 1})
    script.begin(place.study(), {"lr": 0.1}, dimensions)
    place.loop({"low": 0.05, "high": 1.0}, {"search.sampler": "tpe", "search.trials": 1}).run()
    assert place.rows() == [["0", "done", "0.1", "0.1000"]]
    assert found.search.trials == 1


def test_a_search_that_was_interrupted_draws_what_one_in_one_go_draws() -> None:
    def draws(sizes: list[int]) -> list[float]:
        import optuna

        study = optuna.create_study(direction="maximize")
        one = space.Dimension("lr", checked(params({})).search.space["lr"], whole=False)
        for size in sizes:  # a new sampler, as after a restart
            for _ in range(size):
                study.sampler = studies.sampler_of("tpe", seed=0, number=len(study.trials), startup_trials=3)
                trial = study.ask({"lr": one.distribution()})
                study.tell(trial, trial.params["lr"])
        return [trial.params["lr"] for trial in study.trials]

    assert draws([2, 6]) == draws([8])
    assert len(set(draws([8]))) == 8


def test_what_came_of_it_is_told_with_what_it_is_worth_and_what_to_type(place: Place) -> None:
    text = "lr: 0.1   # rate\n"
    (place.root / "params.yaml").write_text(text, encoding="utf-8")
    place.loop({"choices": [0.1, 0.2, 0.01]}).run()
    found, dimensions = place.params({"choices": [0.1, 0.2, 0.01]}, {})
    with report.console.capture() as told:
        outcome.show(place.study(), found, dimensions, place.root, higher=True)
    said = told.get()
    assert "best: trial 1, macro_f1 0.2000 on validation (median of all: 0.1500)" in said
    assert "the best of 3 trials on the same 146 validation samples" in said
    assert "uncertain by about 0.083 to either side" in said
    assert "-lr: 0.1   # rate\n+lr: 0.2   # rate\n" in said
    assert "git apply .groundwork/search/best.patch && dvc repro" in said
    assert "dvc exp run -S lr=0.2 " in said and "dvc exp apply search-abc123-001; dvc repro" in said
    assert (place.root / ".groundwork/search/trials.png").read_bytes()[:4] == b"\x89PNG"
    place.line.type("git", "apply", ".groundwork/search/best.patch")
    assert (place.root / "params.yaml").read_text("utf-8") == "lr: 0.2   # rate\n"
    with report.console.capture() as told:
        outcome.show(place.study(), found, dimensions, place.root, higher=True)
    assert "These are the values that params.yaml has: nothing to change." in told.get()
    assert not (place.root / ".groundwork/search/best.patch").exists()


def test_a_search_without_a_score_says_so(place: Place) -> None:
    found, dimensions = place.params({"choices": [0.1]}, {})
    with report.console.capture() as told:
        outcome.show(place.study(), found, dimensions, place.root, higher=True)
    assert "no trial has ended with a score yet" in told.get()


def test_only_one_search_runs_in_a_repository(tmp_path: Path) -> None:
    with script.alone(tmp_path), pytest.raises(UserError, match="another search runs"), script.alone(tmp_path):
        pass


def test_a_process_that_does_not_listen_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "PATIENCE_S", tuple((how, 0.3) for how, _ in process.PATIENCE_S))
    deaf = (
        "import signal, time; [signal.signal(n, signal.SIG_IGN) for n in (2, 15)]; print(1, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", deaf], start_new_session=True, stdout=subprocess.PIPE) as popen:
        assert popen.stdout is not None and popen.stdout.read(1) == b"1"
        begun = time.monotonic()
        process.stop(popen.pid, popen)
        assert popen.returncode == -9 and time.monotonic() - begun < 5
