"""`make page`: what stands where, nothing from outside, nothing of the data as markup, and what is said of gaps."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from review.standing import Standing
from stages.core import tables
from tests import browser
from tests.repository import Repository
from tests.review.test_html import Tags
from tests.small_line import dvc, replace
from tests.workbench import small_runs
from workbench import page
from workbench.contract import check_clauses
from workbench.page import make_page
from workbench.render import render
from workbench.run_sections import read_run, sections

SECTIONS = ["scores", "plots", "mistakes", "data", "contract", "left-out", "sheets", "cost"]
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src data:"


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on texts."""
    folder = tmp_path_factory.mktemp("run") / "texts"
    folder.mkdir()
    return small_runs.build_texts(folder).folder


@pytest.fixture(scope="module")
def whole(texts: Path) -> str:
    """Its page."""
    return make_page(texts)


def words(html: str) -> str:
    """The text of a page with single spaces."""
    without = re.sub(r"<style>.*?</style>|<[^>]*>", " ", html, flags=re.DOTALL)
    return " ".join(without.split())


def part(html: str, name: str) -> str:
    """The text of one section."""
    return words(html.split(f'<section id="{name}">', 1)[1].split("</section>", 1)[0])


def test_the_page_is_closed_in_itself_and_asks_for_nothing(whole: str) -> None:
    tags = Tags(whole)
    assert tags.open == []
    assert {"script", "link", "iframe", "object"} & tags.seen == set()
    assert [one for one in tags.addresses if not one.startswith(("#", "data:"))] == []
    assert f'http-equiv="Content-Security-Policy" content="{POLICY}"' in whole
    assert [name for name in SECTIONS if name in tags.ids] == SECTIONS
    assert len(tags.ids) == len(set(tags.ids))


def test_texts_that_are_like_scripts_are_escaped(texts: Path) -> None:
    (evil,) = [row for row in tables.read(texts / "data/cleaned", "samples").to_pylist() if "script" in row["text"]]
    assert evil["text"] == small_runs.EVIL
    run = read_run(texts)
    run.params["model"] = small_runs.EVIL
    made = render("run.html", title=small_runs.EVIL, modality="text", valued=False, **sections(run))
    assert "<script" not in made and "<img src=https" not in made
    escaped = (
        "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&lt;img src=https://example.org/x.png onerror=alert(1)&gt;"
    )
    assert made.count(escaped) == 4  # the title of the window and of the page, the model, an example


def test_scores_classes_and_counts_stand_in_their_sections(whole: str, texts: Path) -> None:
    metrics = {name: tables.read_json(texts / f"metrics/{name}.json") for name in ("evaluate", "split", "clean")}
    span = metrics["evaluate"]["interval"]["accuracy"]
    accuracy = f"accuracy {metrics['evaluate']['accuracy']:.4f} {span['low']:.4f} - {span['high']:.4f}"
    assert accuracy in part(whole, "scores")
    counts = [metrics["split"]["splits"][name]["labels"]["neutral"] for name in ("train", "validation", "test")]
    told = part(whole, "data")
    assert f"neutral {' '.join(map(str, counts))} {sum(counts)} 0" in told
    assert "clean 162 rows, 161 kept, 1 dropped" in told
    assert "task classification · modality text" in words(whole)


def test_the_contract_is_told_clause_by_clause(whole: str) -> None:
    told = part(whole, "contract")
    assert told.startswith("Contract Every clause holds.")
    assert "✓ holds min_rows 163 rows ≥ 0" in told
    assert "✓ holds min_rows_per_class: negative 55 rows ≥ 0" in told


def test_a_broken_clause_says_what_to_do() -> None:
    found = {"rows": 50, "labels": {"a": 40, "b": 5, "x": 5}, "issues": {"label.unknown": 5}}
    agreed = {"min_rows": 60, "min_rows_per_class": 5, "max_imbalance": 4.0, "max_shares": {"label.unknown": 0.2}}
    clauses = check_clauses(found, agreed, ["a", "b"], valued=False)
    assert [(one.name, one.found, one.allowed, bool(one.advice)) for one in clauses] == [
        ("min_rows", "50 rows", "≥ 60", True),
        ("labels", "2 classes", "≥ 2", False),
        ("min_rows_per_class: a", "40 rows", "≥ 5", False),
        ("min_rows_per_class: b", "5 rows", "≥ 5", False),
        ("max_imbalance", "8.0 to 1", "≤ 4 to 1", True),
        ("max_shares: label.unknown", "5 rows, 10.00%", "≤ 20.00%", False),
    ]
    of_values = check_clauses(found, agreed, [], valued=True)
    assert [one.name for one in of_values] == ["min_rows", "max_shares: label.unknown"]


