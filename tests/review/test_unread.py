"""Reviews without outputs: what is unchanged, what is not verified, and what is not what it claims to be."""

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from review.__main__ import main
from tests.repository import Repository
from tests.two_sides import Sides, begin, messages

RATIOS = {"train": 0.4, "validation": 0.1, "test": 0.5}
GATED = "review.gates.unverified"
Reviewed = Callable[..., tuple[int, dict[str, Any], str]]


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Sides:
    """Branches from `main`: `readme`; `gated`: another gate; `other`: other results; `lowered`: may warn; `forged`."""
    folder = tmp_path_factory.mktemp("unread") / "repository"
    folder.mkdir()
    made = begin(folder, review__resamples=500, review__gates__bounds={}, split__ratios=RATIOS)
    made.make(messages(160))
    made.predict()
    made.commit()
    made.branch("readme")
    (folder / "README.md").write_text("read me\n")
    made.commit()
    for name, changes in (("other", {}), ("lowered", {GATED: "warn"})):
        made.repository.type("git", "checkout", "--quiet", "main")
        made.branch(name)
        made.make(messages(160), changes)
        made.predict(seed=1)
        made.commit()
    made.repository.type("git", "checkout", "--quiet", "main")
    made.branch("gated")
    made.make(messages(160), {"review.gates.slices": {"accuracy": {"min": 0.99}}})
    made.predict()
    made.commit()
    made.repository.type("git", "checkout", "--quiet", "main")
    made.branch("forged")
    made.predict()
    path = folder / "metrics/evaluate.json"
    claimed = json.loads(path.read_text())
    path.write_text(json.dumps(claimed | {"accuracy": 0.999}))
    made.commit()
    return made


@pytest.fixture(scope="module")
def clone(sides: Sides) -> Repository:
    """A clone without cache and remote."""
    sides.repository.type("git", "clone", "--quiet", ".", "../clone")
    return Repository(sides.folder.parent / "clone", sides.repository.environment)


def review(repository: Repository, head: str) -> tuple[int, dict[str, Any], str]:
    """Exit code, JSON and Markdown of a review of a branch against main."""
    with contextlib.chdir(repository.folder):
        code = main(["origin/main" if "clone" in repository.folder.name else "main", head])
        folder = Path(".groundwork/review")
        found = json.loads((folder / "review.json").read_text())
        return code, found, (folder / "review.md").read_text() + (folder / "review.html").read_text()


def test_results_that_did_not_change_pass_without_any_data(clone: Repository) -> None:
    code, found, text = review(clone, "readme")
    assert (code, found["result"]) == (0, "unchanged")
    assert "No result changed: dvc.lock names the same outputs on both sides; all 7 gates passed." in text
    assert {gate["why"] for gate in found["gates"] if gate["name"].startswith(("drops", "data.max_near"))} == {
        "macro F1 is the same",
        "as at the base: no result changed",
    }


def test_gates_that_were_edited_are_judged_where_that_is_possible_and_else_said_not_to_be(
    sides: Sides, clone: Repository
) -> None:
    assert review(sides.repository, "gated")[0] == 1, "with the outputs at hand"
    code, found, _ = review(clone, "gated")
    assert (code, found["result"]) == (0, "unchanged")
    (gate,) = (gate for gate in found["gates"] if gate["name"] == "slices.accuracy")
    assert (gate["verified"], gate["why"]) == (
        False,
        "no result changed; not judged by the edited gates: no outputs here",
    )
    assert "of them not verified" in found["verdict"]["text"]


def test_results_that_cannot_be_checked_are_never_green(clone: Repository) -> None:
    code, found, text = review(clone, "other")
    assert (code, found["result"]) == (1, "not verified")
    assert found["verdict"]["failed"] == ["verified"]
    assert found["verdict"]["text"].endswith("cannot be read here; 1 of 8 gates failed: verified, 5 cannot be judged.")
    assert found["notes"][0].startswith("models/predictions.parquet: the output of origin/main (")
    assert (
        "Next: dvc remote add --default NAME URL (there is no remote yet); where it was made: dvc push"
        in found["notes"][0]
    )
    assert "Not verified: results changed (macro F1 0." in text
    assert "⚠️ not verified" in text and "outputs were not read, so nothing was tested" in text
    assert {row["finding"] for row in found["metrics"]["rows"]} == {"not verified"}


def test_a_team_can_lower_that_gate_to_a_warning(clone: Repository) -> None:
    code, found, text = review(clone, "lowered")
    assert (code, found["result"]) == (0, "not verified")
    assert "all 8 gates passed, 6 of them not verified" in found["verdict"]["text"]
    assert "| ⚠️ | <code>verified</code>" in text and "! not verified" in text


def test_where_outputs_can_be_read_the_same_sides_are_compared(sides: Sides) -> None:
    assert review(sides.repository, "other")[1]["result"] == "compared"
    assert review(sides.repository, "readme")[1]["result"] == "unchanged"


def test_metrics_that_the_predictions_do_not_give_fail(sides: Sides) -> None:
    code, found, _ = review(sides.repository, "forged")
    assert (code, found["result"]) == (1, "compared")
    assert found["verdict"]["failed"] == ["verified"]
    (claim,) = found["false_claims"]
    assert claim.startswith("metrics/evaluate.json says accuracy 0.999, and models/predictions.parquet gives 0.")


def test_a_comment_quotes_no_sample_unless_params_say_so(sides: Sides) -> None:
    _, found, text = review(sides.repository, "other")
    markdown, page = text.split("<!doctype html>")
    texts = [row["text"] for row in found["flips"]["right_to_wrong"]["rows"] + found["flips"]["wrong_to_right"]["rows"]]
    assert texts and all(texts)
    assert not [one for one in texts if one in markdown] and all(one in page for one in texts)
    assert "What samples hold is not shown here (review.quote_samples in params.yaml)" in markdown.replace("\\", "")
