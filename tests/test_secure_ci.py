"""CI as others may attack it or run into its limits: pinned actions, exceptions that say why, what runs when."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.repository import Repository, environment, ran
from tests.small_line import clone
from tests.workplace import ROOT

WORKFLOWS = sorted(ROOT.glob(".github/workflows/*.yml"))


def read(path: Path) -> Any:
    return YAML(typ="safe").load(path)


def steps(path: Path) -> list[dict[str, Any]]:
    return [step for job in read(path)["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_by_commit_with_their_version_beside_it(path: Path) -> None:
    used = re.findall(r"uses: (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(used) == sum("uses" in step for step in steps(path))
    assert [line for line in used if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)] == []


def test_one_version_of_an_action_is_used_everywhere() -> None:
    used = {line for path in WORKFLOWS for line in re.findall(r"uses: (.*)$", path.read_text(), re.MULTILINE)}
    names = [line.partition("@")[0] for line in used]
    assert sorted(names) == sorted(set(names))


def test_long_tests_run_on_a_schedule_and_the_others_on_each_push() -> None:
    runs = {path.name: [step.get("run", "") for step in steps(path)] for path in WORKFLOWS}
    assert [name for name, lines in runs.items() if "make longtest" in lines] == ["longtests.yml"]
    assert [name for name, lines in runs.items() if "make check" in lines and ".ci/run" in lines] == ["tests.yml"]
    triggers = read(ROOT / ".github/workflows/longtests.yml")["on"]
    assert list(triggers) == ["schedule", "workflow_dispatch"]
    assert re.fullmatch(r"\d+ \d+ \* \* [0-6]", triggers["schedule"][0]["cron"]), "once a week"


def test_workflows_are_secure_as_far_as_zizmor_can_tell() -> None:
    command = [Path(sys.executable).with_name("zizmor"), "--offline", "--persona", "pedantic", ".github"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_exception_to_zizmor_says_why() -> None:
    lines = [line for path in WORKFLOWS for line in path.read_text(encoding="utf-8").splitlines()]
    ignored = [line.partition("zizmor: ignore")[2] for line in lines if "zizmor: ignore" in line]
    assert [rule for rule in ignored if not re.fullmatch(r"\[[\w-]+\] \w.{20,}", rule)] == []
    assert {rule.partition("]")[0] for rule in ignored} == {"[dangerous-triggers"}


def test_dependabot_proposes_newer_actions_and_packages() -> None:
    path = ROOT / ".github/dependabot.yml"
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.dependabot", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    updates = read(path)["updates"]
    assert [update["package-ecosystem"] for update in updates] == ["github-actions", "pip"]
    assert all(update["groups"] and update["cooldown"]["default-days"] >= 7 for update in updates)


def test_gitlab_tests_merge_requests_and_the_default_branch_and_long_ones_on_a_schedule() -> None:
    content = read(ROOT / ".gitlab-ci.yml")
    schedule, branch = '$CI_PIPELINE_SOURCE == "schedule"', "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH"
    request = '$CI_PIPELINE_SOURCE == "merge_request_event"'
    assert [rule["if"] for rule in content["workflow"]["rules"]][:3] == [request, schedule, branch]
    assert content["tests"]["rules"] == [{"if": schedule, "when": "never"}, {"if": request}, {"if": branch}]
    assert content["longtests"]["rules"] == [{"if": schedule}]
    assert content["tests"]["script"] == ["make check", ".ci/run"]
    assert content["longtests"]["script"] == ["make longtest"]
    assert content["release"]["resource_group"] == "release"


def test_what_is_downloaded_is_cached_until_the_constraints_change() -> None:
    content = read(ROOT / ".gitlab-ci.yml")
    cached = [content[name]["cache"]["key"]["files"] for name in (".tests", "review")]
    assert cached == [[".ci/constraints.txt"]] * 2
    setups = [step["with"] for path in WORKFLOWS for step in steps(path) if "setup-python" in step.get("uses", "")]
    assert {one.get("cache-dependency-path") for one in setups if "cache" in one} == {".ci/constraints.txt"}


def test_each_tag_is_deployed_and_none_cancels_another() -> None:
    assert read(ROOT / ".github/workflows/deploy.yml")["concurrency"] == {"group": "deploy-${{ github.ref }}"}


def keep_runner_clean() -> str:
    """What train.yml types in place of the cleaning that actions/checkout does by default."""
    (job,) = [job for name, job in read(ROOT / ".github/workflows/train.yml")["jobs"].items() if name == "train"]
    checkout, cleaning, *_ = job["steps"]
    assert checkout["with"]["clean"] is False
    return cleaning["run"]


def gitlab_cleans() -> str:
    """The same of GitLab's runner, which takes flags."""
    return f"git reset --hard && git clean {read(ROOT / '.gitlab-ci.yml')['train']['variables']['GIT_CLEAN_FLAGS']}"


@pytest.mark.parametrize("tell", [keep_runner_clean, gitlab_cleans])
def test_a_runner_keeps_checkpoints_environment_and_cache_and_nothing_else(
    tell: Callable[[], str], tmp_path: Path
) -> None:
    runner = Repository(tmp_path / "runner", environment(tmp_path))
    for name in (".gitignore", ".dvc/.gitignore"):
        (runner.folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, runner.folder / name)
    (runner.folder / "params.yaml").write_text("lr: 1\n")
    runner.begin()
    kept = [".groundwork/finetune/state", ".venv/bin/python", ".dvc/cache/files/ab", ".cache/pip/http/ab"]
    kept += ["data/encoded/rows", "models/a"]
    gone = ["stray.txt", "data/notes/a.csv", "inner/.git/HEAD"]
    for name in kept + gone:
        (runner.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (runner.folder / name).touch()
    (runner.folder / "params.yaml").write_text("lr: 2\n")
    runner.type("bash", "-c", tell())
    assert [name for name in kept + gone if (runner.folder / name).exists()] == kept
    assert runner.type("git", "status", "--porcelain") == ""


def test_a_runner_that_holds_the_outputs_of_another_branch_runs_nothing_twice(line: Repository) -> None:
    runner = clone(line, "runner")
    for branch in ("near", "worse", "near"):
        runner.type("git", "checkout", "--quiet", "--detach", f"origin/{branch}")
        runner.type("bash", "-c", keep_runner_clean())
        runner.environment["BRANCH"] = branch
        said = runner.type(".ci/train")
        assert ran(said) == []
        assert said.splitlines()[-1] == "nothing to commit: the results are those of the branch"
