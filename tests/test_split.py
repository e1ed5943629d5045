"""The stage split: what it writes, and which splits it refuses."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from stages import split
from stages.core import tables
from stages.core.errors import UserError
from tests import workplace


def run(folder: Path, rows: list[workplace.Row], **changes: Any) -> dict[str, Any]:
    with workplace.working_in(folder, {key.replace("__", "."): value for key, value in changes.items()}):
        workplace.put("cleaned", "samples", workplace.table([{"text": str(n), **row} for n, row in enumerate(rows)]))
        split.main()
        return tables.read_json("metrics/split.json")


def assignment(folder: Path) -> list[workplace.Row]:
    found: list[workplace.Row] = tables.read(folder / "data/split", "assignment").to_pylist()
    return found


def labelled(**counts: int) -> list[workplace.Row]:
    return [{"label": label} for label, count in counts.items() for _ in range(count)]


def test_every_sample_gets_its_split_in_the_order_of_the_samples(tmp_path: Path) -> None:
    metrics = run(tmp_path, [*labelled(good=20, bad=20), {"label": None}])
    assert metrics == {
        "rows": 41,
        "unused": 1,
        "reasons": {"split.no_answer": 1},
        "splits": {
            "train": {"rows": 28, "groups": 28, "labels": {"bad": 14, "good": 14}},
            "validation": {"rows": 6, "groups": 6, "labels": {"bad": 3, "good": 3}},
            "test": {"rows": 6, "groups": 6, "labels": {"bad": 3, "good": 3}},
        },
        "folds": {},
    }
    found = assignment(tmp_path)
    cleaned = tables.read(tmp_path / "data/cleaned", "samples")
    assert [row["id"] for row in found] == cleaned["id"].to_pylist()
    assert found[-1] == {"id": found[-1]["id"], "split": None, "fold": None, "reason": "split.no_answer"}
    assert all(row["reason"] is None and row["fold"] is None for row in found[:-1])


def test_folds_are_counted_and_only_training_samples_have_one(tmp_path: Path) -> None:
    metrics = run(tmp_path, labelled(good=20, bad=20), split__folds=4)
    assert metrics["folds"] == {"0": 7, "1": 7, "2": 7, "3": 7}
    assert Counter((row["split"], row["fold"] is None) for row in assignment(tmp_path)) == {
        ("train", False): 28,
        ("validation", True): 6,
        ("test", True): 6,
    }


def test_in_is_assigned_and_unused(tmp_path: Path) -> None:
    rows: list[workplace.Row] = [
        *labelled(good=20, bad=20),
        *[{"label": "good", "label_source": "rule"}] * 10,
        *[{"label": "good", "group": "g", "split": name} for name in ("train", "test", "validation")],
        {"label": None, "split": "test"},
        {"label": "good", "split": "validation"},
    ]
    metrics = run(tmp_path, rows)
    assigned = sum(part["rows"] for part in metrics["splits"].values())
    assert metrics["rows"] == len(rows) == assigned + metrics["unused"]
    assert sum(metrics["reasons"].values()) == metrics["unused"]
    assert metrics["reasons"]["split.leak"] == 2
    assert metrics["splits"]["test"]["rows"] == 1


def test_two_runs_give_the_same_bytes_and_another_seed_another_split(tmp_path: Path) -> None:
    found = []
    for seed in (1, 1, 2):
        run(tmp_path, labelled(good=20, bad=20), seed=seed)
        found.append((tmp_path / "data/split/assignment-00000.parquet").read_bytes())
    assert found[0] == found[1] != found[2]


def test_a_split_along_time(tmp_path: Path) -> None:
    rows = [row | {"extra": [("date", f"2025-01-{n + 1:02}")]} for n, row in enumerate(labelled(good=1, bad=1) * 10)]
    run(tmp_path, rows, split__method="temporal", split__options={"column": "date", "format": "iso"})
    assert [row["split"] for row in assignment(tmp_path)] == ["train"] * 14 + ["validation"] * 3 + ["test"] * 3


def test_a_class_that_validation_lacks_is_noted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tmp_path, labelled(good=20, bad=20, rare=1))
    shown = capsys.readouterr().out
    assert "note: no validation sample of: rare" in shown
    assert "note: no test sample of: rare" in shown


def test_values_are_shared_out_by_quantile_and_their_range_is_told(tmp_path: Path) -> None:
    rows: list[workplace.Row] = [{"value": float(n), "label_source": "gold"} for n in range(100)]
    given = {"task": "regression", "labels": [], "finetune__best_by": "r2", "augment__balance": "none"}
    given |= {"finetune__loss": "mse", "fetch__columns": {"text": "t", "value": "v"}, "search__objective": "r2"}
    given |= {f"review__gates__{name}": {} for name in ("bounds", "drops", "slices")}
    given["review__gates__data__min_class_share"] = None
    metrics = run(tmp_path, [*rows, {"label": "good"}], **given)
    splits = metrics["splits"]
    assert {name: part["rows"] for name, part in splits.items()} == {"train": 70, "validation": 15, "test": 15}
    assert metrics["reasons"] == {"split.no_answer": 1}
    assert all(set(part) == {"rows", "groups", "values"} for part in splits.values())
    found = [row["split"] for row in assignment(tmp_path)[:100]]
    for start in range(0, 100, 10):
        assert Counter(found[start : start + 10])["train"] == 7, "each tenth is shared out alike"
    assert splits["train"]["values"]["min"] < 10 and splits["test"]["values"]["max"] > 85
    with pytest.raises(UserError, match="split: all training samples have the value 2"):
        run(tmp_path, [row | {"value": 2.0} for row in rows], **given)


BIG: list[workplace.Row] = [row | {"group": "g"} for row in labelled(good=50, bad=50)]
DATED: list[workplace.Row] = [row | {"extra": [("day", "2025-01-01")]} for row in labelled(good=5, bad=5)]
DECLARED: list[workplace.Row] = [
    {"label": label, "split": name}
    for label, name in [("good", "train"), ("good", "validation"), ("bad", "test"), ("good", "test")]
]
NO_ANSWERS: list[workplace.Row] = labelled(good=5, bad=5) + [{"split": "test"}] * 10


@pytest.mark.parametrize(
    ("rows", "changes", "message"),
    [
        ([], {}, "no samples are left after cleaning"),
        (BIG, {}, "split: no sample for validation (ratio 0.15; 100 samples, 0 unused)"),
        (labelled(good=1) + BIG, {}, "split: no sample for test (ratio 0.15; 101 samples, 0 unused)"),
        (NO_ANSWERS, {}, "split: no sample for test (ratio 0.15; 20 samples, 10 unused (10 split.no_answer))"),
        (labelled(good=20), {}, "split: only one class: good"),
        (DECLARED, {}, "split: no training sample of: bad"),
        (labelled(good=4, bad=4), {"split__folds": 7}, "params.yaml: split.folds: 7 folds, but 6 groups to train on"),
        (
            DATED,
            {"split__method": "temporal", "split__options": {"column": "date", "format": "iso"}},
            "params.yaml: split.options.column: sample",
        ),
        (DATED, {"split__method": "temporal"}, "params.yaml: split.options.column: missing"),
        (DATED, {"split__method": "strat"}, "params.yaml: split.options: unknown name 'strat'"),
        ([{"value": 1.0, "label_source": "gold"}] * 20, {}, "split: only one class: none"),
    ],
)
def test_a_split_that_cannot_be_used_is_refused_and_nothing_is_written(
    tmp_path: Path, rows: list[workplace.Row], changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError) as caught:
        run(tmp_path, rows, **changes)
    assert str(caught.value).startswith(message)
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["cleaned"]
    assert not (tmp_path / "metrics").exists()


def test_without_a_share_the_test_split_may_be_empty(tmp_path: Path) -> None:
    ratios = {"train": 0.8, "validation": 0.2, "test": 0.0}
    metrics = run(tmp_path, labelled(good=10, bad=10), split__ratios=ratios)
    assert metrics["splits"]["test"] == {"rows": 0, "groups": 0, "labels": {}}


def test_a_group_too_large_to_be_shared_out_is_warned_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = labelled(good=24, bad=24)
    assert "warnings" not in run(tmp_path, [row | {"group": f"g{n % 16}"} for n, row in enumerate(rows)])
    giant = [row | {"group": "giant" if n % 24 < 16 else f"g{n}"} for n, row in enumerate(rows)]
    capsys.readouterr()
    (warned,) = run(tmp_path, giant)["warnings"]
    assert warned["code"] == "large_group"
    assert warned["sentence"].startswith("the largest group holds 67% of the samples and stays in one split")
    assert f"warning: {warned['sentence']}\n" in capsys.readouterr().out
