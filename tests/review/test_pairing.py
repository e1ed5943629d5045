"""Predictions paired by id, and what cannot be compared."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from review.pairing import read_pair
from review.sides import Side
from stages.core.errors import UserError


def side(folder: Path, name: str, table: pa.Table) -> Side:
    """A workspace that holds these predictions."""
    (folder / name / "models").mkdir(parents=True)
    pq.write_table(table, folder / name / "models/predictions.parquet")
    return Side(name, None, name, folder / name, None)


def classes(
    ids: Sequence[int], *, gold: str = "no", labels: Sequence[str] = ("no", "yes"), share: float = 0.75
) -> pa.Table:
    """Predictions of these samples, all with one answer."""
    columns = {f"probability.{label}": [share if label == "no" else 1 - share] * len(ids) for label in labels}
    named = {"id": [f"s{i}" for i in ids], "gold": [gold] * len(ids), "prediction": ["no"] * len(ids)}
    return pa.table(named | columns)


def values(ids: Sequence[int], *, shift: float = 0.0) -> pa.Table:
    gold = [float(i) for i in ids]
    return pa.table({"id": [f"s{i}" for i in ids], "gold": gold, "prediction": [one + shift for one in gold]})


def test_samples_are_paired_by_id_and_columns_by_label(tmp_path: Path) -> None:
    base = side(tmp_path, "base", classes(range(30), labels=("yes", "no")))
    head = side(tmp_path, "head", classes(range(40)[::-1], share=0.5))
    pair = read_pair(base, head, min_common=20)
    assert pair.labels == ("no", "yes")
    assert pair.ids == [f"s{i}" for i in range(30)][::-1]
    assert pair.base.tolist() == [[0.75, 0.25]] * 30
    assert pair.head.tolist() == [[0.5, 0.5]] * 30
    assert (pair.samples_base, pair.samples_head, pair.same_test_set) == (30, 40, False)


def test_values_are_paired(tmp_path: Path) -> None:
    pair = read_pair(
        side(tmp_path, "base", values(range(25))), side(tmp_path, "head", values(range(25), shift=2)), min_common=20
    )
    assert (pair.task, pair.labels, pair.same_test_set, pair.relabelled) == ("regression", (), True, [])
    assert np.array_equal(pair.head - pair.base, np.full(25, 2.0))


def test_relabelled_samples_are_counted_and_not_compared(tmp_path: Path) -> None:
    relabelled = pa.concat_tables([classes(range(2), gold="yes"), classes(range(2, 30))])
    pair = read_pair(side(tmp_path, "base", classes(range(30))), side(tmp_path, "head", relabelled), min_common=20)
    assert (len(pair.ids), pair.relabelled, pair.same_test_set) == (28, ["s0", "s1"], False)


@pytest.mark.parametrize(
    ("base", "head", "said"),
    [
        (classes(range(3)), classes(range(3)), r"3 test samples in common, too few to compare"),
        (classes(range(30)), classes(range(30, 60)), r"0 test samples in common, too few to compare"),
        (classes(range(30)), values(range(30)), r"different tasks \(base: classification, head: regression\)"),
        (
            classes(range(30)),
            classes(range(30), labels=("no", "maybe")),
            r"different labels \(base: no, yes; head: no, maybe\)",
        ),
        (classes(range(30)), classes(range(30), share=float("nan")), r"of head: 30 of 30 predictions are not finite"),
        (values(range(30)), values(range(30), shift=float("inf")), r"of head: 30 of 30 predictions are not finite"),
        (classes([1, 1, *range(30)]), classes(range(30)), r"of base: an id comes twice"),
        (classes(range(30), gold="perhaps"), classes(range(30)), r"of base: no probabilities of \['perhaps'\]"),
        (classes(range(30)).drop_columns(["gold"]), classes(range(30)), r"of base: no column gold"),
        (
            classes(range(30)).select(["id", "gold", "prediction"]),
            classes(range(30)),
            r"of base: prediction holds no numbers",
        ),
    ],
)
def test_what_cannot_be_compared_is_refused(tmp_path: Path, base: pa.Table, head: pa.Table, said: str) -> None:
    with pytest.raises(UserError, match=said) as told:
        read_pair(side(tmp_path, "base", base), side(tmp_path, "head", head), min_common=20)
    assert told.value.hint


def test_what_is_no_parquet_file_is_told(tmp_path: Path) -> None:
    base = side(tmp_path, "base", classes(range(30)))
    (tmp_path / "base/models/predictions.parquet").write_bytes(b"<<<<<<< a conflict")
    with pytest.raises(UserError, match=r"models/predictions.parquet of base: not Parquet"):
        read_pair(base, base, min_common=20)
