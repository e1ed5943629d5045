"""Which column is taken for what, by names and values; flags go first."""

import pyarrow as pa
import pytest

from stages.core.errors import UserError
from workbench.new.columns import Column
from workbench.new.roles import guess

ROWS = 120


def column(name: str, *values: str | None) -> Column:
    """`ROWS` values that repeat the given ones."""
    return Column(name, pa.array([values[row % len(values)] for row in range(ROWS)], pa.string()))


def texts(name: str) -> Column:
    return Column(name, pa.array([f"the parcel number {row} has not come yet" for row in range(ROWS)]))


def numbered(name: str) -> Column:
    return Column(name, pa.array([str(10_000 + row) for row in range(ROWS)]))


TICKETS = [
    numbered("ticket_id"),
    column("customer_id", *(f"C{number}" for number in range(30))),
    column("created", "2025-03-01", "2025-04-30"),
    texts("body"),
    column("topic", "billing", "delivery", "praise"),
    column("channel", "web", "phone"),
]


def test_a_table_of_tickets() -> None:
    roles = guess(TICKETS, {})
    assert {role: taken.name for role, taken in roles.taken.items()} == {
        "text": "body",
        "label": "topic",
        "group": "customer_id",
        "date": "created",
    }
    assert [roles.role_of(taken.name) for taken in TICKETS] == ["", "group", "date", "text", "label", ""]


def test_flags_go_first_and_none_leaves_a_role_open() -> None:
    roles = guess(TICKETS, {"label": "channel", "group": "none"})
    assert (roles.name("label"), roles.name("group"), roles.name("text")) == ("channel", None, "body")
    with pytest.raises(UserError, match="LABEL=chanel: no such column, did you mean 'channel'") as caught:
        guess(TICKETS, {"label": "chanel"})
    assert caught.value.hint == "there are: ticket_id, customer_id, created, body, topic, channel"


def test_numbers_with_decimals_are_values_and_few_whole_ones_classes() -> None:
    scores = column("score", "1.5", "2.0", "3.25", "4.75")
    assert guess([texts("review"), scores], {}).name("value") == "score"
    assert guess([texts("text"), column("label", "0", "1")], {}).name("label") == "label"
    assert guess([texts("text"), column("rating", "1", "2", "3", "4", "5")], {}).name("value") == "rating"
    assert guess([texts("text"), column("rating", "1", "2", "3")], {"value": "none", "label": "rating"}).name("label")


def test_an_answer_may_be_asked_for_not_to_be_a_value() -> None:
    columns = [column("label", "0", "1", "2"), column("take", *map(str, range(40)))]
    assert guess(columns, {"text": "none", "value": "none"}).name("label") == "label"


def test_columns_whose_names_go_together_are_a_pair() -> None:
    first, second = texts("sentence_A"), texts("sentence_B")
    roles = guess([first, second, column("entailment", "yes", "no")], {})
    assert (roles.name("text"), roles.name("text_pair"), roles.name("label")) == (
        "sentence_A",
        "sentence_B",
        "entailment",
    )


def test_positions_are_columns_where_there_are_no_names() -> None:
    text = Column(0, texts("").values)
    roles = guess([text, Column(1, column("", "1", "0").values)], {"label": "1"})
    assert (roles.name("text"), roles.name("label")) == (0, 1)


def test_a_group_that_does_not_repeat_is_none() -> None:
    assert guess([texts("body"), column("topic", "a", "b"), numbered("customer_id")], {}).name("group") is None


def test_a_group_that_the_sources_own_splits_share_is_none() -> None:
    answers, speakers = column("label", "yes", "no"), column("speaker", "ann", "bob", "cid")
    apart = column("split", "train", "train", "test")  # cid tests
    crossing = Column("split", pa.array(["train"] * 60 + ["test"] * 60))
    assert guess([answers, speakers, apart], {"text": "none"}).name("group") == "speaker"
    roles = guess([answers, speakers, crossing], {"text": "none"})
    assert (roles.name("group"), roles.name("split")) == (None, "split")


@pytest.mark.parametrize(
    ("values", "format"),
    [
        (("2025-03-01", "2025-04-30T10:00:00"), "iso"),
        (("31.12.2024", "01.02.2025"), "%d.%m.%Y"),
        (("13/02/2025", "01/03/2025"), "%d/%m/%Y"),
        (("02/13/2025", "03/01/2025"), "%m/%d/%Y"),
        (("20250301", "20250430"), None),
        (("yesterday", "2025-03-01"), None),
    ],
)
def test_dates_are_recognised_with_their_format(values: tuple[str, ...], format: str | None) -> None:
    assert column("when", *values).date_format == format


def test_what_a_column_holds() -> None:
    mixed = column("a", "x", " x ", "", None, "longer")
    assert (mixed.filled, mixed.distinct, mixed.share_filled) == (72, 2, 0.6)
    assert mixed.examples() == ["x", "longer"]
    assert (column("n", "1", "2.0").is_whole, column("n", "1.5", "2").is_whole, column("n", "1", "b").is_number) == (
        True,
        False,
        False,
    )
    assert column("n", "1.5", "-2").range() == (-2.0, 1.5)
    assert column("f", "a/1.JPG", "b/2.jpeg").names_files
