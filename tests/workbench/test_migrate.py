"""`make migrate`: a fork of version 1 takes the new code, with its own params, results and open branches."""

from contextlib import chdir
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from review.params_layout import is_laid_out
from stages.core.errors import UserError
from stages.core.params import parse
from tests.repository import Repository, environment
from tests.workplace import ROOT, params, text
from workbench.migrate import OUTPUTS, main, migrate

SHIPPED = text()
NEW_KEYS = ["finetune.min_updates", "review.gates.unverified", "review.quote_samples", "version"]
IGNORED = "/data/*\n!/data/source/\n/models/\n.venv/\n"
PLOTS = ["metrics/mistakes.md", "metrics/plots/evaluate/roc.csv", "metrics/plots/finetune/loss.csv"]


def old_params(**changes: Any) -> str:
    """The shipped params as version 1 had them: lists on one line, null in letters, `__` in place of dots in keys."""
    content = params({name.replace("__", "."): value for name, value in changes.items()})
    del content["version"], content["review"]["quote_samples"], content["review"]["gates"]["unverified"]
    del content["finetune"]["min_updates"]
    yaml, written = YAML(), StringIO()
    yaml.default_flow_style = None
    yaml.width = 10_000
    yaml.representer.add_representer(
        type(None), lambda dump, _: dump.represent_scalar("tag:yaml.org,2002:null", "null")
    )
    yaml.dump(content, written)
    return written.getvalue().replace("\nlr: ", "  # a comment of our own\nlr: ")


