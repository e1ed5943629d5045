"""Members: which samples each is trained on and judged by, one model at a time, and what they come to together."""

import weakref
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from stages.core import tables
from stages.core.errors import UserError
from stages.core.registry import build
from stages.core.samples import SPLITS
from stages.modalities import inputs
from stages.splitters import SPLITTERS
from stages.splitters.assign import UNUSED, assign
from stages.tasks.classes import Classes
from stages.tasks.values import Values
from stages.training import members
from stages.training.batches import Encoded
from stages.training.checkpoints import Checkpoints
from stages.training.gathered import best_of, metrics_of, out_of_fold, write_members
from stages.training.members import Data, Member, Result, members_of, trained
from stages.training.processes import ALONE
from stages.training.progress import History
from stages.training.splits import Split, folds_of
from tests import workplace

LABELS = ["bad", "good"]
META = {"labels": LABELS}


def task_of(meta: Any) -> Classes:
    return Classes(meta, bins=2)


def split_of(ids: list[str], parents: list[str | None], labels: list[int], folds: list[int]) -> Split:
    columns = {"id": ids, "parent": parents, "label": labels, "fold": folds, "length": [1] * len(ids)}
    table = pa.table({**columns, "input_ids": pa.array([[i] for i in range(len(ids))], pa.list_(pa.int32()))})
    originals = np.array([parent is None for parent in parents], dtype=bool)
    return Split(Encoded(table), np.array(folds, dtype=np.int64), originals)


def data_of(train: Split, validation: Split | None = None) -> Data:
    return Data(train, validation or split_of(["v"], [None], [0], [-1]), META, task_of, {})


ROW = st.fixed_dictionaries(
    {
        "group": st.sampled_from("abcdefghijkl"),
        "label": st.sampled_from(LABELS),
        "split": st.sampled_from([None, None, None, "train", "test"]),
    }
)


@workplace.quick
@given(
    rows=st.lists(ROW, min_size=6, max_size=40),
    derived=st.lists(st.integers(0, 39), max_size=20),
    folds=st.integers(2, 4),
    method=st.sampled_from(["stratified", "random"]),
)
def test_no_member_sees_its_fold_nor_what_is_derived_from_it_nor_its_groups(
    rows: list[workplace.Row], derived: list[int], folds: int, method: str
) -> None:
    samples = workplace.table([{"text": str(number), **row} for number, row in enumerate(rows)])
    splitter = build(SPLITTERS, method, {}, "split.options")
    ratios = {"train": 0.8, "validation": 0.2, "test": 0.0}
    try:
        found = assign(samples, splitter, respect=True, ratios=ratios, folds=folds, seed=1)
    except UserError:  # fewer groups than folds
        assume(False)
    ids = samples["id"].to_pylist()
    splits = [SPLITS[number] if number != UNUSED else None for number in found.split]
    places = dict(zip(ids, zip(splits, found.fold.tolist(), strict=True), strict=True))
    children = [(f"{ids[number]}+{copy}", ids[number]) for copy, number in enumerate(derived) if number < len(ids)]
    batch = pa.table({"id": [*ids, *(i for i, _ in children)], "parent": [None] * len(ids) + [p for _, p in children]})
    chosen, own_folds = next((rows, folds) for name, rows, folds in inputs.by_split(batch, places) if name == "train")
    part = batch.take(chosen).to_pydict()
    train = split_of(part["id"], part["parent"], [0] * len(part["id"]), [fold or 0 for fold in own_folds])
    data = data_of(train)
    groups = dict(zip(ids, samples["group"].to_pylist(), strict=True))
    judged = []
    for member in members_of(range(folds), [1]):
        held_out, seen = data.held_out(member).ids, data.of(member).ids
        judged += held_out
        assert not set(held_out) & {one.split("+")[0] for one in seen}
        assert not {groups[one] for one in held_out} & {groups[one.split("+")[0]] for one in seen}
        assert len(seen) == len(set(seen)) and {*held_out} | {*seen} <= {*part["id"]}
    assert sorted(judged) == sorted(one for one, parent in zip(part["id"], part["parent"], strict=True) if not parent)


def test_members_are_each_fold_with_each_seed() -> None:
    assert [one.name for one in members_of([0, 1], [7, 5])] == [
        "fold0-seed7", "fold0-seed5", "fold1-seed7", "fold1-seed5",
    ]  # fmt: skip
    assert members_of([], [7, 5]) == [Member(None, 7), Member(None, 5)]
    assert Member(None, 7).name == "seed7"


