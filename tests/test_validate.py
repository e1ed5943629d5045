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
        (["label.unknown", "row.duplicate"], False),
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
            "label.unknown": 1,
            "row.duplicate": 1,
            "row.malformed": 1,
            "text.empty": 1,
            "text.missing": 1,
            "text.too_long": 0,
            "text.too_short": 0,
        },
        "labels": {"negative": 1, "neutral": 1, "postive": 1},
    }


def test_what_rejects_is_for_params_to_say(tmp_path: Path) -> None:
    assert run(tmp_path, ROWS, validate__reject=[])["rejected"] == 0
    assert run(tmp_path, ROWS, validate__reject=["label.unknown", "label.missing"])["rejected"] == 2


def test_a_broken_contract_stops_the_line_with_its_report_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UserError) as caught:
        run(tmp_path, ROWS, validate__contract__min_rows=6, validate__contract__max_shares={"text.empty": 0.1})
    assert str(caught.value) == "2 clause(s) of the data contract broken: min_rows, max_shares: text.empty"
    assert tables.read_json(tmp_path / "metrics/validate.json")["contract_breaches"] == 2
    assert tables.rows(tmp_path / "data/validated", "rejected") == 2
    shown = capsys.readouterr().out
    assert "The contract (validate.contract) is broken" in shown
    assert "1 rows, 20.00%" in shown
    assert "': ' '" not in shown and ": ' '" in shown  # an example of text.empty


@pytest.mark.parametrize("key", ["reject", "contract__max_shares"])
def test_a_code_without_a_check_is_refused_and_nothing_is_written(tmp_path: Path, key: str) -> None:
    value = ["text.emty"] if key == "reject" else {"text.emty": 0.1}
    with pytest.raises(UserError, match=r"validate\.\S+: no such check: text\.emty"):
        run(tmp_path, ROWS, **{f"validate__{key}": value})
    assert not (tmp_path / "data/validated").exists()
    assert not (tmp_path / "metrics").exists()


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
