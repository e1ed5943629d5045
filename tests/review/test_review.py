"""`python -m review` on a real repository: exit codes, files, and what cannot be compared."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from review.__main__ import main
from review.forge import MARKER
from review.markdown import LONGEST, markdown
from tests.two_sides import Sides, begin, messages

TOLD = ["sides", "verdict", "changed", "notes", "gates", "quote_samples", "result", "unread", "false_claims"]
KEYS = [*TOLD, "metrics", "flips", "slices", "data", "params", "cost", "provenance"]
FILES = ("review.md", "review.json", "review.html")


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Sides:
    """Branches from `main`, each with its outputs: `better`, `worse`, `moved` (another test set), `few`, `diverged`."""
    folder = tmp_path_factory.mktemp("review") / "repository"
    folder.mkdir()
    made = begin(folder, review__resamples=500, review__gates__bounds={}, split__ratios=RATIOS)
    made.make(messages(160))
    made.predict()
    made.commit()
    changes = {
        "better": {"skill": 6.0},
        "worse": {"skill": 0.0},
        "diverged": {"change": not_numbers},
        "halved": {"change": first},
    }
    for name, how in changes.items():
        made.repository.type("git", "checkout", "--quiet", "-b", name, "main")
        made.predict(seed=1, **how)
        made.commit()
    made.repository.type("git", "checkout", "--quiet", "-b", "moved", "main")
    made.make(messages(160), {"seed": 7})
    made.predict(seed=1)
    made.commit()
    made.repository.type("git", "checkout", "--quiet", "main")
    return made


RATIOS = {"train": 0.4, "validation": 0.1, "test": 0.5}


def not_numbers(table: pa.Table) -> pa.Table:
    place = table.schema.get_field_index("probability.neutral")
    return table.set_column(place, "probability.neutral", pa.array(np.full(len(table), np.nan)))


def first(table: pa.Table) -> pa.Table:
    return table.slice(0, 3)


@pytest.fixture
def here(sides: Sides) -> Iterator[Path]:
    with contextlib.chdir(sides.folder):
        yield sides.folder / ".groundwork/review"


def test_a_better_model_passes_and_three_files_are_written(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["main", "better"]) == 0
    assert sorted(path.name for path in here.iterdir()) == ["plots", *sorted(FILES)]
    found = json.loads((here / "review.json").read_text())
    assert list(found) == KEYS
    assert found["verdict"]["passed"] and "macro_f1" in found["verdict"]["better"]
    assert found["metrics"]["samples"] == 80
    markdown = (here / "review.md").read_text()
    assert markdown.startswith(f"{MARKER}\n## Review: main (")
    assert found["verdict"]["text"] in capsys.readouterr().out


def test_a_worse_model_fails_its_gate(here: Path) -> None:
    assert main(["main", "worse"]) == 1
    found = json.loads((here / "review.json").read_text())
    assert found["verdict"]["failed"][0] == "drops.macro_f1"
    assert "macro_f1" in found["verdict"]["worse"]
    markdown = (here / "review.md").read_text()
    assert markdown.index("| ❌ | <code>drops.macro_f1</code>") < markdown.index("| ✅ |")
    assert "🔴 worse" in markdown and "Right → wrong: 20 of" in markdown


def test_the_same_side_twice_differs_in_nothing(here: Path) -> None:
    assert main(["main", "main"]) == 0
    found = json.loads((here / "review.json").read_text())
    assert (found["result"], found["flips"], found["slices"]) == ("unchanged", None, None)
    assert found["verdict"]["text"].startswith("No result changed: dvc.lock names the same outputs on both sides; all")


def test_the_workspace_is_the_head_by_default(here: Path) -> None:
    assert main([]) == 0
    assert json.loads((here / "review.json").read_text())["sides"]["head"]["title"] == "workspace"


def test_another_test_set_is_told_at_the_top_and_compared_on_what_is_common(here: Path) -> None:
    main(["main", "moved"])
    found = json.loads((here / "review.json").read_text())
    assert found["notes"][0].startswith("The test set changed: 80 samples before, 80 now.")
    assert found["metrics"]["samples"] == found["data"]["test_set"]["common"] < 80
    markdown = (here / "review.md").read_text()
    assert markdown.index("The test set changed") < markdown.index("### Metrics")


@pytest.mark.parametrize(
    ("base", "head", "said"),
    [
        ("main", "nowhere", "nowhere: neither a Git revision nor a DVC experiment"),
        ("main", "diverged", "predictions are not finite"),
        ("main", "halved", "3 test samples in common, too few to compare"),
    ],
)
def test_what_cannot_be_compared_ends_with_2_and_says_why(
    here: Path, capsys: pytest.CaptureFixture[str], base: str, head: str, said: str
) -> None:
    here.mkdir(parents=True, exist_ok=True)
    (here / "review.html").write_text("of an earlier review")
    assert main([base, head]) == 2
    assert said in " ".join(capsys.readouterr().out.split())
    assert said in json.loads((here / "review.json").read_text())["error"]
    markdown = (here / "review.md").read_text()
    assert markdown.startswith(MARKER) and "could not be compared" in markdown and "**Next:**" in markdown
    assert not (here / "review.html").exists()


def test_a_defect_is_no_failed_gate(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("review.compare.metric_changes", lambda *_, **__: 1 / 0)
    assert main(["main", "better"]) == 2
    assert "ZeroDivisionError" in json.loads((here / "review.json").read_text())["error"]
    assert "Traceback" in capsys.readouterr().err


def test_files_go_where_they_are_asked_for_and_repeat_to_the_byte(here: Path, tmp_path: Path) -> None:
    main(["main", "better"])
    asked = [tmp_path / f"sub/{name}" for name in FILES]
    options = zip(("--markdown", "--json", "--html"), asked, strict=True)
    main(["main", "better", *(str(part) for option in options for part in option)])
    assert [path.read_bytes() for path in asked] == [(here / name).read_bytes() for name in FILES]


@pytest.mark.parametrize("times", [40, 400])
def test_however_much_changed_a_comment_can_hold_it(here: Path, times: int) -> None:
    main(["main", "worse"])
    found = json.loads((here / "review.json").read_text())
    for row in found["flips"]["right_to_wrong"]["rows"]:
        row["text"] = "<b>@everyone</b> | `x` &amp; [y](z) " * 10
    flips, gates = found["flips"], found["gates"]
    flips["right_to_wrong"]["rows"] *= times
    flips["classes"] *= times
    found["slices"]["rows"] *= times
    found["gates"] = gates * (times // 8)
    found["params"]["rows"] = [{"key": f"p{i}", "before": 1, "after": 2, "kind": "changed"} for i in range(times)]
    text = markdown(found)
    assert text.startswith(MARKER) and len(text) <= 65_536
    assert text.count("<details>") == text.count("</details>")
    assert "the JSON file has" in text
    assert "<b>" not in text and "@everyone" not in text
    assert len(text) <= LONGEST or "Cut here" in text
