"""`make use`: params.yaml from a recipe."""

import subprocess
from pathlib import Path

import pytest

from stages.core.errors import UserError
from stages.core.params import parse
from tests import workplace
from workbench.use import main, use


@pytest.fixture(autouse=True)
def _recipes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "recipes").symlink_to(workplace.ROOT / "recipes")
    monkeypatch.chdir(tmp_path)


def test_a_recipe_becomes_params_and_the_next_command_is_named() -> None:
    assert use("digits") == [
        "params.yaml: digits, read from digits, model scratch:resnet",
        "Next: dvc repro (or make repro, which shows the results, too)",
    ]
    assert Path("params.yaml").read_text("utf-8") == workplace.text("recipes/digits.yaml")


def test_data_of_ones_own_are_read_in_place_of_the_source() -> None:
    Path("there").mkdir()
    assert use("trec", "there")[0] == "params.yaml: trec, read from there, model bundled:all-MiniLM-L6-v2"
    assert parse("params.yaml")["fetch"]["path"] == "there"
    with pytest.raises(UserError, match="DATA=nowhere: no such file or folder"):
        use("trec", "nowhere")


def test_a_source_that_is_not_there_is_told() -> None:
    assert use("cifar10")[1].startswith("data/source/cifar10 is not there yet; the first lines of params.yaml say")


def test_params_that_git_does_not_have_are_kept(capsys: pytest.CaptureFixture[str]) -> None:
    subprocess.run(["git", "init", "--quiet"], check=True)
    Path("params.yaml").write_text("mine: 1\n", encoding="utf-8")
    main(["sick"])
    kept = list(Path(".groundwork").glob("params-*.yaml"))
    assert [path.read_text("utf-8") for path in kept] == ["mine: 1\n"]
    assert f"the params.yaml that stood here is not in Git: it is kept as {kept[0]}\n" in capsys.readouterr().out
    committing = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "--quiet", "-m", "sick"]
    subprocess.run(["git", "add", "params.yaml"], check=True)
    subprocess.run(committing, check=True)
    main(["messages"])
    assert list(Path(".groundwork").glob("params-*.yaml")) == kept


def test_without_a_name_the_recipes_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([])
    assert "Next: make use RECIPE=NAME, one of: cats-and-dogs, cifar10, digits," in capsys.readouterr().err