def test_without_folds_all_samples_are_trained_on_and_none_is_held_out() -> None:
    data = data_of(split_of(["a", "a+0", "b"], [None, "a", None], [0, 0, 1], [-1, -1, -1]))
    assert data.of(Member(None, 1)).ids == ["a", "a+0", "b"] and len(data.held_out(Member(None, 1))) == 0


def test_a_part_shares_the_arrays_and_gives_the_same_batches() -> None:
    whole = split_of(list("abcd"), [None] * 4, [0, 1, 0, 1], [0, 1, 0, 1]).inputs
    part = whole.part(np.array([3, 1])).part(np.array([1, 0]))
    assert part.ids == ["b", "d"] and part.labels.tolist() == [1, 1] and len(part) == 2
    one, other = part.batch(np.array([0, 1])), whole.batch(np.array([1, 3]))
    assert all(torch.equal(one[name], other[name]) for name in other)
    assert part._values is whole._values


@pytest.mark.parametrize(
    ("labels", "folds", "message"),
    [
        ([0, 1, 0, 1], [-1, -1, -1, -1], "data/encoded/train have no folds"),
        ([0, 1, 0, 1], [0, 0, 0, 0], "data/encoded/train have no folds"),
        ([0, 0, 1, 1], [0, 1, 2, 2], "outside of fold 2 there is no sample of: good"),
        ([0, 0, 0, 0], [0, 1, 0, 1], "outside of fold 0 there is samples of one answer alone"),
    ],
)
def test_folds_that_cannot_be_left_out_are_told(labels: list[int], folds: list[int], message: str) -> None:
    with pytest.raises(UserError, match=message):
        folds_of(split_of(list("abcd"), [None] * 4, labels, folds), LABELS)


def test_the_mean_of_values_is_that_of_the_members_own_originals() -> None:
    ids, parents = ["a", "b", "c", "c+0"], [None, None, None, "c"]
    columns = {"id": ids, "parent": parents, "value": [1.0, 2.0, 30.0, 30.0], "fold": [0, 1, 1, 1], "length": [1] * 4}
    table = pa.table({**columns, "input_ids": pa.array([[1]] * 4, pa.list_(pa.int32()))})
    train = Split(Encoded(table), np.array([0, 1, 1, 1]), np.array([True, True, True, False]))
    meta = {"labels": [], "train_values": {"count": 3, "mean": 11.0, "deviation": 13.4}}
    data = Data(train, train, meta, lambda found: Values(found, bins=1), {})
    assert [data.task(Member(fold, 1)).mean for fold in (0, None)] == [16.0, 11.0]  # type: ignore[attr-defined]


def history(*scores: float) -> History:
    rows = [{"epoch": n, "train_loss": 1.0, "macro_f1": value, "accuracy": 0.5} for n, value in enumerate(scores, 1)]
    return History(epochs=rows, best_epoch=int(np.argmax(scores)) + 1)


def result(fold: int | None, seed: int, *scores: float, **outputs: Any) -> Result:
    counts = {"total": 3, "trainable": 2}
    return Result(Member(fold, seed), Path("none"), history(*scores), 4, counts, outputs)


def test_the_best_member_is_the_first_of_equals() -> None:
    results = [result(0, 1, 0.5, 0.4), result(1, 1, 0.2, 0.7), result(2, 1, 0.7)]
    best = best_of(results, "macro_f1", task_of(META))
    assert best is results[1]
    metrics = metrics_of(results, best, 9)
    assert metrics["saved"] == "fold1-seed1" and metrics["best_epoch"] == 2
    assert metrics["mean"]["macro_f1"] == pytest.approx(np.mean([0.5, 0.7, 0.7]), abs=1e-6)
    assert metrics["deviation"] == {"macro_f1": pytest.approx(np.std([0.5, 0.7, 0.7], ddof=1), abs=1e-6), "accuracy": 0}
    assert metrics["members"]["fold0-seed1"] == {
        "train": 4, "epochs": 2, "best_epoch": 1, "train_loss": 1.0, "validation": {"macro_f1": 0.5, "accuracy": 0.5},
    }  # fmt: skip


