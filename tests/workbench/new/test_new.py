"""`make new`: from a table, pictures and sounds to a params.yaml that the stages take, and what is said on the way."""

import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
from PIL import Image

from stages.core.params import load, parse
from tests.workplace import ROOT
from workbench.new.__main__ import main

SPELLINGS = ("Billing", "billing", "biling", "Delivery", "delivery ", "delievry", "praise", "Praise!")
RARE = "info"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    return tmp_path


def write_tickets(path: str = "in/tickets.csv") -> None:
    """300 rows: each spelling of a class as often as its place says, two empty bodies, ten rows of no class."""
    counts = (60, 30, 8, 55, 25, 6, 70, 34)
    labels = [name for name, count in zip(SPELLINGS, counts, strict=True) for _ in range(count)]
    labels += [RARE] * 2 + [""] * 10
    lines = ["ticket_id,customer_id,created,body,topic"]
    for row, label in enumerate(labels):
        body = "" if row < 2 else f"<p>Order {row * 37 % 997} has a problem and nobody looks at it</p>"
        lines.append(f"{row},C{row % 40},2025-0{1 + row % 9}-1{row % 10},{body},{label}")
    Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_pictures(side: int = 40) -> None:
    rng = np.random.default_rng(0)
    for number in range(24):
        path = Path(f"in/photos/{('cat', 'dog')[number % 2]}/{number}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (side, side + 8, 3), dtype=np.uint8)).save(path)


def write_sounds() -> None:
    rng = np.random.default_rng(0)
    for number in range(24):
        path = Path(f"in/sounds/{('yes', 'no')[number % 2]}/{number}.flac")
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, rng.uniform(-0.5, 0.5, 8_000 * (1 + number % 3)), 8_000)


