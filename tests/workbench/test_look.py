"""`make look`: counts and samples in the terminal within 80 columns, and on a sheet."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from ruamel.yaml import YAML

from stages.core import report, tables
from tests import folders
from tests.review.test_html import Tags
from tests.workbench import small_runs
from workbench import look
from workbench.media import Inliner
from workbench.selection import select

Show = Callable[..., list[str]]
WIDTH = 80


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on texts."""
    folder = tmp_path_factory.mktemp("run") / "texts"
    folder.mkdir()
    return small_runs.build_texts(folder).folder


@pytest.fixture
def show(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Show:
    """What the command prints in a folder at 80 columns, lines with single spaces."""
    monkeypatch.setattr(report.console, "width", WIDTH)

    def typed(folder: Path, *arguments: str) -> list[str]:
        monkeypatch.chdir(folder)
        capsys.readouterr()
        assert look.main(arguments) == 0
        lines = capsys.readouterr().out.splitlines()
        assert max(map(cell_len, lines)) <= WIDTH
        return [" ".join(line.split()) for line in lines if line.strip() and not set(line) <= set(" ─")]

    return typed


@pytest.fixture
def refuse(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """What the command says where it shows nothing."""

    def typed(folder: Path, *arguments: str) -> str:
        monkeypatch.chdir(folder)
        assert look.main(arguments) == 1
        said = capsys.readouterr()
        assert said.out == ""
        return said.err

    return typed


def read(folder: Path, stage: str, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = tables.read(folder / f"data/{stage}", name).to_pylist()
    return found


def test_dropped_samples_are_counted_by_reason_and_shown(show: Show, texts: Path) -> None:
    (dropped,) = read(texts, "cleaned", "dropped")
    assert show(texts, "dropped") == [
        "1 sample that clean dropped",
        "reason code samples",
        "duplicate.exact 1",
        "row answer reason content",
        f"{dropped['row']} negative duplicate.exact {dropped['text']}",
    ]


def test_a_rejected_sample_without_a_text_is_told_as_empty(show: Show, texts: Path) -> None:
    (rejected,) = read(texts, "validated", "rejected")
    assert show(texts, "rejected")[-1] == f"{rejected['row']} neutral text.empty (empty)"


def test_a_class_is_counted_by_split_and_the_rest_is_told(show: Show, texts: Path) -> None:
    shown = show(texts, "negative", "--limit", "2")
    places = {row["id"]: row["split"] for row in read(texts, "split", "assignment")}
    rows = [row for row in read(texts, "cleaned", "samples") if row["label"] == "negative"]
    counts = Counter(places[row["id"]] for row in rows)
    assert shown[0] == f"{len(rows)} samples of class negative"
    assert shown[1] == "split samples"
    assert set(shown[2:5]) == {f"{name} {count}" for name, count in counts.items()}
    assert shown[-1] == f"{len(rows) - 2} more are not shown: --limit {len(rows)}"
    first = rows[0]
    assert shown[5].split()[:2] == ["row", "split"]
    assert shown[6].split()[:2] == [str(first["row"]), places[first["id"]]]


def test_a_split_leaves_out_the_others(show: Show, texts: Path) -> None:
    places = {row["id"]: row["split"] for row in read(texts, "split", "assignment")}
    held = [row for row in read(texts, "cleaned", "samples") if row["label"] == "neutral"]
    held = [row for row in held if places[row["id"]] == "test"]
    shown = show(texts, "neutral", "--split", "test")
    assert shown[:3] == [f"{len(held)} samples of class neutral", "split samples", f"test {len(held)}"]
    assert len(shown) == 4 + len(held)


def test_markup_in_a_text_is_shown_as_it_is(show: Show, texts: Path) -> None:
    (line,) = [one for one in show(texts, "neutral", "--limit", "1") if "<script>" in one]
    assert "[red]m900 <script>alert('x')</script><img src=https" in line and line.endswith("…")


def test_mistakes_stand_the_surest_first_with_both_classes(show: Show, texts: Path) -> None:
    predictions = tables.read_file(texts / "models/predictions.parquet").to_pylist()
    wrong = [row for row in predictions if row["gold"] != row["prediction"]]
    wrong.sort(key=lambda row: -row["probability." + row["prediction"]])
    shown = show(texts, "mistakes")
    pairs = Counter(f"{row['gold']} → {row['prediction']}" for row in wrong)
    most = max(pairs.values())
    assert shown[0] == f"{len(wrong)} mistakes on test samples"
    assert shown[2] in {f"{pair} {count}" for pair, count in pairs.items() if count == most}
    rows = shown[3 + len(pairs) :]
    numbers = {row["id"]: row["row"] for row in read(texts, "cleaned", "samples")}
    assert shown[2 + len(pairs)] == "row gold predicted sure content"
    assert [line.split()[:4] for line in rows] == [
        [str(numbers[row["id"]]), row["gold"], row["prediction"], f"{row['probability.' + row['prediction']]:.3f}"]
        for row in wrong
    ]


def test_values_are_shown_by_the_size_of_the_error(show: Show, tmp_path: Path) -> None:
    assert show(small_runs.build_values(tmp_path), "mistakes") == [
        "2 test samples, the largest errors first",
        "sample gold predicted content",
        "0000000000000004 4 1.5 text 4 / pair 4",
        "0000000000000003 3 3.25 text 3 / pair 3",
    ]


def test_derived_texts_stand_beside_their_originals(show: Show, tmp_path: Path) -> None:
    rows = [{"text": f"the {word} dog", "label": "positive", "split": "train"} for word in ("old", "young")]
    parent = folders.workplace.table(rows)["id"][1].as_py()
    derived = [{"id": f"{parent}+1", "parent": parent, "text": "the yuong dog", "label": "positive"}]
    folder = folders.lay_out(tmp_path, rows, derived=derived)
    assert show(folder, "derived")[:3] == ["1 derived sample, for training", "class samples", "positive 1"]
    assert show(folder, "derived")[3:] == [
        "sample answer original derived",
        f"{parent}+1 positive the young dog the yuong dog",
    ]


@pytest.mark.parametrize(
    ("modality", "start"), [("image", "data:image/png;base64,"), ("audio", "data:audio/wav;base64,")]
)
def test_files_are_named_in_the_terminal_and_inlined_on_a_sheet(
    show: Show, tmp_path: Path, modality: str, start: str
) -> None:
    folder = small_runs.build_media(tmp_path / "run", modality)
    ending = {"image": "png", "audio": "wav"}[modality]
    shown = show(folder, "1", "--sheet", "sheets/sheet.html")
    assert f"test 1/005.{ending}" in shown
    assert shown[-1] == "Written: sheets/sheet.html"
    tags = Tags((folder / "sheets/sheet.html").read_text(encoding="utf-8"))
    assert tags.open == [] and "script" not in tags.seen
    assert [one.startswith(start) for one in tags.addresses] == [True] * 3
    show(folder, "derived", "--sheet", "derived.html")
    tags = Tags((folder / "derived.html").read_text(encoding="utf-8"))
    assert [one.startswith(start) for one in tags.addresses] == [True]


def test_a_sheet_holds_no_more_than_its_bytes(tmp_path: Path) -> None:
    folder = small_runs.build_media(tmp_path, "image")
    ids = [f"{number:016x}" for number in range(6)]
    size = len(read(folder, "cleaned", "samples")[0]["image"]["bytes"])
    whole = Inliner(folder, "image").addresses(("data/cleaned", "samples"), ids)
    some = Inliner(folder, "image", most_bytes=int(2.5 * size)).addresses(("data/cleaned", "samples"), ids)
    assert list(whole) == ids and list(some) == ids[:2]


def test_a_sheet_escapes_texts(show: Show, texts: Path) -> None:
    show(texts, "neutral", "--limit", "3", "--sheet", "sheet.html")
    made = (texts / "sheet.html").read_text(encoding="utf-8")
    assert "<script" not in made and "&lt;script&gt;" in made
    assert "Content-Security-Policy" in made and Tags(made).addresses == []


def test_an_unknown_class_is_told_with_the_nearest(refuse: Callable[..., str], texts: Path) -> None:
    assert refuse(texts, "postive") == (
        "'postive' is neither a kind of samples nor a class, did you mean 'positive'?\n"
        "Next: one of: rejected, dropped, derived, mistakes; classes: negative, neutral, positive\n"
    )


def test_stages_that_have_not_run_are_told_with_the_next_command(
    refuse: Callable[..., str], tmp_path: Path, texts: Path
) -> None:
    (tmp_path / "params.yaml").write_bytes((texts / "params.yaml").read_bytes())
    missing = {
        "dropped": "data/cleaned: no dropped-00000.parquet here",
        "rejected": "data/validated: no rejected-00000.parquet here",
        "derived": "data/augmented: no samples-00000.parquet here",
        "mistakes": "models/predictions.parquet: not here",
        "positive": "data/cleaned: no samples-00000.parquet here",
    }
    next_command = "Next: run `dvc repro`, or `dvc pull` if the data was pushed\n"
    assert {what: refuse(tmp_path, what) for what in missing} == {
        what: f"{said}\n{next_command}" for what, said in missing.items()
    }


def test_a_split_that_a_kind_is_never_in_is_refused(refuse: Callable[..., str], texts: Path) -> None:
    assert refuse(texts, "dropped", "--split", "test") == (
        "--split test: no dropped sample is there: they left the line before it was split\nNext: leave --split out\n"
    )
    assert "they are only in test" in refuse(texts, "mistakes", "--split", "train")


def test_a_limit_below_one_is_refused(refuse: Callable[..., str], texts: Path) -> None:
    assert refuse(texts, "dropped", "--limit", "0").startswith("--limit 0: 1 or more is expected\n")


def test_a_class_that_is_called_like_a_kind_has_a_prefix(show: Show, tmp_path: Path) -> None:
    rows = [{"text": f"text {number}", "label": "dropped", "split": "train"} for number in range(3)]
    folders.lay_out(tmp_path, rows)
    assert show(tmp_path, "class:dropped")[:3] == ["3 samples of class dropped", "split samples", "train 3"]
    assert show(tmp_path, "dropped") == ["0 samples that clean dropped"]


def test_before_the_split_a_class_has_no_splits(tmp_path: Path) -> None:
    folders.lay_out(tmp_path, [{"text": "a text", "label": "positive", "split": "train"}])
    (tmp_path / "data/split/assignment-00000.parquet").unlink()
    (tmp_path / "data/split").rmdir()
    params = YAML(typ="safe").load(tmp_path / "params.yaml")
    found = select(tmp_path, "positive", params, limit=5)
    assert (found.counts, [one.split for one in found.shown]) == ({"not split yet": 1}, [""])


def test_what_a_text_holds_does_not_steer_the_terminal() -> None:
    assert look.cut("a\x1b[31mred\nline\u202eend", 40) == "a [31mred line end"
    assert look.cut("漢字漢字漢字", 7) == "漢字漢…"
