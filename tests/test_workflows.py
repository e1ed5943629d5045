"""CI, Makefile and README: what they tell to run is there."""

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from review.agreement import disagreements
from tests.forge_server import REPOSITORY, Server
from tests.repository import Repository
from tests.small_line import clone, dvc, replace

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted(ROOT.glob(".github/workflows/*.yml"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
SCRIPTS = [path for path in sorted((ROOT / ".ci").iterdir()) if os.access(path, os.X_OK) and path.is_file()]
MADE_BY_CI = ".venv/"
WRITERS = {
    ("comment.yml", "comment"): {"actions": "read", "contents": "write", "pull-requests": "write"},
    ("deploy.yml", "deploy"): {"contents": "write"},
    ("train.yml", "train"): {"contents": "write"},
    ("train.yml", "review"): {"actions": "write", "contents": "read", "pull-requests": "write"},
}
"""Jobs whose token may do more than read the repository."""


def targets() -> dict[str, str]:
    """Targets of the Makefile, and what `make help` says of them."""
    return dict(re.findall(r"^([a-z]+):[^#\n]*## (.+)$", MAKEFILE, re.MULTILINE))


def phony() -> list[str]:
    return re.findall(r"^\.PHONY: (.+)$", MAKEFILE, re.MULTILINE)[0].split()


def jobs(path: Path) -> dict[str, Any]:
    return YAML(typ="safe").load(path)["jobs"]


def commands(text: str) -> Iterator[list[str]]:
    """The simple commands of a shell script, as lists of words."""
    for line in text.splitlines():
        words = shlex.split(line, comments=True)
        if words:
            yield words


def check(words: list[str]) -> None:
    """A command that names a target or a file of the repository names one that exists."""
    if words[0] == "make":
        assert set(words[1:]) <= set(phony()), " ".join(words)
    elif "/" in words[0] and not words[0].startswith(MADE_BY_CI):
        assert os.access(ROOT / words[0], os.X_OK), f"{words[0]}: no such program here"


def test_there_is_a_workflow_for_pushes_and_pull_requests() -> None:
    triggers = [YAML(typ="safe").load(path)["on"] for path in WORKFLOWS]
    assert any({"push", "pull_request"} <= set(one) for one in triggers)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_step_of_a_workflow_runs_something_that_exists(path: Path) -> None:
    found = list(jobs(path).values())
    assert found
    for job in found:
        assert job["timeout-minutes"] and job["steps"]
        for step in job["steps"]:
            assert ("run" in step) != ("uses" in step), step
            for words in commands(step.get("run", "")):
                check(words)
            if "uses" in step:
                assert re.fullmatch(r"[\w-]+/[\w-]+@\S+", step["uses"])


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_only_read(path: Path) -> None:
    assert YAML(typ="safe").load(path)["permissions"] == {"contents": "read"}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_tries_the_python_versions_that_pyproject_allows(path: Path) -> None:
    allowed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["requires-python"]
    low, high = (int(part) for part in re.fullmatch(r">=3\.(\d+),<3\.(\d+)", allowed).groups())
    for job in jobs(path).values():
        if matrix := job.get("strategy", {}).get("matrix", {}).get("python"):
            assert matrix == [f"3.{minor}" for minor in range(low, high)]


def test_ci_runs_the_tests_as_the_readme_says() -> None:
    assert os.access(ROOT / ".ci/run", os.X_OK)
    assert ["make", "test"] in list(commands((ROOT / ".ci/run").read_text(encoding="utf-8")))
    runs = [step.get("run", "") for path in WORKFLOWS for job in jobs(path).values() for step in job["steps"]]
    assert ".ci/run" in runs


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_the_scripts_of_ci_stop_at_the_first_failure(path: Path) -> None:
    assert "set -euo pipefail" in path.read_text(encoding="utf-8").splitlines()


def test_every_target_is_phony_and_helped() -> None:
    assert sorted(targets()) == sorted(phony())
    assert {"repro", "test", "check"} <= set(phony())


def test_a_makefile_recipe_names_modules_that_exist() -> None:
    named = set(re.findall(r"python -m ((?:stages|review|workbench)\.\w+)", MAKEFILE))
    assert named
    for module in named:
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), module


@pytest.mark.parametrize("target", ["repro", "test"])
def test_the_readme_names_the_two_commands(target: str) -> None:
    assert re.search(rf"\bmake {target}\b", (ROOT / "README.md").read_text(encoding="utf-8"))


def test_every_make_target_that_the_documents_name_exists() -> None:
    for path in [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")), ROOT / "Makefile"]:
        text = path.read_text(encoding="utf-8")
        named = re.findall(r"`make ([a-z]+)", text) + re.findall(r"^(?:\$ )?make ([a-z]+)", text, re.MULTILINE)
        assert set(named) <= set(phony()), path.name


def steps(path: Path) -> list[tuple[str, dict[str, Any]]]:
    return [(name, step) for name, job in jobs(path).items() for step in job["steps"]]


@pytest.mark.parametrize("path", [*WORKFLOWS, ROOT / ".gitlab-ci.yml"], ids=lambda path: path.name)
def test_a_workflow_fits_its_published_schema(path: Path) -> None:
    schema = "vendor.gitlab-ci" if path.name == ".gitlab-ci.yml" else "vendor.github-workflows"
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_only_these_jobs_may_write() -> None:
    found = {
        (path.name, name): job["permissions"]
        for path in WORKFLOWS
        for name, job in jobs(path).items()
        if "permissions" in job
    }
    assert found == WRITERS


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_no_value_that_others_choose_is_pasted_into_a_shell(path: Path) -> None:
    assert [step["run"] for _, step in steps(path) if "${{" in step.get("run", "")] == []


@pytest.mark.parametrize(
    ("workflow", "trigger"), [("comment.yml", "workflow_run"), ("train.yml", "pull_request_target")]
)
def test_where_a_token_may_write_the_default_branch_is_checked_out(workflow: str, trigger: str) -> None:
    path = ROOT / ".github/workflows" / workflow
    assert list(YAML(typ="safe").load(path)["on"]) == [trigger]
    refs = {
        (name, step.get("with", {}).get("ref"))
        for name, step in steps(path)
        if "actions/checkout" in step.get("uses", "")
    }
    own = {("train", "${{ needs.permit.outputs.sha }}")}
    assert {ref for ref in refs if ref[1]} == (own if workflow == "train.yml" else set())


def test_the_runner_with_a_gpu_gets_only_what_was_permitted() -> None:
    train = jobs(ROOT / ".github/workflows/train.yml")
    assert [name for path in WORKFLOWS for name, job in jobs(path).items() if "self-hosted" in job["runs-on"]] == [
        "train"
    ]
    assert train["train"]["needs"] == "permit"
    assert train["permit"]["if"].split(" && ") == [
        "github.event.label.name == 'run-on-gpu'",
        "github.event.pull_request.head.repo.full_name == github.repository",
    ]


def test_the_review_gets_no_credentials_of_git() -> None:
    (checkout,) = [
        step for _, step in steps(ROOT / ".github/workflows/review.yml") if "checkout" in step.get("uses", "")
    ]
    assert checkout["with"]["persist-credentials"] is False
    assert checkout["with"]["ref"].startswith("${{ github.event.pull_request.head.sha ||")


def test_jobs_that_hold_a_token_install_nothing() -> None:
    for path, name in (("comment.yml", "comment"), ("train.yml", "permit"), ("train.yml", "review")):
        runs = [step["run"] for step in jobs(ROOT / ".github/workflows" / path)[name]["steps"] if "run" in step]
        (module,) = (shlex.split(run)[2] for run in runs)
        code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import {module}"
        subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True)


def test_what_only_reviews_installs_a_part_of_what_the_project_needs() -> None:
    content = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    group = content["dependency-groups"]["review"]
    assert set(group) < set(content["project"]["dependencies"])
    assert not [one for one in group if one.startswith(("torch", "transformers"))]


@pytest.fixture
def pulled(line: Repository) -> Repository:
    """A clone as CI has it: the head checked out, all branches known, no data."""
    return clone(line, "runner")


def ci(runner: Repository, script: str, **given: str) -> subprocess.CompletedProcess[str]:
    """Run a script of .ci as a job does."""
    environment = runner.environment | given
    return subprocess.run(
        [f".ci/{script}"], cwd=runner.folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def job(pulled: Repository, tmp_path: Path) -> Callable[..., tuple[int, str]]:
    """Review a branch as review.yml does; exit code and the Markdown."""

    def run(branch: str, **given: str) -> tuple[int, str]:
        pulled.type("git", "checkout", "--quiet", branch)
        out = {"BASE_BRANCH": "main", "PULL_REQUEST": "12", "REVIEW_OUT": str(tmp_path / "review")}
        done = ci(pulled, "review", **(out | given))
        return done.returncode, (tmp_path / "review/review.md").read_text(encoding="utf-8")

    return run


def test_a_pull_request_is_reviewed_commented_on_once_and_updated(
    job: Callable[..., tuple[int, str]], pulled: Repository, forge: Server, tmp_path: Path
) -> None:
    code, text = job("near", GITHUB_STEP_SUMMARY=str(tmp_path / "summary"))
    assert (code, text) == (0, "<!-- groundwork-review -->\n## Review\n\naccuracy 1.0 -> 0.9699, by @somebody\n")
    assert (tmp_path / "summary").read_text() == text
    assert [path.name for path in (tmp_path / "review/plots").iterdir()] == ["loss.png"]
    for branch, verb in (("near", "created"), ("worse", "updated")):
        code, _ = job(branch)
        sha = pulled.type("git", "rev-parse", "HEAD").strip()
        forge.open_pull(12, sha)
        given = {"GITHUB_API_URL": forge.url, "GITHUB_SERVER_URL": "https://github.com", "GITHUB_TOKEN": "t"}
        given |= {"GITHUB_REPOSITORY": REPOSITORY, "RUN_REPOSITORY": REPOSITORY, "RUN_SHA": sha, "RUN_URL": "run"}
        pulled.environment.update(given)
        assert f"comment: {verb}" in pulled.type("python3", "-m", "review.comment", str(tmp_path / "review"))
    assert code == 1
    (body,) = forge.bodies()
    assert "accuracy 1.0 -> 0.7" in body
    assert "raw/review-assets/12/loss-" in body
    assert pulled.type("git", "ls-tree", "-r", "--name-only", "origin/review-assets").count("12/") == 1


def test_metrics_that_were_tampered_with_fail_the_check(
    job: Callable[..., tuple[int, str]], pulled: Repository
) -> None:
    pulled.type("git", "checkout", "--quiet", "-b", "tampered", "origin/near")
    replace(pulled, "metrics/evaluate.json", "0.9699", "0.9999")
    pulled.commit()
    code, text = job("tampered")
    assert code == 1
    assert text.splitlines()[:4] == [
        "<!-- groundwork-review -->",
        "### These results were not made by these files",
        "",
        "- metrics/evaluate.json is not what dvc.lock says that evaluate wrote",
    ]


def test_params_that_were_not_run_fail_the_check(job: Callable[..., tuple[int, str]], pulled: Repository) -> None:
    pulled.type("git", "checkout", "--quiet", "-b", "unrun", "origin/main")
    replace(pulled, "params.yaml", "1e-4", "9e-5")
    pulled.commit()
    code, text = job("unrun")
    assert code == 1
    assert "- params.yaml has lr: 9e-05, and dvc.lock says that finetune, evaluate ran with 0.0001" in text


def test_a_review_that_cannot_be_made_is_no_pass(job: Callable[..., tuple[int, str]], pulled: Repository) -> None:
    pulled.type("git", "checkout", "--quiet", "-b", "empty", "origin/near")
    pulled.type("git", "rm", "--quiet", "metrics/evaluate.json")
    pulled.commit()
    code, text = job("empty")
    assert code == 2
    assert text.startswith("<!-- groundwork-review -->\n### These results")
    assert "### Not reviewed: the two sides could not be compared" in text


def test_the_runner_trains_pushes_the_data_and_commits_the_results(pulled: Repository) -> None:
    pulled.type("git", "checkout", "--quiet", "-b", "try/lr", "origin/main")
    replace(pulled, "params.yaml", "1e-4", "3e-4")
    pulled.commit()
    pulled.type("git", "push", "--quiet", "origin", "try/lr")
    pulled.type("git", "checkout", "--quiet", "--detach")
    done = ci(pulled, "train", BRANCH="try/lr")
    assert done.returncode == 0, done.stdout + done.stderr
    fresh = clone(pulled, "fresh")
    fresh.type("git", "checkout", "--quiet", "try/lr")
    assert json.loads((fresh.folder / "metrics/evaluate.json").read_text())["accuracy"] == 0.9523
    assert disagreements(fresh.folder) == []
    dvc(fresh, "pull")
    assert (fresh.folder / "models/model/weights").read_text().startswith("3e-4")
    again = ci(pulled, "train", BRANCH="try/lr")
    assert (again.returncode, again.stdout.splitlines()[-1]) == (
        0,
        "nothing to commit: the results are those of the branch",
    )


def test_the_dvc_remote_is_set_up_from_a_secret_that_no_one_else_reads(line: Repository, tmp_path: Path) -> None:
    (tmp_path / "python").write_text('#!/bin/sh\necho "$@" >> "$CALLS"\n')
    (tmp_path / "python").chmod(0o755)
    line.environment["PATH"] = f"{tmp_path}:{line.environment['PATH']}"
    given = {
        "DVC_CONFIG_LOCAL": "[core]\nremote = other",
        "DVC_REMOTE_PLUGIN": "dvc-s3",
        "CALLS": str(tmp_path / "calls"),
    }
    assert ci(line, "setup", **given).returncode == 0
    installed = (tmp_path / "calls").read_text().splitlines()[1]
    assert installed.endswith("--constraint .ci/constraints.txt --group review dvc-s3")
    path = line.folder / ".dvc/config.local"
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("[core]\nremote = other\n", 0o600)
    assert line.type("git", "status", "--porcelain") == ""
