"""The copies of a repository that trials run in, and what makes another study."""

import os
from pathlib import Path

import pytest

from review.trials import copies, process
from review.trials import study as studies
from stages.core.errors import UserError
from stages.core.params import checked
from tests.repository import Repository, environment
from tests.workplace import params

LINE = """
stages:
  augment: {cmd: "true", deps: [stages/augment.py]}
  encode: {cmd: "true", deps: [stages/augment.py], outs: [data/encoded]}
  finetune: {cmd: "true", deps: [data/encoded, stages/training]}
"""
LOCK = """
schema: '2.0'
stages:
  encode:
    cmd: "true"
    deps: [{path: stages/augment.py, md5: 0123456789abcdef0123456789abcdef}]
    outs: [{path: data/encoded, md5: 123456789abcdef0123456789abcdef0}]
"""


@pytest.fixture
def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    made = Repository(tmp_path / "line", environment(tmp_path))
    files = {"dvc.yaml": LINE, "dvc.lock": LOCK, ".dvc/config": "[core]\n", ".gitignore": "/.groundwork/\n/big\n"}
    files |= {"stages/augment.py": "a = 1\n", "stages/training/loop.py": "b = 1\n", "stages/evaluate.py": "c = 1\n"}
    for name, text in files.items():
        (made.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (made.folder / name).write_text(text, encoding="utf-8")
    made.begin()
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    return made


def test_a_copy_has_the_commit_and_the_changes_and_the_folder_itself_is_left_alone(line: Repository) -> None:
    root = line.folder
    (root / "dvc.yaml").write_text(f"{LINE}# changed\n", encoding="utf-8")
    (root / "stages/new.py").write_text("d = 1\n", encoding="utf-8")
    line.type("git", "add", "stages/new.py")
    (root / "stages/forgotten.py").write_text("e = 1\n", encoding="utf-8")
    (root / ".dvc/config.local").write_text("['remote \"x\"']\n    url = there\n", encoding="utf-8")
    before = line.type("git", "status", "--porcelain")
    copies.make(root / ".groundwork/search/k/worker-1", copies.snapshot(root, "/the/cache"))
    copy = Repository(root / ".groundwork/search/k/worker-1", line.environment)
    assert line.type("git", "status", "--porcelain") == before
    assert copy.type("git", "rev-parse", "HEAD") == line.type("git", "rev-parse", "HEAD")
    assert copy.type("git", "status", "--porcelain", "--", "dvc.yaml", "stages").split() == [
        *("M", "dvc.yaml"),
        *("A", "stages/new.py"),
    ]
    assert list(copies.changes(root).values()) == [
        ["dvc.yaml", "stages/new.py"],
        [".dvc/config.local", "stages/forgotten.py"],
    ]
    settings = " ".join((copy.folder / ".dvc/config.local").read_text("utf-8").split())
    assert settings == "['remote \"x\"'] url = there [cache] dir = /the/cache type = reflink,hardlink,copy"


def test_a_file_that_was_touched_and_not_changed_is_no_change(line: Repository) -> None:
    os.utime(line.folder / "dvc.yaml", (0, 0))
    assert copies.snapshot(line.folder, "").changes == ""


def test_a_folder_inside_of_a_repository_is_refused(line: Repository) -> None:
    with pytest.raises(UserError, match="a search needs the top of its Git repository"):
        copies.snapshot(line.folder / "stages", "")


def test_a_repository_without_commits_is_refused(tmp_path: Path, line: Repository) -> None:
    empty = Repository(tmp_path / "empty", line.environment)
    empty.folder.mkdir()
    empty.type("git", "init", "--quiet")
    with pytest.raises(UserError, match="git rev-parse: fatal"):
        copies.snapshot(empty.folder, "")


@pytest.mark.parametrize(
    ("changes", "file", "same"),
    [
        ({}, "stages/evaluate.py", True),
        ({"search.trials": 99, "search.sampler": "random", "search.seed": 7, "search.workers": 2}, None, True),
        ({"evaluate.mistakes": 3, "review.confidence": 0.9}, None, True),
        ({"lr": 1e-3}, None, False),
        ({"search.space": {"lr": {"low": 1e-5, "high": 1e-3}}}, None, False),
        ({"search.objective": "accuracy"}, None, False),
        ({}, "stages/training/loop.py", False),
        ({}, "stages/augment.py", False),
        ({}, "dvc.lock", False),
    ],
)
def test_another_space_data_code_or_params_make_another_study(line: Repository, changes, file, same) -> None:
    def key(content: dict) -> str:
        return studies.key_of(content, checked(content).search, line.folder)

    before = key(params({}))
    if file:
        path = line.folder / file
        path.write_text(path.read_text("utf-8").replace("1", "3"), encoding="utf-8")
    assert (key(params(changes)) == before) is same


def test_the_latest_study_goes_on_and_a_new_one_gets_the_next_number(tmp_path: Path) -> None:
    assert studies.name_of("abc123", tmp_path, new=False) == "abc123"
    assert studies.name_of("abc123", tmp_path, new=True) == "abc123"
    for name in ("abc123", "abc123-2", "fff000-7"):
        (tmp_path / name).mkdir()
    assert studies.name_of("abc123", tmp_path, new=False) == "abc123-2"
    assert studies.name_of("abc123", tmp_path, new=True) == "abc123-3"


def test_workers_share_gpus_round_robin_and_cores_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    seen = [one["CUDA_VISIBLE_DEVICES"] for one in process.environments(3, ["0", "GPU-ab"], cores=8)]
    assert seen == ["0", "GPU-ab", "0"]
    assert process.environments(3, [], cores=8) == [{"OMP_NUM_THREADS": "2"}] * 3
    assert process.environments(1, [], cores=8) == [{}]
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert process.environments(2, [], cores=8) == [{}, {}]


@pytest.mark.parametrize(
    ("gpus", "processes", "groups"),
    [
        ("012", 1, ["0", "1", "2"]),
        ("01234", 2, ["0,1", "2,3"]),
        ("012", 0, ["0,1,2"]),
        ("0", 2, ["0"]),  # finetune then says what is wrong
        ("", 2, []),
        ("", 0, []),
    ],
)
def test_a_training_of_several_processes_gets_as_many_gpus(gpus: str, processes: int, groups: list[str]) -> None:
    assert process.shared_out(list(gpus), processes) == groups


def test_the_gpus_are_those_that_cuda_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert process.gpus("auto") == ["0", "1"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    assert process.gpus("cuda") == ["4", "7"]
    assert process.gpus("cpu") == []


def test_a_trial_runs_finetune_alone_and_says_which_values(tmp_path: Path) -> None:
    typed = process.command("search-ab-007", {"lr": 3.1e-5, "finetune.schedule": "cosine"})
    assert typed[2:] == [
        *("dvc", "exp", "run", "--temp", "--allow-missing", "--name", "search-ab-007"),
        *("-S", "lr=3.1e-05", "-S", "finetune.schedule=cosine", "finetune"),
    ]
    seen = process.surroundings(tmp_path / "told.jsonl", {"CUDA_VISIBLE_DEVICES": "1"})
    assert seen["GROUNDWORK_LIVE"] == str(tmp_path / "told.jsonl") and seen["CUDA_VISIBLE_DEVICES"] == "1"
