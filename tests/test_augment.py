"""The augment stage: what is derived, from whom, and that it repeats to the byte."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from ruamel.yaml import YAML

from stages import augment
from stages.core import samples, tables
from stages.core.errors import UserError
from tests import workplace
from tests.pictures import KINDS, png

ROOT = Path(__file__).parents[1]
THINGS = ["parcel", "invoice", "website", "charger", "headset", "blender", "bicycle", "mattress"]
ROWS = [
    *({"text": f"The {thing} isn't working properly since yesterday", "label": "negative"} for thing in THINGS),
    *({"text": f"When will the {thing} arrive, please?", "label": "neutral"} for thing in THINGS[:4]),
    {"text": "Really happy with the parcel, thank you!", "label": "positive"},
]

Stage = Callable[..., dict[str, Any]]


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Runs the stage in an empty folder on `rows`, with changes of the `augment` block; gives the metrics."""
    monkeypatch.chdir(tmp_path)

    def run(rows: list[dict[str, Any]], steps: tuple[str, ...] = ("keyboard",), **changes: Any) -> dict[str, Any]:
        params = workplace.params({})
        block = params["augment"]
        block.update({"copies": 0, "balance": "none", **changes})
        for name, step in block["text"]["steps"].items():
            step["enabled"] = name in steps
        block["text"]["steps"]["synonym"]["groups"] = str(ROOT / "stages/augmenters/synonyms.txt")
        YAML().dump(params, Path("params.yaml"))
        write_cleaned(rows)
        augment.main()
        return tables.read_json("metrics/augment.json")

    return run


def write_cleaned(rows: list[dict[str, Any]]) -> None:
    full = [{"label_source": "gold", "text_pair": None, "split": None, "issues": [], **row} for row in rows]
    columns = {name: [row.get(name) for row in full] for name in ("text", "label", "label_source", "split", "issues")}
    ids = samples.Ids()([[row["text"], None, None, None] for row in full])
    extra = [[("place", str(number))] for number in range(len(full))]
    table = samples.table(
        {**columns, "id": ids, "group": [f"g-{i}" for i in ids], "source": ["test"] * len(ids), "extra": extra}
    )
    with tables.new_folder("data/cleaned") as folder:
        tables.write(folder, "samples", table)


def derived() -> list[dict[str, Any]]:
    table = tables.read("data/augmented", "samples")
    assert table.schema == samples.SCHEMA
    return table.to_pylist()


def originals() -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in tables.read("data/cleaned", "samples").to_pylist()}


def test_without_any_wish_the_table_is_empty_and_the_metrics_say_so(stage: Stage) -> None:
    assert stage(ROWS) == {
        "planned": 0,
        "derived": 0,
        "given_up": {},
        "steps": {},
        "classes": {
            "negative": {"before": 8, "wanted": 8, "after": 8},
            "neutral": {"before": 4, "wanted": 4, "after": 4},
            "positive": {"before": 1, "wanted": 1, "after": 1},
        },
    }
    assert derived() == []


def test_classes_are_brought_up_to_the_largest_within_the_limit(stage: Stage) -> None:
    metrics = stage(ROWS, ("keyboard", "random_character"), balance="largest", max_copies=3)
    assert metrics["planned"] == metrics["derived"] == 7
    assert metrics["classes"]["neutral"] == {"before": 4, "wanted": 8, "after": 8}
    assert metrics["classes"]["positive"] == {"before": 1, "wanted": 8, "after": 4}
    assert sum(metrics["steps"].values()) >= 7


def test_a_derived_sample_has_what_its_parent_has_but_id_text_split_and_issues(stage: Stage) -> None:
    stage([{"text": "The parcel came late", "label": "a", "split": "train", "issues": ["x.y"]}], copies=2)
    (parent,) = originals().values()
    first, second = derived()
    assert [first["id"], second["id"]] == [f"{parent['id']}+1", f"{parent['id']}+2"]
    assert len({first["text"], second["text"], parent["text"]}) == 3
    for row in (first, second):
        own = {name: row[name] for name in ("id", "parent", "text", "split", "issues")}
        assert {**own, "parent": parent["id"], "split": None, "issues": []} == own
        assert {**row, **{name: parent[name] for name in own}} == parent
        assert row["group"] == f"g-{parent['id']}" and row["extra"] == [("place", "0")]


def test_nothing_is_derived_from_what_may_not_be_trained_on(stage: Stage) -> None:
    rows = [
        {"text": "The parcel came late today", "label": "a", "split": "validation"},
        {"text": "The charger came late today", "label": "a", "split": "test"},
        {"text": "The headset came late today", "label": "a", "label_source": "rule"},
        {"text": "The invoice came late today", "label": None, "label_source": None},
        {"text": "The bicycle came late today", "label": "a"},
    ]
    metrics = stage(rows, copies=1)
    assert metrics["classes"] == {"a": {"before": 1, "wanted": 2, "after": 2}}
    assert [originals()[row["parent"]]["text"] for row in derived()] == ["The bicycle came late today"]


def test_what_stands_among_the_originals_is_given_up(stage: Stage) -> None:
    rows = [{"text": "tomorrow morning", "label": "a"}, {"text": "morning tomorrow", "label": "b", "split": "test"}]
    limits = {"max_changed_share": 1.0, "min_characters": 3, "protected_words": []}
    metrics = stage(rows, ("random_word",), copies=1, limits=limits)
    assert (metrics["planned"], metrics["derived"], metrics["given_up"]) == (1, 0, {"augment.duplicate": 1})
    assert derived() == []