def test_members_with_equal_scores_are_chosen_by_log_loss() -> None:
    results = [result(0, 1, 0.7), result(1, 1, 0.7), result(2, 1, 0.6)]
    for one, loss in zip(results, (0.4, 0.3, 0.1), strict=True):
        one.best["log_loss"] = loss
    assert best_of(results, "macro_f1", task_of(META)) is results[1]


def test_of_one_member_there_is_nothing_to_compare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    one = result(None, 1, 0.5)
    assert not {"mean", "deviation", "members", "saved"} & metrics_of([one], one, 9).keys()
    write_members([one], one)
    assert tables.read_json("models/members/members.json") == {"members": []}
    empty = out_of_fold(data_of(split_of(["a"], [None], [0], [-1])), [one], task_of(META))
    assert len(empty) == 0
    names = ["id", "split", "fold", "gold", "prediction", "probability.bad", "probability.good"]
    types = [pa.string(), pa.string(), pa.int32(), pa.string(), pa.string(), pa.float64(), pa.float64()]
    assert empty.schema == pa.schema(list(zip(names, types, strict=True)))


def test_predictions_out_of_fold_are_means_over_seeds_in_the_order_of_the_samples() -> None:
    data = data_of(split_of(["a", "b", "b+0", "c"], [None, None, "b", None], [0, 1, 1, 0], [1, 0, 0, 1]))
    held_out = {(0, 1): [[0.2, 0.8]], (0, 2): [[0.4, 0.6]]}
    held_out |= {(1, 1): [[0.9, 0.1], [0.5, 0.5]], (1, 2): [[0.7, 0.3], [0.3, 0.7]]}
    results = [
        result(fold, seed, 0.5, held_out=np.array(given), validation=np.array([[seed / 10, 1 - seed / 10]]))
        for (fold, seed), given in held_out.items()
    ]
    found = out_of_fold(data, results, task_of(META)).to_pydict()
    assert found["id"] == ["a", "b", "c", "v"] and found["fold"] == [1, 0, 1, None]
    assert found["split"] == ["train"] * 3 + ["validation"]
    assert found["probability.bad"] == pytest.approx([0.8, 0.3, 0.4, 0.15])
    assert found["gold"] == ["bad", "good", "bad", "bad"] and found["prediction"] == ["bad", "good", "good", "good"]


def test_one_model_at_a_time_is_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    alive: weakref.WeakSet[Any] = weakref.WeakSet()
    most = []

    class Model(torch.nn.Linear):
        def save_pretrained(self, folder: Path) -> None:
            folder.mkdir()
            (folder / "config.json").write_text("{}")

    class Ready:
        def __init__(self) -> None:
            self.learner = SimpleNamespace(model=Model(1, 1), device=torch.device("cpu"), team=ALONE)
            self.learner.model.cycle = lambda: self.learner.model  # as hooks of real ones do
            alive.add(self.learner.model)

        def whole(self) -> Any:
            return self.learner.model

    def make_ready(*_: Any) -> Any:
        most.append(len(alive))
        return Ready()

    def train_one(*_: Any, **__: Any) -> History:
        return history(0.5)

    def checkpoints(_: Any) -> Any:
        return nullcontext(Checkpoints(tmp_path / "kept", every_s=1.0))

    for name, fake in (("make_ready", make_ready), ("train_one", train_one), ("_outputs", lambda *_: {})):
        monkeypatch.setattr(members, name, fake)
    monkeypatch.setattr(members, "replace", lambda plan, **_: plan)
    data = data_of(split_of(["a", "b"], [None] * 2, [0, 1], [0, 1]))
    counts = {"total": 1, "trainable": 1}
    plan: Any = SimpleNamespace(name="full", device="cpu", options=None, count=lambda _: counts, team=ALONE)
    for repeat in range(2):
        chosen = members_of([0, 1], [1])
        with pytest.raises(KeyError), trained(chosen, plan, data, open_checkpoints=checkpoints) as results:
            assert [one.member for one in results] == chosen
            raise KeyError  # as where writing the outputs fails
        assert most == ([0, 0], [0, 0, 0])[repeat], "the second time all are finished: the first is built alone"
    assert capsys.readouterr().out.count("trained before") == 2
    with trained(chosen, plan, data, open_checkpoints=checkpoints):
        assert (tmp_path / "kept/finished/fold1-seed1/model/config.json").exists()
    assert not (tmp_path / "kept").exists()
