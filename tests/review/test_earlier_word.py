"""What the base's model said of relabelled samples: where it was not trained on them, and where that is at hand."""

from pathlib import Path

import pyarrow as pa

from review.earlier_word import add_earlier_word
from stages.core import tables
from tests import folders


def predictions(folder: Path, name: str, *rows: tuple[str, str, float]) -> None:
    ids, answers, sure = zip(*rows, strict=True)
    columns = {"id": ids, "prediction": answers, "probability.bad": sure, "probability.good": [1 - one for one in sure]}
    tables.write_file(folder / f"models/{name}.parquet", pa.table({key: list(value) for key, value in columns.items()}))


def test_the_answer_stands_with_how_sure_it_was(tmp_path: Path) -> None:
    predictions(tmp_path, "out_of_fold", ("a", "bad", 0.75), ("b", "good", 0.25))
    predictions(tmp_path, "predictions", ("c", "good", 0.125))
    items = [{"id": one} for one in "abcd"]
    add_earlier_word(folders.side(tmp_path), items)
    assert [item["said"] for item in items] == [
        {"answer": "bad", "sure": 0.75},
        {"answer": "good", "sure": 0.75},
        {"answer": "good", "sure": 0.875},
        None,
    ]


def test_values_have_no_sureness_and_missing_predictions_say_nothing(tmp_path: Path) -> None:
    items = [{"id": "a"}]
    add_earlier_word(folders.side(tmp_path), items)
    assert items[0]["said"] is None
    tables.write_file(tmp_path / "models/predictions.parquet", pa.table({"id": ["a"], "prediction": [3.5]}))
    add_earlier_word(folders.side(tmp_path), items)
    assert items[0]["said"] == {"answer": 3.5, "sure": None}