def test_of_many_classes_those_that_are_too_small_are_listed() -> None:
    found = {"rows": 900, "labels": {f"c{number:02d}": 10 + number for number in range(50)}, "issues": {}}
    agreed = {"min_rows": 0, "min_rows_per_class": 12, "max_imbalance": 9.0, "max_shares": {}}
    names = [one.name for one in check_clauses(found, agreed, [], valued=False)]
    small = ["min_rows_per_class: c00", "min_rows_per_class: c01"]
    assert names == ["min_rows", "labels", *small, "max_imbalance"]


def test_what_left_the_line_stands_with_its_reason_and_an_example(whole: str, texts: Path) -> None:
    told = part(whole, "left-out")
    assert "Rejected by validate: 1 reason code samples text.empty 1 1 of them empty, or not here neutral" in told
    (dropped,) = tables.read(texts / "data/cleaned", "dropped").to_pylist()
    assert "Dropped by clean: 1 reason code samples duplicate.exact 1" in told
    assert f"{dropped['text']} negative · duplicate.exact · {dropped['source']} row {dropped['row']}" in told


def test_loss_of_training_and_validation_is_one_picture_and_confusion_has_numbers(whole: str) -> None:
    figures = {words(one).split(" ")[0]: one for one in re.findall(r"<figure>.*?</figure>", whole, re.DOTALL)}
    titles = re.findall(r"<figcaption>(.*?)</figcaption>", whole)
    assert titles == ["Learning curves: loss", "Confusion"]
    assert all(f">{name}</text>" in whole for name in ("train", "validation"))
    numbers = re.findall(r"<text[^>]*>(\d+)</text>", figures["Confusion"])
    assert sorted(numbers) == ["0"] * 6 + ["3", "5", "7"]


def test_mistakes_stand_with_both_classes_and_how_sure_the_model_is(whole: str, texts: Path) -> None:
    predictions = tables.read_file(texts / "models/predictions.parquet").to_pylist()
    wrong = [row for row in predictions if row["gold"] != row["prediction"]]

    def sure(row: dict[str, Any]) -> float:
        return float(row["probability." + row["prediction"]])

    surest = max(wrong, key=sure)
    told = part(whole, "mistakes")
    assert f"{len(wrong)} test samples are predicted wrong" in told
    samples = tables.read(texts / "data/cleaned", "samples").to_pylist()
    names = {row["id"]: f"{row['source']} row {row['row']}" for row in samples}
    said = f"gold {surest['gold']} · predicted {surest['prediction']} ({100 * sure(surest):.1f} % sure)"
    assert f"{said} · {names[surest['id']]}" in told
    others = [f"sure) · {names[row['id']]} " for row in wrong if row is not surest]
    assert told.index(said) < min(told.index(other) for other in others if other in told)


