"""The stage validate: verdicts, rejected samples, metrics, and the contract."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages import validate
from stages.core import tables
from stages.core.errors import UserError
from tests import workplace

ROWS: list[workplace.Row] = [
    {"text": "fine", "label": "negative"},
    {"text": " ", "label": "positive"},
    {"text": "fine", "label": "postive"},
    {"text": None, "label": None, "issues": ["row.malformed"]},
    {"text": "also fine", "label": "neutral"},
]

BLANK: dict[str, Any] = {"clean__labels__map": {}}
"""No spelling stands for a class."""


def run(folder: Path, rows: list[workplace.Row], **changes: Any) -> dict[str, Any]:
    with workplace.working_in(folder, workplace.LAX | {key.replace("__", "."): v for key, v in changes.items()}):
        workplace.put("fetched", "samples", workplace.table(rows))
        validate.main()
        return tables.read_json("metrics/validate.json")


def test_each_row_gets_its_codes_and_its_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = run(tmp_path, ROWS)
    monkeypatch.chdir(tmp_path)
    verdicts = workplace.rows("validated", "verdicts")
    assert [(row["issues"], row["rejected"]) for row in verdicts] == [
        ([], False),
        (["text.empty"], True),
        (["row.duplicate"], False),
        (["row.malformed", "text.missing", "label.missing"], True),
        ([], False),
    ]
    fetched = workplace.rows("fetched", "samples")
    assert [row["id"] for row in verdicts] == [row["id"] for row in fetched]
    rejected = [fetched[n] | {"issues": verdicts[n]["issues"]} for n in (1, 3)]
    assert workplace.rows("validated", "rejected") == rejected
    assert metrics == {
        "rows": 5,
        "kept": 3,
        "rejected": 2,
        "contract_breaches": 0,
        "issues": {
            "label.missing": 1,
            "label.unknown": 0,
            "row.duplicate": 1,
            "row.malformed": 1,
            "text.empty": 1,
            "text.missing": 1,
            "text.too_long": 0,
            "text.too_short": 0,
        },
        "labels": {"negative": 1, "neutral": 1, "positive": 1},
        "spellings": {"postive": 1},
    }


def test_what_rejects_is_for_params_to_say(tmp_path: Path) -> None:
    assert run(tmp_path, ROWS, validate__reject=[])["rejected"] == 0
    assert run(tmp_path, ROWS, validate__reject=["label.unknown", "label.missing"])["rejected"] == 1
    assert run(tmp_path, ROWS, validate__reject=["label.unknown", "label.missing"], **BLANK)["rejected"] == 2


def test_a_broken_contract_stops_the_line_with_its_report_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UserError) as caught:
        run(tmp_path, ROWS, validate__contract__min_rows=6, validate__contract__max_shares={"text.empty": 0.1})
    assert str(caught.value) == "2 clauses of the data contract broken: min_rows, max_shares: text.empty"
    assert tables.read_json(tmp_path / "metrics/validate.json")["contract_breaches"] == 2
    assert tables.rows(tmp_path / "data/validated", "rejected") == 2
    shown = capsys.readouterr().out
    assert "The contract (validate.contract) is broken" in shown
    assert "1 row, 20.00%" in shown
    assert "': ' '" not in shown and ": ' '" in shown  # an example of text.empty


@pytest.mark.parametrize("key", ["reject", "contract__max_shares"])
def test_a_code_without_a_check_is_refused_and_nothing_is_written(tmp_path: Path, key: str) -> None:
    value = ["text.emty"] if key == "reject" else {"text.emty": 0.1}
    with pytest.raises(UserError, match=r"validate\.\S+: no such check: text\.emty"):
        run(tmp_path, ROWS, **{f"validate__{key}": value})
    assert not (tmp_path / "data/validated").exists()
    assert not (tmp_path / "metrics").exists()


MESSY: list[workplace.Row] = [
    *({"text": f"sentence {row}", "label": ("positive", "negative", "neutral")[row % 3]} for row in range(60)),
    *({"text": f"another {row}", "label": "nuetral"} for row in range(15)),
    *({"text": f"a third {row}", "label": "spam"} for row in range(5)),
    *({"text": f"{'long ' * 20}{row}", "label": "positive"} for row in range(12)),
    *({"text": f"bare {row}", "label": None} for row in range(8)),
]
"""100 rows: 32 positive, 20 negative, 20 neutral and 15 misspelt ones, 5 of no class, 8 without a label."""
SHORT = {
    "text": {"too_long": {"max_characters": 50}, "too_short": {"min_characters": 8}},
    "label": {"unknown": {}, "missing": {}},
}


@pytest.mark.parametrize(
    ("broken", "clause", "followed"),
    [
        ({"min_rows": 101}, "min_rows", {"validate__contract__min_rows": 100}),
        ({"min_rows_per_class": 25}, "min_rows_per_class: negative", {"validate__contract__min_rows_per_class": 20}),
        (
            {"min_rows_per_class": 21},
            "min_rows_per_class: neutral",
            {"labels": ["positive", "neutral"], "clean__labels__map": {"negative": "neutral"}},
        ),
        ({"max_imbalance": 1.5}, "max_imbalance", {"validate__contract__max_imbalance": 1.6}),
        ({"max_imbalance": 1.5}, "max_imbalance", {"clean__labels__map": {"nuetral": "neutral", "spam": "negative"}}),
        ({"label.unknown": 0.1}, "max_shares: label.unknown", {"clean__labels__map": {"nuetral": "neutral"}}),
        (
            {"label.unknown": 0.1},
            "max_shares: label.unknown",
            {"labels": ["negative", "neutral", "nuetral", "positive"]},
        ),
        (
            {"label.unknown": 0.1},
            "max_shares: label.unknown",
            {"validate__contract__max_shares": {"label.unknown": 0.2}},
        ),
        ({"label.missing": 0.05}, "max_shares: label.missing", {"validate__contract__max_shares": {}}),
        (
            {"text.too_long": 0.1},
            "max_shares: text.too_long",
            {"validate__checks__text__too_long__max_characters": 200},
        ),
        (
            {"text.too_short": 0.05},
            "max_shares: text.too_short",
            {"validate__checks__text__too_short__min_characters": 1},
        ),
    ],
)
def test_each_advice_of_a_broken_contract_helps_when_it_is_followed(
    tmp_path: Path, broken: dict[str, Any], clause: str, followed: dict[str, Any]
) -> None:
    shares = {code: share for code, share in broken.items() if "." in code}
    contract = {f"validate__contract__{key}": value for key, value in broken.items() if key not in shares}
    given = {
        **BLANK,
        "validate__reject": [],
        "validate__checks": SHORT,
        "validate__contract__max_shares": shares,
        **contract,
    }
    if "spam" in followed.get("clean__labels__map", {}):
        given["validate__contract__max_imbalance"] = 1.45
    with pytest.raises(UserError) as caught:
        run(tmp_path, MESSY, **given)
    assert clause in str(caught.value)
    assert run(tmp_path, MESSY, **given | followed)["contract_breaches"] == 0


def test_labels_that_are_no_class_are_shown_with_what_each_may_stand_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    metrics = run(tmp_path, MESSY, clean__labels__map={})
    assert metrics["labels"] == {"negative": 20, "neutral": 20, "nuetral": 15, "positive": 32, "spam": 5}
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["nuetral", "15", "map:", "nuetral", "->", "neutral"] in lines
    assert ["spam", "5", "add", "it", "to", "labels,", "or", "map", "it"] in lines
    told = "To take those for classes, in params.yaml: clean.labels.map: {nuetral: neutral}"
    assert told.split() in lines


def test_of_many_unknown_labels_the_most_frequent_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows: list[workplace.Row] = [{"text": f"sentence {n}", "label": f"no: {n}"} for n in range(40)]
    run(tmp_path, rows)
    out = capsys.readouterr().out
    assert "40 labels that are no class" in out and out.count("or map it") == 30
    assert "and 10 more: metrics/validate.json counts them" in out


def test_a_misspelling_with_signs_is_quoted_as_yaml_wants_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path, [{"text": "one", "label": "positive: yes"}, {"text": "two", "label": "it's positive"}])
    assert "{'positive: yes': positive, 'it''s positive': positive}" in capsys.readouterr().out


CELLS = st.sampled_from([None, "", " ", "ok", "fine", "x" * 30])
LABELS = st.sampled_from([None, "", "positive", "negative", "Neutral", "NaN"])


@workplace.few
@given(
    rows=st.lists(st.fixed_dictionaries({"text": CELLS, "label": LABELS}), max_size=12),
    reject=st.sets(st.sampled_from(["text.missing", "text.empty", "text.too_long", "label.unknown", "row.duplicate"])),
)
def test_what_comes_in_is_kept_or_rejected_with_a_reason(
    tmp_path_factory: pytest.TempPathFactory, rows: list[workplace.Row], reject: set[str]
) -> None:
    folder = tmp_path_factory.mktemp("validate")
    longest = {"text": {"missing": {}, "empty": {}, "too_long": {"max_characters": 20}}}
    checks = longest | {"label": {"unknown": {}}, "row": {"duplicate": {}}}
    metrics = run(folder, rows, validate__checks=checks, validate__reject=sorted(reject))
    assert metrics["rows"] == len(rows) == metrics["kept"] + metrics["rejected"]
    verdicts = tables.read(folder / "data/validated", "verdicts").to_pylist()
    out = tables.read(folder / "data/validated", "rejected").to_pylist()
    assert [row["id"] for row in out] == [row["id"] for row in verdicts if row["rejected"]]
    assert all(row["rejected"] == bool(reject & set(row["issues"])) for row in verdicts)
    assert metrics["rejected"] == len(out)