def test_planned_is_derived_and_given_up(stage: Stage) -> None:
    rows = [*ROWS, {"text": "ok", "label": "positive"}, {"text": "not not", "label": "neutral"}]
    metrics = stage(rows, ("keyboard", "random_word"), copies=3)
    assert metrics["planned"] == 3 * len(rows) == metrics["derived"] + sum(metrics["given_up"].values())
    assert metrics["given_up"]["augment.unchanged"] >= 6
    assert len(derived()) == metrics["derived"]
    assert all("isn't" in row["text"] for row in derived() if row["label"] == "negative")


def test_one_process_or_two_give_the_same_bytes(stage: Stage) -> None:
    files = []
    for workers in (1, 2):
        metrics = stage(ROWS, ("synonym", "spelling", "keyboard", "random_word"), copies=3, workers=workers)
        files.append((metrics, Path("data/augmented/samples-00000.parquet").read_bytes()))
    assert files[0] == files[1]


def test_neighbours_and_their_order_do_not_matter(stage: Stage) -> None:
    stage(ROWS, copies=2)
    before = {row["id"]: row["text"] for row in derived()}
    stage(ROWS[::-2], copies=1)
    assert {row["id"]: row["text"] for row in derived()}.items() <= before.items()


def test_several_batches_and_chunks_stay_together(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage(ROWS, copies=1, balance="largest")
    whole = derived()
    monkeypatch.setattr("stages.augmenters.rows.CHUNK_ROWS", 2)
    batches = tables.batches
    monkeypatch.setattr(tables, "batches", lambda *given, **_: batches(*given, batch_rows=3))
    stage(ROWS, copies=1, balance="largest")
    assert derived() == whole


@pytest.mark.parametrize(
    ("steps", "changes", "message"),
    [
        ((), {"copies": 1}, "no step is enabled with p above 0"),
        (("contextual",), {"copies": 1}, "contextual.model: null: the step is enabled but names no model"),
        (("keyboard",), {"copies": 4}, "augment.copies: 4 is more than augment.max_copies"),
        (("keyboard",), {"balance": {"positve": 3}}, "no original is labelled 'positve', did you mean 'positive'?"),
    ],
)
def test_a_mistake_leaves_nothing_half_written(
    stage: Stage, steps: tuple[str, ...], changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError) as caught:
        stage(ROWS, steps, **changes)
    assert message in str(caught.value)
    assert [path.name for path in Path("data").iterdir()] == ["cleaned"]


def test_an_example_of_each_is_shown(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage(ROWS[-1:], copies=1)
    shown = capsys.readouterr().out
    assert "1 planned, 1 derived, given up: none" in shown
    assert "Examples" in shown and "positive" in shown


def test_an_empty_input_gives_an_empty_output(stage: Stage) -> None:
    assert stage([], copies=1)["planned"] == 0
    assert derived() == []


IMAGE_STEPS = ("rotate", "translate", "scale", "shear")


def augmented_images(folder: Path, **changes: Any) -> dict[str, Any]:
    """The metrics of a run on six images of three kinds, with the steps of the digits recipe."""
    rows = [
        {"id": f"{kind}{n}", "label": kind, "image": {"bytes": png(kind, n), "path": f"{kind}/{n}.png"}}
        for n in range(2)
        for kind in KINDS
    ]
    given = {"augment.copies": 2} | {f"augment.{name}": value for name, value in changes.items()}
    with workplace.working_in(folder, given, "recipes/digits.yaml"):
        workplace.put("cleaned", "samples", workplace.table(rows))
        augment.main()
        return tables.read_json("metrics/augment.json")


def test_images_are_derived_under_their_parents_ids_and_shown_on_a_sheet(tmp_path: Path) -> None:
    metrics = augmented_images(tmp_path)
    assert (metrics["planned"], metrics["derived"], metrics["given_up"]) == (12, 12, {})
    assert set(metrics["steps"]) <= set(IMAGE_STEPS)
    assert metrics["classes"]["down"] == {"before": 2, "wanted": 6, "after": 6}
    found = tables.read(tmp_path / "data/augmented", "samples").to_pylist()
    assert [row["id"] for row in found] == [f"{kind}{n}+{m}" for n in range(2) for kind in KINDS for m in (1, 2)]
    originals = {png(kind, n) for kind in KINDS for n in range(2)}
    assert len({row["image"]["bytes"] for row in found} | originals) == 18
    for row in found:
        assert (row["parent"], row["label"]) == (row["id"][:-2], row["id"][:-3])
        assert row["image"]["path"] == f"{row['id']}.png"
        image = Image.open(io.BytesIO(row["image"]["bytes"]))
        assert (image.format, image.size, image.mode) == ("PNG", (16, 16), "RGB")
    (sheet,) = (tmp_path / "data/sheets/augment").iterdir()
    assert (sheet.name, Image.open(io.BytesIO(sheet.read_bytes())).format) == ("derived.png", "PNG")


def test_images_and_their_sheet_are_the_same_with_one_process_or_two(tmp_path: Path) -> None:
    files = []
    for workers in (1, 2):
        metrics = augmented_images(tmp_path, workers=workers)
        made = [*(tmp_path / "data/augmented").iterdir(), *(tmp_path / "data/sheets").rglob("*.png")]
        files.append((metrics, {path.name: path.read_bytes() for path in made}))
    assert files[0] == files[1]
    assert sorted(files[0][1]) == ["derived.png", "samples-00000.parquet"]


def test_without_copies_the_sheet_says_so(tmp_path: Path) -> None:
    assert augmented_images(tmp_path, copies=0)["planned"] == 0
    (sheet,) = (tmp_path / "data/sheets/augment").iterdir()
    assert sheet.name == "derived.svg" and ">none</text>" in sheet.read_text()