def test_sheets_are_pictures_of_the_page_and_large_ones_are_named(texts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["data/sheets/augment/derived.svg", "data/sheets/evaluate/mistakes.svg"]
    found = sections(read_run(texts))["sheets"]
    assert [sheet["name"] for sheet in found] == names
    assert all(sheet["address"].startswith("data:image/svg+xml;base64,") for sheet in found)
    monkeypatch.setattr("workbench.run_sections.MOST_SHEET_BYTES", 10)
    large = [f"{name} Too large for this page: 0.0 MiB." for name in names]
    assert part(make_page(texts), "sheets") == " ".join(["Sheets", *large])


@pytest.mark.parametrize(("modality", "kind", "tag"), [("image", "image/png", "img"), ("audio", "audio/wav", "audio")])
def test_pictures_and_sounds_are_in_the_page(tmp_path: Path, modality: str, kind: str, tag: str) -> None:
    made = make_page(small_runs.build_media(tmp_path, modality))
    tags = Tags(made)
    assert tag in tags.seen
    shown = [one for one in tags.addresses if one.startswith(f"data:{kind};base64,")]
    assert len(shown) == 7  # a mistake, and six examples
    ending = {"image": "png", "audio": "wav"}[modality]
    assert f"0/004.{ending} gold 0 · predicted 1 (90.0 % sure)" in part(made, "mistakes")
    assert "1 test sample is predicted wrong." in part(made, "mistakes")


def test_values_have_errors_in_place_of_mistakes_and_ranges_in_place_of_classes(tmp_path: Path) -> None:
    made = make_page(small_runs.build_values(tmp_path))
    assert part(made, "mistakes").startswith(
        f"Largest errors text 4 / pair 4 gold 4 · predicted 1.5 · {4:016x} text 3 / pair 3 gold 3 · predicted 3.25"
    )
    assert "Values and splits split lowest mean highest train 0 1 2" in part(made, "data")
    assert re.findall(r"<figcaption>(.*?)</figcaption>", made) == ["Predicted values", "Residuals, gold - predicted"]
    assert "mse (lower is better) 3.1563 1.0000 - 6.0000 – 4.0000" in part(made, "scores")


def test_before_any_run_each_section_says_what_is_missing(tmp_path: Path, texts: Path) -> None:
    shutil.copy(texts / "params.yaml", tmp_path)
    made = make_page(tmp_path)
    assert Tags(made).open == []
    assert part(made, "scores") == "Scores Not here yet: evaluate has not run. Type dvc repro."
    assert part(made, "contract") == "Contract Not here yet: validate has not run. Type dvc repro."
    assert part(made, "cost") == "Cost Not here yet: finetune has not run. Type dvc repro."
    assert "Rejected by validate Not here yet: validate has not run." in part(made, "left-out")


def test_data_that_is_not_here_is_told_where_its_metrics_are(tmp_path: Path, texts: Path) -> None:
    shutil.copy(texts / "params.yaml", tmp_path)
    shutil.copytree(texts / "metrics", tmp_path / "metrics")
    made = make_page(tmp_path)
    assert "models/predictions.parquet: not here: run `dvc repro`, or `dvc pull`" in part(made, "mistakes")
    assert "no dropped-00000.parquet here" in part(made, "left-out")


def test_without_params_it_says_where_to_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert page.main([]) == 1
    said = capsys.readouterr().err
    assert said == "params.yaml: not here\nNext: cd to the folder that holds params.yaml and dvc.yaml\n"


def test_scores_of_an_older_run_are_left_out_with_a_warning(line: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in line.environment.items():
        monkeypatch.setenv(name, value)
    replace(line, "params.yaml", "seed: 42", "seed: 43")
    dvc(line, "repro", "encode")
    made = make_page(line.folder)
    why = "finetune, evaluate have not run through since encode did: dvc repro"
    assert f'<div class="warning">{why}</div>' in made
    assert part(made, "scores") == f"Scores Left out, as it would be of an older run: {why}."


def test_a_broken_contract_is_shown_though_validate_stopped(line: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"rows": 3, "contract_breaches": 1}
    tables.write_json(line.folder / "metrics/validate.json", found)
    stopped = Standing(("validate",), "validate stopped", (), frozenset({"validate"}))
    monkeypatch.setattr("workbench.run_sections.standing", lambda _: stopped)
    assert read_run(line.folder).metrics["validate"] == found


def test_the_command_writes_the_page(
    texts: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(texts)
    assert page.main([]) == 0
    assert capsys.readouterr().out == "Written: .groundwork/page.html; open it in a browser\n"
    assert page.PAGE.read_text(encoding="utf-8").startswith("<!doctype html>\n")
    assert list(page.PAGE.parent.iterdir()) == [page.PAGE]


@pytest.mark.long
@browser.needed
@pytest.mark.parametrize("width", [1100, 500])
def test_a_browser_draws_the_page_without_network(texts: Path, tmp_path: Path, width: int) -> None:
    pixels = browser.draw(make_page(texts), tmp_path, width)
    assert browser.share_drawn(pixels) > 0.5
    assert browser.count_pixels(pixels, (0x3B, 0x82, 0xC4)) > 100  # the curves
