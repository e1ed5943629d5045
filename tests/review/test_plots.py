"""The plots of both sides: the same axes, words of the data as text, PNG and SVG."""

import re
from pathlib import Path

import pytest

from review.panels import COLOURS, PANELS
from review.plots import draw, drawings, write
from stages.core.errors import UserError
from stages.tasks.task import PLOTS
from tests import folders

DATA = {
    "finetune/loss.csv": "epoch,series,loss\n1,train,1.0\n1,validation,0.9\n2,train,0.5\n2,validation,{x}\n",
    "finetune/scores.csv": "epoch,series,value\n1,accuracy,0.5\n1,accuracy (training),0.4\n2,accuracy,{x}\n",
    "finetune/steps.csv": "step,loss,lr,grad_norm\n1,1.0,0.1,1\n2,{x},0.1,1\n",
    "evaluate/confusion.csv": "actual,predicted\na,a\na,b\nb,b\n$c$ <i>&,b\n",
    "evaluate/roc.csv": "class,fpr,tpr\na,0,0\na,0.5,{x}\na,1,1\nb,0,0\nb,1,1\n",
    "evaluate/precision_recall.csv": "class,recall,precision\na,0,1\na,1,{x}\n",
    "evaluate/reliability.csv": "confidence,accuracy,count\n0.5,{x},9\n0.9,0.9,3\n",
}
VALUES = "gold,predicted,residual\n1,{x},0.5\n2,2.5,-0.5\n"


def lay_out(folder: Path, x: float, data: dict[str, str]) -> None:
    for name, content in data.items():
        path = folder / "metrics/plots" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content.format(x=x), encoding="utf-8")


def sides(folder: Path):
    return folders.side(folder / "base", "base"), folders.side(folder / "head", "head")


def ticks(svg: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


def test_both_sides_have_the_same_axes(tmp_path: Path) -> None:
    lay_out(tmp_path / "base", 0.2, DATA)
    lay_out(tmp_path / "head", 0.7, DATA)
    found = {one.name: one for one in drawings(*sides(tmp_path))}
    assert list(found) == ["loss", "scores", "steps", "confusion", "roc", "precision-recall", "reliability"]
    for one in found.values():
        assert one.base and one.head and one.base != one.head
        assert ticks(one.base) == ticks(one.head)


def test_training_and_validation_share_a_picture_and_a_colour(tmp_path: Path) -> None:
    lay_out(tmp_path / "head", 0.7, {"finetune/scores.csv": DATA["finetune/scores.csv"]})
    (tmp_path / "base").mkdir()
    (one,) = drawings(*sides(tmp_path))
    assert one.head is not None and {"accuracy", "accuracy (training)"} <= set(ticks(one.head))
    assert set(re.findall(r"stroke: (#\w+); stroke-width: 1.6", one.head)) == {COLOURS[0]}
    assert re.search(rf"stroke-dasharray[^\"]*stroke: {COLOURS[0]}", one.head)


def test_a_regression_shows_values_and_residuals(tmp_path: Path) -> None:
    for name, x in (("base", 0.2), ("head", 9.0)):
        lay_out(tmp_path / name, x, {"evaluate/values.csv": VALUES, "evaluate/confusion.csv": "actual,predicted\n"})
    assert [one.name for one in drawings(*sides(tmp_path))] == ["values", "residuals"]


def test_a_side_without_the_data_has_no_picture(tmp_path: Path) -> None:
    lay_out(tmp_path / "head", 0.7, {"finetune/loss.csv": DATA["finetune/loss.csv"], "evaluate/roc.csv": "a,b\n1,2\n"})
    (tmp_path / "base").mkdir()
    (one,) = drawings(*sides(tmp_path))
    assert (one.name, one.base) == ("loss", None)
    assert list(draw(*sides(tmp_path))) == ["loss.png"]


def test_names_of_classes_are_text_in_a_picture_and_ids_are_its_own(tmp_path: Path) -> None:
    for name in ("base", "head"):
        lay_out(tmp_path / name, 0.5, {"evaluate/confusion.csv": DATA["evaluate/confusion.csv"]})
    (one,) = drawings(*sides(tmp_path))
    assert one.base is not None and one.head is not None
    assert "$c$ &lt;i&gt;&amp;" in one.base
    assert "<i>" not in one.base
    ids = [set(re.findall(r'id="([^"]+)"', svg)) for svg in (one.base, one.head)]
    assert not ids[0] & ids[1]
    named = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', one.base))
    assert named <= ids[0]


def test_pictures_repeat_to_the_byte(tmp_path: Path) -> None:
    for name in ("base", "head"):
        lay_out(tmp_path / name, 0.5, {"evaluate/roc.csv": DATA["evaluate/roc.csv"]})
    assert drawings(*sides(tmp_path)) == drawings(*sides(tmp_path))
    assert draw(*sides(tmp_path)) == draw(*sides(tmp_path))


def test_png_files_are_written_for_comments(tmp_path: Path) -> None:
    for name in ("base", "head"):
        lay_out(
            tmp_path / name,
            0.5,
            {"evaluate/roc.csv": DATA["evaluate/roc.csv"], "finetune/loss.csv": DATA["finetune/loss.csv"]},
        )
    write(tmp_path / "plots", *sides(tmp_path))
    files = sorted((tmp_path / "plots").iterdir())
    assert [path.name for path in files] == ["loss.png", "roc.png"]
    for path in files:
        content = path.read_bytes()
        assert content.startswith(b"\x89PNG\r\n\x1a\n") and len(content) < 2**17


def test_many_classes_and_missing_numbers_are_drawn(tmp_path: Path) -> None:
    names = [f"a rather long name {number}" for number in range(30)]
    confusion = "actual,predicted\n" + "".join(f"{name},{name}\n" for name in names)
    for name in ("base", "head"):
        steps = "step,loss,lr,grad_norm\n1,,0.1,1\n2,nan,0.1,1\n"
        lay_out(tmp_path / name, 0.5, {"evaluate/confusion.csv": confusion, "finetune/steps.csv": steps})
    assert [one.name for one in drawings(*sides(tmp_path))] == ["steps", "confusion"]


def test_what_is_no_csv_is_told(tmp_path: Path) -> None:
    lay_out(tmp_path / "head", 0.5, {})
    path = tmp_path / "head/metrics/plots/finetune/loss.csv"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match=r"metrics/plots/finetune/loss\.csv of head: not CSV"):
        drawings(folders.side(tmp_path), folders.side(tmp_path / "head"))


def test_the_columns_are_those_that_the_stages_write() -> None:
    for panel in PANELS:
        folder, name = panel.path.removesuffix(".csv").split("/")
        if folder == "evaluate":
            assert set(panel.columns) <= set(PLOTS[name])
