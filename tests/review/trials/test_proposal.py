"""The best values as a change of params.yaml that keeps every comment."""

import subprocess
from pathlib import Path

import pytest

from review.trials import proposal, space
from stages.core.params import parse, parse_text
from tests import workplace
from tests.workplace import ROOT

TEXT = """\
lr: 5e-5                        # peak
finetune:
  mixup: null                   # alpha
  dropout: {hidden: 0.0, attention: 0.1} # null: as the model
  betas:                        # of Adam
    - 0.9
    - 0.999
  name: "a b"
"""


def test_only_the_values_change_and_comments_stay_in_their_columns() -> None:
    values = {
        "lr": 3.14e-5,
        "finetune.mixup": 0.2,
        "finetune.dropout.attention": None,
        "finetune.betas": [0.8, 0.99],
        "finetune.name": "it's",
    }
    assert proposal.edited(TEXT, values) == (
        "lr: 3.14e-5                     # peak\n"
        "finetune:\n"
        "  mixup: 0.2                    # alpha\n"
        "  dropout: {hidden: 0.0, attention: null} # null: as the model\n"
        "  betas:                        # of Adam\n"
        "    [0.8, 0.99]\n"
        "  name: 'it''s'\n"
    )


def test_nothing_changes_where_the_values_are_those_that_stand_there() -> None:
    assert proposal.patch(TEXT, {"lr": 5e-5, "finetune.mixup": None}) == ""


@pytest.mark.parametrize("recipe", sorted(path.name for path in (ROOT / "recipes").glob("*.yaml")))
def test_the_patch_of_every_recipe_is_one_that_git_applies(tmp_path: Path, recipe: str) -> None:
    text = workplace.text(f"recipes/{recipe}")
    file = tmp_path / "params.yaml"
    file.write_text(text, encoding="utf-8")
    values = {"lr": 1.5e-5, "batch_size": 128, "finetune.weight_decay": 0.25, "finetune.label_smoothing": 0.05}
    change = proposal.patch(text, values)
    first = "".join(line[0] for line in change.splitlines()[2:])  # after the header
    assert (first.count("-"), first.count("+")) == (4, 4)
    (tmp_path / "best.patch").write_text(change, encoding="utf-8")
    subprocess.run(["git", "apply", "best.patch"], cwd=tmp_path, check=True)
    assert parse(file) == space.changed(parse_text(text), values)
    comments = [[line.partition("#")[2] for line in one.splitlines()] for one in (text, file.read_text("utf-8"))]
    assert comments[0] == comments[1]


def test_a_file_without_a_last_newline_is_patched_too(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("lr: 1.0", encoding="utf-8")
    (tmp_path / "best.patch").write_text(proposal.patch("lr: 1.0", {"lr": 2.0}), encoding="utf-8")
    subprocess.run(["git", "apply", "best.patch"], cwd=tmp_path, check=True)
    assert (tmp_path / "params.yaml").read_text("utf-8") == "lr: 2.0"
