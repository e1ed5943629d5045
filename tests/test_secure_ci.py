"""CI as others may attack it or run into its limits: pinned actions, exceptions that say why, what runs when."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

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