class Fork:
    """A repository of version 1 and `upstream`, the branch of the new code."""

    def __init__(self, folder: Path) -> None:
        self.line = Repository(folder, environment(folder.parent))
        self.folder = folder
        folder.mkdir()
        self.line.type("git", "init", "--quiet", "--initial-branch", "main")
        self.put("params.yaml", old_params())
        self.put(".gitignore", IGNORED)
        self.put("dvc.lock", "stages: {}\n")
        for name in PLOTS:
            self.put(name, "epoch\n1\n")
        self.line.commit()
        self.line.type("git", "checkout", "--quiet", "-b", "upstream")
        self.put("params.yaml", SHIPPED)
        self.put(".gitignore", (ROOT / ".gitignore").read_text(encoding="utf-8"))
        self.line.type("git", "rm", "--quiet", "-r", *PLOTS)
        self.put("dvc.lock", "stages: {fetch: {}}\n")
        self.line.commit()
        self.line.type("git", "checkout", "--quiet", "main")

    def put(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def merge(self) -> None:
        """As a person does, conflicts or not."""
        self.line.type("sh", "-c", "git merge --no-commit --no-ff upstream || true")


@pytest.fixture
def fork(tmp_path: Path) -> Fork:
    return Fork(tmp_path / "fork")


def differences(one: Any, other: Any, prefix: str = "") -> list[str]:
    """Dotted keys whose values differ."""
    if not isinstance(one, dict) or not isinstance(other, dict):
        return [] if one == other else [prefix.removesuffix(".")]
    keys = sorted({*one, *other})
    return [found for key in keys for found in differences(one.get(key), other.get(key), f"{prefix}{key}.")]


def test_a_fork_keeps_its_values_and_comments_and_gets_the_new_keys(fork: Fork) -> None:
    own = old_params(lr=1e-3, labels=["good", "bad"], finetune__seeds=[1, 2])
    fork.put("params.yaml", own)
    fork.put("metrics/plots/finetune/loss.csv", "epoch\n2\n")
    fork.put("dvc.lock", "stages: {clean: {}}\n")
    fork.put(".gitignore", f"{IGNORED}our-notes/\n")
    fork.line.commit()
    fork.merge()
    told = migrate(fork.folder)
    text = (fork.folder / "params.yaml").read_text(encoding="utf-8")
    assert is_laid_out(text) and "# a comment of our own" in text
    (fork.folder / "old.yaml").write_text(own, encoding="utf-8")
    assert differences(parse(fork.folder / "params.yaml"), parse(fork.folder / "old.yaml")) == NEW_KEYS
    assert told == [
        "params.yaml: version 1 -> 2",
        "params.yaml: finetune.min_updates: 200: short trainings get more epochs; 0: as before",
        "params.yaml: review.quote_samples: false: "
        "comments under pull requests show no texts and file names of samples",
        "params.yaml: review.gates.unverified: fail: results that changed and cannot be read fail the check",
        ".gitignore: without /data/*, !/data/source/, /models/: outputs are named one by one",
        "dvc.lock and metrics/: those of this branch, for now",
        "no longer in Git: metrics/plots, metrics/mistakes.md "
        "(plots are outputs of DVC, mistakes are in data/mistakes)",
        "next: dvc repro --pull && git add --all && git commit: results are made again, since the code is another one",
    ]
    assert (fork.folder / "dvc.lock").read_text() == "stages: {clean: {}}\n"
    ignored = (fork.folder / ".gitignore").read_text().splitlines()
    assert {"/data/fetched", "our-notes/"} <= set(ignored) and "/data/*" not in ignored
    assert fork.line.type("git", "ls-files", "metrics") == ""
    assert fork.line.type("git", "diff", "--name-only", "--diff-filter=U") == ""
    fork.line.type("git", "commit", "--quiet", "--no-edit")


def test_params_that_the_fork_never_touched_are_those_of_the_new_code(fork: Fork) -> None:
    fork.put("notes.md", "ours\n")
    fork.line.commit()
    fork.merge()
    migrate(fork.folder)
    assert (fork.folder / "params.yaml").read_text(encoding="utf-8") == SHIPPED


def test_an_open_branch_takes_what_main_changed_and_keeps_what_is_its_own(fork: Fork) -> None:
    """Both changed params.yaml since they parted: value by value, and what both changed is told."""
    fork.put("params.yaml", old_params(lr=1e-3, epochs=7))
    fork.line.commit()
    fork.line.type("git", "checkout", "--quiet", "upstream")
    text = SHIPPED.replace("batch_size: 16", "batch_size: 8").replace("epochs: 4", "epochs: 5")
    fork.put("params.yaml", text)
    fork.line.commit()
    fork.line.type("git", "checkout", "--quiet", "main")
    fork.merge()
    told = migrate(fork.folder)
    content = parse(fork.folder / "params.yaml")
    assert (content["lr"], content["batch_size"], content["epochs"]) == (1e-3, 8, 7)
    assert "params.yaml: batch_size: 16 -> 8, as the other side has it" in told
    assert "params.yaml: epochs: 7 stays; the other side has 5" in told
    assert is_laid_out((fork.folder / "params.yaml").read_text(encoding="utf-8"))


def test_recipes_of_the_fork_follow_and_other_conflicts_are_named(fork: Fork) -> None:
    fork.put("recipes/ours.yaml", old_params(epochs=2))
    fork.put("dvc.yaml", "ours\n")
    fork.line.commit()
    fork.line.type("git", "checkout", "--quiet", "upstream")
    fork.put("dvc.yaml", "theirs\n")
    fork.line.commit()
    fork.line.type("git", "checkout", "--quiet", "main")
    fork.merge()
    told = migrate(fork.folder)
    assert "recipes/ours.yaml: version 1 -> 2" in told
    assert parse(fork.folder / "recipes/ours.yaml")["version"] == 2
    assert told[-2] == "Git could not merge, and these are yours to settle: dvc.yaml"
    assert told[-1].startswith("next: git add them, then dvc repro --pull")


def test_without_a_merge_the_files_are_brought_up_and_a_second_time_nothing_changes(fork: Fork) -> None:
    assert migrate(fork.folder)[0] == "params.yaml: version 1 -> 2"
    fork.line.commit()
    assert migrate(fork.folder)[0] == "nothing was left to migrate"
    assert fork.line.type("git", "status", "--porcelain") == ""


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("version: 3\n", "params.yaml: version: 3: this code reads version 2"),
        ("a: [1\n", "params.yaml: not readable as YAML"),
        ("- 1\n", "params.yaml: a mapping of keys is expected"),
    ],
)
def test_what_cannot_be_migrated_is_told(fork: Fork, text: str, what: str) -> None:
    fork.put("params.yaml", text)
    with pytest.raises(UserError) as caught:
        migrate(fork.folder)
    assert str(caught.value).startswith(what)


def test_values_that_do_not_go_together_are_told_after_the_migration(
    fork: Fork, capsys: pytest.CaptureFixture[str]
) -> None:
    fork.put("params.yaml", old_params(lr=-1.0))
    with chdir(fork.folder):
        assert main([]) == 1
    said = capsys.readouterr()
    assert "version 1 -> 2" in said.out and "not done yet: params.yaml: lr: -1.0: should be greater than 0" in said.err


def test_the_lines_that_it_adds_to_gitignore_are_those_that_ship() -> None:
    assert set(OUTPUTS) <= set((ROOT / ".gitignore").read_text(encoding="utf-8").splitlines())
