"""The stage fetch: its outputs, and that a mistake leaves none."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from stages import fetch
from stages.core import report, tables
from stages.core.errors import UserError

ROOT = Path(__file__).parents[1]
CSV = b"text,label,author\nhello,good,ann\nbye,,bob\n"


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    Path("in/a.csv").write_bytes(CSV)
    return tmp_path


def configure(options: dict[str, Any] | None = None, **given: Any) -> None:
    """The shipped params.yaml, with another `fetch`."""
    params = workplace.params({})
    params["fetch"] |= {
        "path": "in",
        "columns": {"text": "text", "label": "label", "group": "author"},
        **given,
    }
    params["fetch"]["options"] |= {"files": ["a.csv"], **(options or {})}
    YAML(typ="safe").dump(params, Path("params.yaml"))


def outputs() -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(Path().glob("[dm]*/**/*")) if path.is_file()}


def test_fetch_writes_samples_provenance_and_metrics():
    configure()
    fetch.main()
    samples = tables.read("data/fetched", "samples")
    assert samples["text"].to_pylist() == ["hello", "bye"]
    assert samples["group"].to_pylist() == ["ann", "bob"]
    counts = {"rows": 2, "splits": {"train": 0, "validation": 0, "test": 0, "unassigned": 2}}
    sha256 = hashlib.sha256(CSV).hexdigest()
    file = {"name": "in/a.csv", "bytes": 42, "sha256": sha256, "rows": 2, "blank_lines": 0}
    assert json.loads(Path("data/fetched/provenance.json").read_text()) == {
        "source": "files",
        "licence": "CC0-1.0",
        "bytes": 42,
        "files": [file],
        **counts,
    }
    assert json.loads(Path("metrics/fetch.json").read_text()) == {
        **counts,
        "labelled": 1,
        "malformed_rows": 0,
        "blank_lines": 0,
        "bytes": 42,
    }


def test_two_runs_give_the_same_bytes():
    configure()
    fetch.main()
    first = outputs()
    fetch.main()
    assert outputs() == first
    assert list(first) == [
        "data/fetched/provenance.json",
        "data/fetched/samples-00000.parquet",
        "metrics/fetch.json",
    ]


def test_ids_stay_when_a_row_is_inserted_before_others():
    configure()
    fetch.main()
    before = tables.read("data/fetched", "samples")["id"].to_pylist()
    Path("in/a.csv").write_bytes(CSV.replace(b"hello", b"first,good,eve\nhello"))
    fetch.main()
    assert tables.read("data/fetched", "samples")["id"].to_pylist()[1:] == before


def test_bad_rows_that_are_kept_are_counted(capsys):
    Path("in/a.csv").write_bytes(CSV + b"\nragged\n")
    configure({"bad_rows": "keep"})
    fetch.main()
    metrics = json.loads(Path("metrics/fetch.json").read_text())
    assert (metrics["rows"], metrics["malformed_rows"], metrics["blank_lines"]) == (3, 1, 1)
    assert "1 rows could not be read: kept apart as row.malformed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "given", "what"),
    [
        ({}, {"source": "fils"}, "params.yaml: fetch.source: unknown name 'fils', did you mean 'files'?"),
        (
            {"quotes": "x"},
            {},
            "params.yaml: fetch.options.quotes: unknown key, did you mean 'quote'? (known: ",
        ),
        (
            {"format": "xlsx"},
            {},
            "params.yaml: fetch.options.format: 'xlsx': should be 'auto', 'csv', 'tsv', ",
        ),
        (
            {},
            {"columns": {"txt": "text"}},
            "params.yaml: fetch.columns.txt: 'text': should be 'text', 'text_pair', ",
        ),
        (
            {},
            {"splits": {"a": "b"}},
            "params.yaml: fetch.splits.a: 'b': should be 'train', 'validation' or 'test'",
        ),
        ({}, {"columns": {"text": "txt"}}, "in/a.csv: no column 'txt', did you mean 'text'?"),
    ],
)
def test_a_mistake_is_told_and_leaves_nothing_behind(options, given, what):
    configure(options, **given)
    with pytest.raises(UserError) as caught:
        fetch.main()
    assert str(caught.value).startswith(what)
    assert outputs() == {}


def test_a_mistake_late_in_the_data_leaves_nothing_behind_and_ends_with_1(workplace, capsys):
    Path("in/a.csv").write_bytes(CSV + b"a,b,c\n" * 20_000 + b"ragged\n")
    configure()
    with pytest.raises(SystemExit) as ended:
        report.run("fetch", fetch.main)
    assert ended.value.code == 1
    shown = capsys.readouterr().err
    assert "fetch stopped: in/a.csv: line 20004: expected 3 columns, found 1: 'ragged'" in shown
    assert "Next: correct the line, or set fetch.options.bad_rows: keep" in shown
    assert outputs() == {}
    assert sorted(path.name for path in workplace.iterdir()) == ["data", "in", "params.yaml"]


def test_importing_the_stage_imports_nothing_heavy():
    heavy = ["torch", "pandas", "datasets", "transformers", "httpx", "charset_normalizer", "nlpaug"]
    code = f"import sys, stages.fetch; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
