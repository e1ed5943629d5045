"""The stage clean: in = kept + dropped, groups, and that cleaning again changes nothing."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages import clean, validate
from stages.core import tables
from stages.core.errors import UserError
from tests import workplace

LONG = "my parcel was left with a neighbour and nobody told me about it"
ROWS: list[workplace.Row] = [
    {"text": "caf&eacute;  was <b>great</b>", "label": "Positive ", "group": "ann"},
    {"text": "café was great", "label": "positive", "group": "bob"},
    {"text": LONG, "label": "negative", "group": "cat"},
    {"text": LONG + "!", "label": "negative", "group": "dan"},
    {"text": "so so", "label": "negative"},
    {"text": " so  so ", "label": "neutral"},
    {"text": "<p></p>", "label": "neutral"},
    {"text": " ", "label": "neutral"},
    {"text": "hm", "label": None},
    {"text": "hm hm", "label": "spam"},
    {"text": "где мой заказ", "label": "neutral", "group": "ann"},
]


def settings(**changes: Any) -> dict[str, Any]:
    return workplace.LAX | {key.replace("__", "."): value for key, value in changes.items()}


def run(folder: Path, rows: list[workplace.Row], **changes: Any) -> dict[str, Any]:
    with workplace.working_in(folder, settings(**changes)):
        workplace.put("fetched", "samples", workplace.table(rows))
        validate.main()
        clean.main()
        return tables.read_json("metrics/clean.json")


def again(folder: Path, **changes: Any) -> dict[str, Any]:
    """Clean what was kept once more, as if it had come like that from a source."""
    with workplace.working_in(folder, settings(**changes)):
        kept = [row | {"issues": []} for row in workplace.rows("cleaned", "samples")]
        workplace.put("fetched", "samples", workplace.table(kept))
        validate.main()
        clean.main()
        return tables.read_json("metrics/clean.json")


def kept(folder: Path) -> list[workplace.Row]:
    found: list[workplace.Row] = tables.read(folder / "data/cleaned", "samples").to_pylist()
    return found


def dropped(folder: Path) -> list[workplace.Row]:
    found: list[workplace.Row] = tables.read(folder / "data/cleaned", "dropped").to_pylist()
    return found


def test_rows_are_cleaned_grouped_or_dropped_with_reasons(tmp_path: Path) -> None:
    metrics = run(tmp_path, ROWS)
    assert [(row["text"], row["label"], row["group"], row["issues"]) for row in kept(tmp_path)] == [
        ("café was great", "positive", "ann", ["text.html", "text.whitespace", "label.mapped"]),
        (LONG, "negative", "cat", []),
        (LONG + "!", "negative", "cat", ["duplicate.near"]),
        ("где мой заказ", "neutral", "ann", ["outlier.script"]),
    ]
    assert [(row["text"], row["issues"]) for row in dropped(tmp_path)] == [
        ("café was great", ["duplicate.exact"]),
        ("so so", ["label.conflict"]),
        ("so so", ["text.whitespace", "label.conflict"]),
        ("", ["text.html", "text.whitespace", "text.empty"]),
        ("hm", ["label.missing"]),
        ("hm hm", ["label.unknown"]),
    ]
    assert metrics == {
        "rows": 10,
        "kept": 4,
        "dropped": 6,
        "groups": 2,
        "reasons": {
            "duplicate.exact": 1,
            "label.conflict": 2,
            "label.missing": 1,
            "label.unknown": 1,
            "text.empty": 1,
        },
        "issues": {
            "duplicate.exact": 1,
            "duplicate.near": 1,
            "label.conflict": 2,
            "label.mapped": 1,
            "label.missing": 1,
            "label.unknown": 1,
            "outlier.script": 1,
            "text.empty": 1,
            "text.html": 2,
            "text.whitespace": 3,
        },
        "labels": {"negative": 2, "neutral": 1, "positive": 1},
        "dropped_labels": {"negative": 1, "neutral": 2, "positive": 1, "spam": 1},
        "changed": {"html": 2, "labels": 1, "whitespace": 3},
    }


def test_only_what_was_kept_or_dropped_remains_in_the_folder(tmp_path: Path) -> None:
    run(tmp_path, ROWS)
    names = sorted(path.name for path in (tmp_path / "data/cleaned").iterdir())
    assert names == ["dropped-00000.parquet", "samples-00000.parquet"]


def test_ids_and_all_other_columns_stay_as_they_were(tmp_path: Path) -> None:
    run(tmp_path, [row | {"extra": [("n", str(n))], "split": "train"} for n, row in enumerate(ROWS)])
    fetched = {row["id"]: row for row in tables.read(tmp_path / "data/fetched", "samples").to_pylist()}
    for row in kept(tmp_path):
        own = {name: row[name] for name in ("text", "label", "group", "issues")}
        assert row == fetched[row["id"]] | own


def test_two_runs_give_the_same_bytes(tmp_path: Path) -> None:
    files = []
    for _ in range(2):
        metrics = run(tmp_path, ROWS)
        files.append((metrics, [path.read_bytes() for path in sorted((tmp_path / "data/cleaned").iterdir())]))
    assert files[0] == files[1]


def test_when_nothing_is_left_both_tables_are_still_written(tmp_path: Path) -> None:
    metrics = run(tmp_path, ROWS, clean__labels__map={}, labels=["x", "y"])
    assert (metrics["rows"], metrics["kept"], metrics["dropped"]) == (10, 0, 10)
    assert kept(tmp_path) == []


@pytest.mark.parametrize("action", ["drop", "flag"])
@pytest.mark.parametrize("rows", [[], ROWS[7:8]], ids=["nothing fetched", "all rejected"])
def test_no_rows_pass_through(tmp_path: Path, rows: list[workplace.Row], action: str) -> None:
    metrics = run(tmp_path, rows, clean__outliers__action=action)
    assert (metrics["rows"], metrics["kept"], metrics["dropped"], metrics["groups"]) == (0, 0, 0, 0)
    assert kept(tmp_path) == dropped(tmp_path) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"clean__labels__missing": "fill", "clean__labels__fill": "none"},
            "params.yaml: clean.labels.fill: 'none' is not among `labels`",
        ),
        (
            {"clean__text__steps__html__form": "x"},
            "params.yaml: clean.text.steps.html.form: unknown key (known: )",
        ),
    ],
)
def test_a_mistake_is_told_and_nothing_is_written(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        run(tmp_path, ROWS, **changes)
    assert str(caught.value) == message
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["fetched", "validated"]


@pytest.mark.parametrize("rows", [ROWS[:4], [*ROWS, {"text": "new"}], [{"text": "new"}, *ROWS[1:]]])
def test_verdicts_on_other_samples_are_refused(tmp_path: Path, rows: list[workplace.Row]) -> None:
    run(tmp_path, ROWS)
    with workplace.working_in(tmp_path, workplace.LAX):
        workplace.put("fetched", "samples", workplace.table(rows))
        with pytest.raises(UserError, match="data/validated holds the verdicts on other samples than data/fetched"):
            clean.main()
        assert workplace.leftovers() == []


PIECES = ["&amp;lt;b>", "<b>", "</b>", "ok", "OK", " ", "\u200b", "é", "Ã©", "\x00", "great", LONG, "!", "x" * 400]
ROW = st.fixed_dictionaries(
    {
        "text": st.none() | st.lists(st.sampled_from(PIECES), max_size=4).map("".join),
        "label": st.sampled_from([None, "", "positive", "Positive ", "negative", "spam"]),
        "split": st.sampled_from([None, None, "train", "validation", "test"]),
    },
    optional={"text_pair": st.sampled_from([None, "ok", "<i>ok</i>"]), "group": st.sampled_from(["ann", "bob"])},
)
CHOICES = st.fixed_dictionaries(
    {
        "clean__missing_text": st.sampled_from(["drop", "fill"]),
        "clean__labels__missing": st.sampled_from(["drop", "fill", "keep"]),
        "clean__labels__fill": st.just("neutral"),
        "clean__labels__unknown": st.sampled_from(["drop", "keep"]),
        "clean__labels__conflicts": st.sampled_from(["drop", "majority", "keep"]),
        "clean__duplicates__exact": st.sampled_from(["drop", "keep"]),
        "clean__duplicates__near__action": st.sampled_from(["drop", "group"]),
        "clean__outliers__action": st.sampled_from(["drop", "flag"]),
        "clean__outliers__checks": st.just({"length": {"enabled": True, "z": 1.5}}),
    }
)


@workplace.few
@given(rows=st.lists(ROW, max_size=14), choices=CHOICES)
def test_nothing_vanishes_and_cleaning_again_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, rows: list[workplace.Row], choices: dict[str, Any]
) -> None:
    folder = tmp_path_factory.mktemp("clean")
    metrics = run(folder, rows, **choices)
    verdicts = tables.read(folder / "data/validated", "verdicts").to_pylist()
    first, out = kept(folder), dropped(folder)
    assert metrics["rows"] == sum(not row["rejected"] for row in verdicts)
    assert metrics["rows"] == metrics["kept"] + metrics["dropped"] == len(first) + len(out)
    assert sum(metrics["reasons"].values()) == metrics["dropped"]
    entered = sorted(row["id"] for row in verdicts if not row["rejected"])
    assert sorted(row["id"] for row in [*first, *out]) == entered
    assert all(row["issues"] for row in out)

    repeated = again(folder, **choices, validate__reject=[])
    assert repeated["dropped"] == 0
    same = ("id", "text", "text_pair", "label", "group")
    assert [[row[name] for name in same] for row in kept(folder)] == [[row[name] for name in same] for row in first]


def copied(label: str, texts: int, copies: int) -> list[workplace.Row]:
    return [{"text": f"{label} sentence {n} of its own", "label": label} for n in range(texts) for _ in range(copies)]


def test_what_each_class_lost_is_counted_and_much_more_than_the_others_is_warned_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    metrics = run(tmp_path, [*copied("negative", 20, 2), *copied("positive", 40, 1), *copied("neutral", 40, 1)])
    assert metrics["labels"] == {"negative": 20, "neutral": 40, "positive": 40}
    assert metrics["dropped_labels"] == {"negative": 20}
    (warned,) = metrics["warnings"]
    assert warned["code"] == "uneven_loss"
    assert warned["sentence"].startswith("class negative lost 50% of its 40 rows, the others 0%: ")
    out = capsys.readouterr().out
    assert ["negative", "20", "20", "50.0%"] in [line.split() for line in out.splitlines()]
    assert f"warning: {warned['sentence']}\n" in out


@pytest.mark.parametrize(("copies", "shown"), [(1, False), (2, True)])
def test_where_all_classes_lose_alike_none_is_warned_of(
    tmp_path: Path, copies: int, shown: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    metrics = run(tmp_path, [*copied("negative", 20, copies), *copied("positive", 20, copies)])
    assert "warnings" not in metrics
    assert ("What each class lost" in capsys.readouterr().out) is shown
