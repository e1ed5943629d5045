"""Provenance, and leaks made by the line itself, in a real repository."""

from pathlib import Path

import pytest

from review.data import data_changes
from review.provenance import provenance
from review.sides import open_sides
from stages.core import tables
from stages.core.report import result_digest
from tests.two_sides import Sides, begin, messages

SHARES = {"train": 0.6, "validation": 0.1, "test": 0.3}


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Sides:
    """`main`; `leaking`: copies of all texts by other authors, near-duplicates no longer kept together; `grouped`: the
    same copies, kept together, in a split drawn anew."""
    folder = tmp_path_factory.mktemp("provenance") / "repository"
    folder.mkdir()
    made = begin(folder, split__ratios=SHARES)
    made.make(messages(120))
    made.predict()
    made.commit()
    copies = [{**row, "message": f"{row['message']} indeed", "author": f"b{row['author']}"} for row in messages(120)]
    for name, changes in (("leaking", {"clean.duplicates.near.enabled": False}), ("grouped", {"seed": 7})):
        made.repository.type("git", "checkout", "--quiet", "-b", name, "main")
        made.make([*messages(120), *copies], changes)
        made.predict()
        made.commit()
    made.repository.type("git", "checkout", "--quiet", "main")
    made.repository.type("dvc", "checkout", "--quiet")
    return made


def test_copies_of_test_texts_leak_where_near_duplicates_are_shared_out(sides: Sides) -> None:
    found = data_changes(*open_sides("main", "leaking", sides.folder))["leakage"]
    assert found["exact"] == 0
    assert found["near"] == found["new"] > 10
    assert found["items"][0]["kind"] == "near-duplicate"


def test_they_do_not_where_they_are_kept_together(sides: Sides) -> None:
    found = data_changes(*open_sides("main", "grouped", sides.folder))["leakage"]
    assert (found["exact"], found["near"], found["new"]) == (0, 0, 0)
    assert found["former"] > 0


def test_both_sides_have_their_revision_and_hashes(sides: Sides) -> None:
    found = provenance(*open_sides("main", "workspace", sides.folder))
    commit = sides.repository.type("git", "rev-parse", "main").strip()
    assert (found["base"]["revision"], found["head"]["revision"]) == (commit, commit)
    assert found["base"]["hashes"] == found["head"]["hashes"]
    assert found["base"]["hashes"]["data/cleaned"].endswith(".dir")
    assert (found["head"]["clean"], found["agreement_error"]) == (True, None)
    assert found["base"]["metrics"]["accuracy"] == tables.read_json(sides.folder / "metrics/evaluate.json")["accuracy"]
    assert found["environment"]["libraries"]["numpy"]


def test_a_change_that_was_not_run_is_told(sides: Sides) -> None:
    path = sides.folder / "data/source/messages.csv"
    before = path.read_text(encoding="utf-8")
    path.write_text(before + "one more,positive,z,mail\n", encoding="utf-8")
    try:
        found = provenance(*open_sides("main", "workspace", sides.folder))
    finally:
        path.write_text(before, encoding="utf-8")
    assert found["agreement"] == ["data/source/messages.csv is not what dvc.lock says that line read"]


def test_what_a_run_was_made_with_is_told_where_it_is_recorded(sides: Sides) -> None:
    path = sides.folder / "metrics/finetune.json"
    tables.write_json(path, {"steps": 1})
    record = {"libraries": {"torch": "2.0"}, "device": "cpu", "cores": 2, "machine": "x86_64", "seconds": 1.0}
    runs = Path(".groundwork/runtime/runs")
    tables.write_json(sides.folder / runs / f"finetune-{result_digest(path.read_bytes())}.json", record)
    base, head = open_sides("main", "workspace", sides.folder)
    found = provenance(base, head)
    path.unlink()
    assert found["head"]["libraries"] == {"torch": "2.0"}
    assert found["head"]["run"] == {"device": "cpu", "cores": 2, "machine": "x86_64"}
    assert (found["base"]["libraries"], found["base"]["run"]) == ({}, {})