def test_a_table_of_texts_becomes_params_with_classes_spellings_group_and_contract(
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_tickets()
    main(["in/tickets.csv"])
    params = load()
    assert params.labels == ["Billing", "Delivery", "praise"]
    assert params.fetch.columns == {"text": "body", "label": "topic", "group": "customer_id"}
    assert (params.fetch.path, params.fetch.licence) == ("in/tickets.csv", "")
    assert params.clean.labels.map == {"biling": "Billing", "delievry": "Delivery", "Praise!": "praise"}
    contract = params.validating.contract
    assert (contract.min_rows, contract.min_rows_per_class) == (240, 51)
    assert contract.max_shares["label.missing"] == 0.06
    out = capsys.readouterr().out
    assert "In no class, and so dropped by clean: 'info' (2)" in out
    assert "no customer_id is in two splits" in out and "DATE=created" in out
    assert out.endswith("params.yaml is written. Next: make repro (git diff params.yaml shows what changed)\n")
    text = Path("params.yaml").read_text(encoding="utf-8")
    assert text.startswith("# in/tickets.csv, written by make new")
    assert (
        "    map:                        # spellings that occur, and the class that each seems to be: check them\n"
        in text
    )


def test_dry_shows_the_differences_and_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    write_tickets()
    main(["in/tickets.csv", "--dry"])
    assert not Path("params.yaml").exists()
    out = capsys.readouterr().out
    assert "What params.yaml would hold otherwise than recipes/texts.yaml:" in out
    assert "  path: in/tickets.csv\n" in out


def test_flags_override_each_guess() -> None:
    write_tickets()
    flags = ["--group", "none", "--date", "created", "--labels", "Billing,Delivery", "--strategy", "head"]
    main(["in/tickets.csv", *flags, "--model", "models/mine"])
    params = load()
    assert (params.labels, params.model, params.strategy) == (["Billing", "Delivery"], "models/mine", "head")
    assert "group" not in params.fetch.columns
    assert (params.split.method, params.split.options) == ("temporal", {"column": "created", "format": "iso"})


def test_numbers_become_a_regression_with_their_range() -> None:
    lines = ["review,score", *(f"the film number {row} was long,{row % 9 + 0.5}" for row in range(120))]
    Path("in/films.csv").write_text("\n".join(lines), encoding="utf-8")
    main(["in/films.csv"])
    params = load()
    assert (params.task, params.labels, params.finetune.best_by) == ("regression", [], "pearson")
    assert params.fetch.columns == {"text": "review", "value": "score"}
    assert params.validating.checks["value"]["out_of_range"] == {"minimum": 0.5, "maximum": 8.5}


def test_texts_of_another_script_are_told_and_their_checks_follow(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [
        "内容\t类别",
        *(f"{'今天天气很好我们去公园' * (1 + row % 3)}{row}\t{('好', '坏')[row % 2]}" for row in range(60)),
    ]
    Path("in/a.tsv").write_text("\n".join(lines), encoding="utf-8")
    main(["in/a.tsv"])
    params = load()
    assert params.clean.outliers.checks["script"].options == {"script": "CJK", "min_share": 0.3}
    assert params.clean.duplicates.near.shingle_characters == 2
    assert "of the letters are CJK: the bundled model was trained on English" in " ".join(
        capsys.readouterr().out.split()
    )


@pytest.mark.parametrize(("side", "size", "fit"), [(12, 32, "stretch"), (40, 32, "stretch"), (100, 64, "cover")])
def test_pictures_become_params_of_a_size_that_fits_them(side: int, size: int, fit: str) -> None:
    write_pictures(side)
    main(["in/photos"])
    params = load()
    assert (params.modality, params.labels, params.strategy) == ("image", ["cat", "dog"], "scratch")
    resize = params.clean.image.steps["resize"].options  # type: ignore[union-attr]
    assert (resize["height"], resize["width"], resize["fit"]) == (size, size, fit)
    assert params.encode.processor["size"] == {"shortest_edge": size}  # type: ignore[index]
    assert params.fetch.options["suffixes"] == [".png"]
    assert params.validating.checks["image"]["too_small"] == {"min_side_px": 6 if side < 16 else 16}


def test_a_pretrained_model_takes_the_place_of_the_small_network() -> None:
    write_pictures()
    main(["in/photos", "--model", "google/vit-base-patch16-224-in21k"])
    params = load()
    assert (params.strategy, params.finetune.architecture, params.encode.processor) == ("full", None, {})


def test_sounds_become_params_of_a_length_that_fits_them() -> None:
    write_sounds()
    main(["in/sounds"])
    params = load()
    assert (params.modality, params.labels) == ("audio", ["no", "yes"])
    assert params.encode.processor["chunk_length"] == 3  # type: ignore[index]
    assert params.finetune.architecture["max_source_positions"] == 150  # type: ignore[index]
    assert params.validating.contract.min_rows == 19


def test_an_index_names_classes_groups_and_splits() -> None:
    write_sounds()
    paths = sorted(Path("in/sounds").rglob("*.flac"))
    rows = [f"{path.name};{path.parent.name};s{n % 8};{('train', 'test')[n % 8 > 5]}" for n, path in enumerate(paths)]
    Path("in/sounds/index.csv").write_text("file;label;speaker;split\n" + "\n".join(rows), encoding="utf-8")
    main(["in/sounds"])
    block = load().fetch
    assert block.columns == {"audio": "file", "label": "label", "group": "speaker", "split": "split"}
    assert (block.options["index"], block.splits) == ("index.csv", {"train": "train", "test": "test"})


def test_pictures_that_stand_in_a_table_are_read_from_it() -> None:
    write_pictures()
    paths = sorted(Path("in/photos").rglob("*.png"))
    images = [{"bytes": path.read_bytes(), "path": path.name} for path in paths]
    pq.write_table(pa.table({"image": images, "label": [path.parent.name for path in paths]}), "in/a.parquet")
    main(["in/a.parquet"])
    params = load()
    assert (params.modality, params.fetch.source) == ("image", "files")
    assert params.fetch.columns == {"image": "image", "label": "label"}


@pytest.mark.parametrize(
    ("content", "flags", "told", "next_step"),
    [
        ("a,b\n1,2\n3,4\n", [], "no column looks like a text", "TEXT=one of: a, b"),
        (
            "body,id\nsome words here,1\nother words there,2\n",
            [],
            "no column looks like an answer",
            "LABEL=one of: body, id",
        ),
        ("body,topic\nsome words,a\nother words,b\n", ["--label", "topc"], "no such column", "did you mean 'topic'"),
        ("file,topic\na.jpg,x\nb.jpg,y\n", [], "'file' names files, such as a.jpg", "DATA=the folder that holds"),
    ],
)
def test_what_cannot_be_proposed_says_what_to_type(
    content: str, flags: list[str], told: str, next_step: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("in/a.csv").write_text(content, encoding="utf-8")
    with pytest.raises(SystemExit):
        main(["in/a.csv", *flags])
    err = " ".join(capsys.readouterr().err.split())
    assert told in err and next_step in err
    assert not Path("params.yaml").exists()


def test_make_passes_its_variables_on_as_flags_and_not_those_of_the_environment() -> None:
    def typed(*variables: str) -> list[str]:
        command = ["make", "--dry-run", "--silent", "--file", str(ROOT / "Makefile"), "new", *variables]
        out = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, env=environment()).stdout
        return out[out.index("python -m workbench.new") :].replace("\\\n", " ").split()[3:]

    assert typed("DATA=a.csv") == ['"a.csv"']
    assert typed("DATA=a.csv", "TEXT=body", "LABELS=a,b", "DRY=1") == [
        '"a.csv"',
        "--text",
        '"body"',
        "--labels",
        '"a,b"',
        "--dry",
    ]


def environment() -> dict[str, Any]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}  # of `make test`
    return {**own, "GROUP": "staff", "MODEL": "x"}


def test_a_params_file_that_is_not_committed_is_kept() -> None:
    write_tickets()
    Path("params.yaml").write_text("mine: 1\n", encoding="utf-8")
    main(["in/tickets.csv"])
    (kept,) = Path(".groundwork").glob("params-*.yaml")
    assert parse(kept) == {"mine": 1}
