"""The contract that make new writes: the data it was made from keep it, and the same data much changed do not."""

import csv
import random
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path

import pytest

from stages import fetch, validate
from stages.core import tables
from stages.core.errors import UserError
from workbench.new.__main__ import main

SPELLINGS = {
    "billing": ["Billing", "billing", "BILLING", "biling", "billing.", "bill"],
    "delivery": ["Delivery", "delivery ", "delievry", "Delivry", "DELIVERY"],
    "praise": ["praise", "Praise!", "prais", "PRAISE"],
    "account": ["Account", "account", "acount", "accounts"],
}
Rows = list[list[str]]


def tickets() -> Rows:
    """600 messy rows under a header."""
    rng = random.Random(7)
    rows = [["ticket_id", "customer", "body", "topic"]]
    for number in range(600):
        name = list(SPELLINGS)[number % 4]
        spellings = SPELLINGS[name]
        spelling = rng.choices(spellings, [20, 10, *[1] * (len(spellings) - 2)])[0]
        body = rng.choice(["", f"<p>my {name}, again: {number}</p>", *[f"about {name} no {number}"] * 20])
        rows.append([str(number), f"C{rng.randrange(90)}", body, spelling])
    return rows


def scramble(rows: Rows) -> Rows:
    """30 % of the labels in spellings that nobody has seen."""
    rng = random.Random(1)
    header, *body = rows
    return [header, *([*row[:3], f"{row[3]} {rng.randrange(999)}x"] if rng.random() < 0.3 else row for row in body)]


def shift(rows: Rows) -> Rows:
    """Each cell one column further to the right."""
    header, *body = rows
    return [header, *([row[-1], *row[:-1]] for row in body)]


def halve(rows: Rows) -> Rows:
    return rows[:301]


def lose_a_class(rows: Rows) -> Rows:
    return [row for number, row in enumerate(rows) if number % 4 != 1 or number < 150]


def empty(rows: Rows) -> Rows:
    """Every other text is gone."""
    return [rows[0], *([*row[:2], "" if number % 2 else row[2], row[3]] for number, row in enumerate(rows[1:]))]


def write(rows: Rows) -> None:
    with Path("tickets.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The params.yaml that make new writes for the tickets."""
    folder = tmp_path_factory.mktemp("new")
    with chdir(folder):
        write(tickets())
        main(["tickets.csv"])
    return (folder / "params.yaml").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, described: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(described, encoding="utf-8")
    write(tickets())


def test_the_data_that_it_was_made_from_keep_it() -> None:
    fetch.main()
    validate.main()
    metrics = tables.read_json("metrics/validate.json")
    assert (metrics["contract_breaches"], metrics["issues"]["label.unknown"]) == (0, 0)
    assert sum(metrics["labels"].values()) == metrics["kept"]


@pytest.mark.parametrize(
    ("change", "clauses"),
    [
        (scramble, ["max_shares: label.unknown"]),
        (shift, ["max_shares: label.unknown", "min_rows_per_class: Billing"]),
        (halve, ["min_rows"]),
        (lose_a_class, ["min_rows_per_class: Billing"]),
        (empty, ["max_shares: text.empty"]),
    ],
)
def test_the_same_data_much_changed_do_not(change: Callable[[Rows], Rows], clauses: list[str]) -> None:
    write(change(tickets()))
    fetch.main()
    with pytest.raises(UserError) as caught:
        validate.main()
    assert [clause for clause in clauses if clause not in str(caught.value)] == []
