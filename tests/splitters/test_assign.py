"""The guarantees that keep evaluation honest, for any groups, labels and splits of a source."""

from collections import defaultdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core import registry
from stages.core.errors import UserError
from stages.core.samples import SPLITS
from stages.splitters import SPLITTERS
from stages.splitters.assign import UNUSED, Assignment, assign
from tests import workplace

RATIOS = {"train": 0.6, "validation": 0.2, "test": 0.2}


def run(rows: list[workplace.Row], **changes: Any) -> Assignment:
    options = {"respect": True, "ratios": RATIOS, "folds": 0, "seed": 1} | changes
    splitter = registry.build(SPLITTERS, options.pop("method", "stratified"), {}, "split.options")
    numbered = [{"text": str(n), **row} for n, row in enumerate(rows)]
    return assign(workplace.table(numbered), splitter, **options)


def names(found: Assignment) -> list[str]:
    """The split, or why there is none."""
    return [SPLITS[n] if n != UNUSED else why for n, why in zip(found.split, found.reason, strict=True)]


ROW = st.fixed_dictionaries(
    {
        "group": st.sampled_from("abcdefghijkl"),
        "label": st.sampled_from(["good", "bad", None]),
        "label_source": st.sampled_from(["gold", "gold", "rule", None]),
        "split": st.sampled_from([None, None, "train", "validation", "test"]),
    },
    optional={"value": st.just(1.0), "target": st.just("t")},
)
RATIO = st.sampled_from([RATIOS, {"train": 0.5, "validation": 0.5, "test": 0.0}])


@workplace.quick
@given(
    rows=st.lists(ROW, max_size=40),
    respect=st.booleans(),
    ratios=RATIO,
    method=st.sampled_from(["stratified", "random"]),
    seed=st.integers(0, 9),
)
def test_the_guarantees_hold_for_any_samples(
    rows: list[workplace.Row], respect: bool, ratios: dict[str, float], method: str, seed: int
) -> None:
    found = run(rows, respect=respect, ratios=ratios, method=method, seed=seed)
    assert len(found.split) == len(rows)
    splits_of_group = defaultdict(set)
    for row, split, reason in zip(rows, names(found), found.reason, strict=True):
        if reason:
            assert split in ("split.leak", "split.no_answer", "split.not_gold")
            continue
        splits_of_group[row["group"]].add(split)
        assert any(row.get(name) is not None for name in ("label", "value", "target"))
        if split != "train":
            assert row["label_source"] == "gold"
        if respect and row["split"] in ("validation", "test"):
            assert split == row["split"]
        if respect and split == "test" and any(other["split"] == "test" for other in rows):
            assert row["split"] == "test"
    assert all(len(splits) == 1 for splits in splits_of_group.values())
    assert [bool(reason) for reason in found.reason] == [split == UNUSED for split in found.split]
    assert (found.fold == -1).all()


@workplace.quick
@given(rows=st.lists(ROW, max_size=40), folds=st.integers(2, 5), seed=st.integers(0, 9))
def test_folds_are_of_whole_groups_of_training_samples_and_none_is_empty(
    rows: list[workplace.Row], folds: int, seed: int
) -> None:
    try:
        found = run(rows, folds=folds, seed=seed)
    except UserError as error:
        assert f"split.folds: {folds} folds, but" in str(error)
        training = {row["group"] for row, split in zip(rows, run(rows, seed=seed).split, strict=True) if split == 0}
        assert len(training) < folds
        return
    assert run(rows, seed=seed).split.tolist() == found.split.tolist()
    assert ((found.fold >= 0) == (found.split == 0)).all()
    assert {int(fold) for fold in found.fold if fold >= 0} == set(range(folds))
    groups = {(row["group"], int(fold)) for row, fold in zip(rows, found.fold, strict=True) if fold >= 0}
    assert len(groups) == len(dict(groups))


LABELLED: workplace.Row = {"label": "good"}


def declared(*splits: str | None) -> list[workplace.Row]:
    return [LABELLED | {"split": split} for split in splits]


def test_the_splits_of_the_source_are_respected() -> None:
    assert names(run(declared("test", "train", "validation", "train"))) == ["test", "train", "validation", "train"]


def test_a_split_that_the_source_lacks_is_taken_out_of_its_training_samples() -> None:
    found = names(run(declared(*["train"] * 10, "test", "test")))
    assert found[10:] == ["test", "test"]
    assert (found[:10].count("train"), found[:10].count("validation")) == (8, 2)


def test_samples_without_a_split_are_trained_on_where_the_source_has_all_three() -> None:
    assert names(run(declared("train", "validation", "test", None, None)))[3:] == ["train", "train"]


def test_the_splits_of_the_source_can_be_ignored() -> None:
    found = names(run(declared(*["test"] * 10), respect=False))
    assert sorted(found) == ["test"] * 2 + ["train"] * 6 + ["validation"] * 2


@pytest.mark.parametrize(
    ("splits", "expected"),
    [
        (["train", "test"], ["split.leak", "test"]),
        (["train", "validation"], ["split.leak", "validation"]),
        (["validation", "test", "train"], ["split.leak", "test", "split.leak"]),
        ([None, "test"], ["split.leak", "test"]),
        (["train", None], ["train", "train"]),
    ],
)
def test_a_group_stays_in_the_last_of_its_declared_splits(splits: list[str | None], expected: list[str]) -> None:
    rows = [row | {"group": "g"} for row in declared(*splits)]
    others = declared("train", "validation", "test")
    assert names(run(rows + others))[: len(rows)] == expected


def test_held_out_samples_without_a_gold_answer_are_set_aside() -> None:
    rows: list[workplace.Row] = [
        {"label": "good", "label_source": "rule", "split": "test"},
        {"label": None, "split": "validation"},
        {"label": "good", "label_source": "rule", "split": "train"},
        {"label": None, "split": "train"},
        {"label": None, "value": 1.0, "label_source": "gold", "split": "test"},
    ]
    assert names(run(rows)) == ["split.not_gold", "split.no_answer", "train", "split.no_answer", "test"]


def test_each_fold_gets_its_share_of_each_class() -> None:
    rows = [{"label": label, "split": "train"} for label in ["good"] * 20 + ["bad"] * 10]
    found = run(rows + declared("validation", "test"), folds=5)
    for label, wanted in (("good", 4), ("bad", 2)):
        folds = [int(fold) for row, fold in zip(rows, found.fold, strict=False) if row["label"] == label]
        assert [folds.count(fold) for fold in range(5)] == [wanted] * 5


def test_fewer_groups_than_folds_are_refused() -> None:
    rows = [row | {"group": f"g{n % 3}"} for n, row in enumerate(declared(*["train"] * 9))]
    with pytest.raises(UserError) as caught:
        run(rows + declared("validation", "test"), folds=4)
    message = "params.yaml: split.folds: 4 folds, but 3 groups to train on fill only 3"
    assert (str(caught.value), caught.value.hint) == (message, "fewer folds, or more samples")


def test_no_samples_are_nothing_to_share_out() -> None:
    assert names(run([])) == []
