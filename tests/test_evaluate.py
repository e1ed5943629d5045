"""The evaluate stage on a tiny real model and a handful of encoded samples."""

import csv
import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from stages import evaluate
from stages.core import report, samples, tables
from stages.core.errors import UserError
from stages.core.params import PATH
from tests import workplace
from tests.pictures import KINDS, png, stripes
from tests.sounds import coded, tone
from tests.workplace import working_in

REPOSITORY = Path(__file__).parents[1]
LABELS = ["negative", "neutral", "positive"]
ENCODED = pa.schema(
    [
        ("id", pa.string()),
        ("parent", pa.string()),
        ("label", pa.int32()),
        ("fold", pa.int32()),
        ("length", pa.int32()),
        ("input_ids", pa.list_(pa.int32())),
    ]
)


def encoded(gold: list[int]) -> pa.Table:
    """Samples s0, s1, … of growing length, in the layout of data/encoded."""
    inputs = [[2, *range(5, 6 + number % 7), 3] for number in range(len(gold))]
    columns = {
        "id": [f"s{number}" for number in range(len(gold))],
        "parent": [None] * len(gold),
        "label": gold,
        "fold": [None] * len(gold),
        "length": [len(row) for row in inputs],
        "input_ids": inputs,
    }
    return pa.table(columns, schema=ENCODED)


def lay_out(gold: list[int]) -> None:
    """What encode and clean would have written, in the working folder."""
    with tables.new_folder("data/encoded") as folder:
        (folder / "test").mkdir()
        tables.write(folder / "test", "inputs", encoded(gold))
        counts = dict(zip(LABELS, [1, 2, 1], strict=True))
        meta = {"labels": LABELS, "modality": "text", "pad_token_id": 0, "train_label_counts": counts}
        tables.write_json(folder / "meta.json", meta)
    put_baseline([f"s{number}" for number in range(len(gold))], LABELS)
    ids = [f"s{number}" for number in range(max(len(gold), 1))]
    texts = [f"message | {number}\nof <b>many</b>" for number in range(len(ids))]
    cleaned = samples.table({"id": ids, "group": ids, "source": ["test"] * len(ids), "text": texts})
    with tables.new_folder("data/cleaned") as folder:
        tables.write(folder, "samples", cleaned)


def put_baseline(ids: list[str], labels: list[str], likeliest: int = 0) -> None:
    """What the stage baseline would have written, were it as sure of one class each time."""
    shares = {f"probability.{label}": [0.8 if n == likeliest else 0.1] * len(ids) for n, label in enumerate(labels)}
    with tables.new_folder("data/baseline") as folder:
        tables.write(
            folder, "predictions", pa.table({"id": ids, "prediction": [labels[likeliest]] * len(ids)} | shares)
        )
        tables.write_json(folder / "meta.json", {"model": "TF-IDF and logistic regression"})


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A randomly initialised BERT of two layers, saved."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=20,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        num_labels=3,
        initializer_range=0.5,
    )
    folder = tmp_path_factory.mktemp("model")
    BertForSequenceClassification(config).save_pretrained(folder)
    return folder


@pytest.fixture(autouse=True)
def _workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(report.console, "width", 140)
    PATH.write_text(workplace.text(), encoding="utf-8")
    shutil.copytree(model, "models/model")
    tables.write_json("models/members/members.json", {"members": []})
    tables.write_file("models/out_of_fold.parquet", pa.table({"split": pa.array([], pa.string())}))


def outputs() -> dict[str, bytes]:
    """All files that the stage writes, by name."""
    made = [Path("models/predictions.parquet"), *Path("metrics").rglob("*")]
    return {str(path): path.read_bytes() for path in made if path.is_file()}


def test_all_outputs_agree_with_each_other() -> None:
    lay_out([0, 1, 2, 0, 1, 2, 0, 1, 2])
    evaluate.main()
    assert sorted(outputs()) == [
        "metrics/evaluate.json",
        "metrics/plots/evaluate/confusion.csv",
        "metrics/plots/evaluate/precision_recall.csv",
        "metrics/plots/evaluate/reliability.csv",
        "metrics/plots/evaluate/roc.csv",
        "metrics/plots/evaluate/values.csv",
        "models/predictions.parquet",
    ]
    metrics = json.loads(Path("metrics/evaluate.json").read_text())
    predictions = pq.read_table("models/predictions.parquet").to_pylist()
    assert [row["id"] for row in predictions] == [f"s{number}" for number in range(9)]
    assert [row["gold"] for row in predictions] == LABELS * 3
    for row in predictions:
        by_label = {label: row[f"probability.{label}"] for label in LABELS}
        assert sum(by_label.values()) == pytest.approx(1)
        assert row["prediction"] == max(by_label, key=by_label.__getitem__)
    right = sum(row["gold"] == row["prediction"] for row in predictions)
    assert metrics["samples"] == 9
    assert metrics["accuracy"] == round(right / 9, 6)
    assert len(mistaken()) == 9 - right
    assert Path("metrics/plots/evaluate/confusion.csv").read_text().count("\n") == 1 + 9
    assert Path("metrics/plots/evaluate/values.csv").read_text() == '"gold","predicted","residual"\n'


def test_the_baseline_counts_originals_only() -> None:
    lay_out([1, 1, 0, 2])
    evaluate.main()
    metrics = json.loads(Path("metrics/evaluate.json").read_text())
    assert metrics["baseline"]["accuracy"] == 0.5  # neutral leads among the originals, positive with the derived


def test_two_runs_give_the_same_bytes() -> None:
    lay_out([0, 1, 2, 0, 1])
    evaluate.main()
    first = outputs()
    evaluate.main()
    assert outputs() == first


def test_one_class_in_test_leaves_out_the_auc_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    lay_out([1, 1, 1])
    evaluate.main()
    metrics = json.loads(Path("metrics/evaluate.json").read_text())
    assert "roc_auc" not in metrics and "roc_auc" not in metrics["interval"]
    assert "roc_auc is left out: it needs test samples of two classes at least" in capsys.readouterr().out


def test_the_headline_is_shown_beside_the_baseline(capsys: pytest.CaptureFixture[str]) -> None:
    lay_out([0, 1, 2, 0, 1, 2])
    evaluate.main()
    shown = capsys.readouterr().out
    for word in ("6 test samples", "95% interval", "majority class", "macro_f1", "Most confident mistakes"):
        assert word in shown


def test_an_empty_test_split_is_named_and_nothing_is_written() -> None:
    lay_out([])
    with pytest.raises(UserError, match="the test split has no samples") as caught:
        evaluate.main()
    assert "split.ratios.test" in caught.value.hint
    assert not Path("metrics").exists() and not Path("models/predictions.parquet").exists()


def test_a_missing_model_is_told_without_a_traceback() -> None:
    lay_out([0, 1, 2])
    shutil.rmtree("models/model")
    with pytest.raises(UserError, match=r"models/model/config.json: not here") as caught:
        evaluate.main()
    assert "dvc repro" in caught.value.hint


def put_media(modality: str, contents: list[bytes], suffix: str, arrays: list[Any], meta: dict[str, Any]) -> None:
    """What encode and clean would have written of images or sounds s0, s1, … of two classes in turn."""
    ids = [f"s{number}" for number in range(len(contents))]
    fixed = ENCODED.names[:5]
    rows = [[i, None, number % 2, None, 1] for number, i in enumerate(ids)]
    columns = {name: [row[place] for row in rows] for place, name in enumerate(fixed)}
    (name,) = meta["arrays"]
    table = pa.table(columns, schema=pa.schema([ENCODED.field(one) for one in fixed]))
    with tables.new_folder("data/encoded") as folder:
        (folder / "test").mkdir()
        content = pa.array([array.tobytes() for array in arrays], pa.large_binary())
        tables.write(folder / "test", "inputs", table.append_column(name, content))
        counts = {"one": 1, "two": 1}
        tables.write_json(folder / "meta.json", {"labels": ["one", "two"], "train_label_counts": counts, **meta})
    put_baseline(ids, ["one", "two"])
    media = [{"bytes": data, "path": f"in/{i}{suffix}"} for i, data in zip(ids, contents, strict=True)]
    with tables.new_folder("data/cleaned") as folder:
        given = {"id": ids, "group": ids, "source": ["test"] * len(ids), modality: media}
        tables.write(folder, "samples", samples.table(given))


def put_model(model: Any) -> None:
    shutil.rmtree("models/model")
    model.save_pretrained("models/model")


def mistaken() -> list[str]:
    """The ids of samples whose prediction is wrong, by the predictions file."""
    rows = pq.read_table("models/predictions.parquet").to_pylist()
    return sorted(row["id"] for row in rows if row["gold"] != row["prediction"])


def test_mistaken_images_lie_in_a_folder_and_on_a_sheet() -> None:
    import torch
    from transformers import ResNetConfig, ResNetForImageClassification

    torch.manual_seed(0)
    sizes = {"embedding_size": 4, "hidden_sizes": [4, 8], "depths": [1, 1], "layer_type": "basic"}
    put_model(ResNetForImageClassification(ResNetConfig(num_labels=2, **sizes)))
    pixels = [stripes(KINDS[number % 3], number) for number in range(6)]
    scaling = {"factor": 1 / 255, "mean": [0.5], "std": [0.5]}
    form = {"dtype": "uint8", "shape": [3, 16, 16], "mask": False, "scaling": scaling}
    files = [png(KINDS[number % 3], number) for number in range(6)]
    given = [one.transpose(2, 0, 1) for one in pixels]
    put_media("image", files, ".png", given, {"modality": "image", "arrays": {"pixel_values": form}})
    with working_in(".", {}, "recipes/digits.yaml"):
        evaluate.main()
        first = outputs()
        sheet = Path("data/sheets/evaluate/mistakes.png").read_bytes()
        evaluate.main()
    assert mistaken()
    assert {path.name: path.read_bytes() for path in Path("data/mistakes").iterdir() if path.suffix != ".csv"} == {
        f"{i}.png": files[int(i[1:])] for i in mistaken()
    }
    assert Image.open(io.BytesIO(sheet)).format == "PNG"
    assert (outputs(), Path("data/sheets/evaluate/mistakes.png").read_bytes()) == (first, sheet)
    index = Path("data/mistakes/index.csv").read_text()
    assert all(f"in/{i}.png" in index for i in mistaken())


def test_mistaken_sounds_lie_in_a_folder_with_no_sheet() -> None:
    import torch
    from transformers import ASTConfig, ASTForAudioClassification

    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    put_model(ASTForAudioClassification(ASTConfig(num_labels=2, num_mel_bins=16, max_length=40, **sizes)))
    files = [coded(tone(200.0 * (number + 1), seconds=0.1)) for number in range(6)]
    rng = np.random.default_rng(0)
    spectra = [rng.standard_normal((40, 16)).astype(np.float32) for _ in files]
    form = {"dtype": "float32", "shape": [40, 16], "mask": False}
    put_media("audio", files, ".wav", spectra, {"modality": "audio", "arrays": {"input_values": form}})
    with working_in(".", {}, "recipes/speech-digits.yaml"):
        evaluate.main()
    assert mistaken()
    assert {path.name: path.read_bytes() for path in Path("data/mistakes").iterdir() if path.suffix != ".csv"} == {
        f"{i}.wav": files[int(i[1:])] for i in mistaken()
    }
    assert [path.name for path in Path("data/sheets/evaluate").iterdir()] == ["mistakes.svg"]
    assert all(f"in/{i}.wav" in Path("data/sheets/evaluate/mistakes.svg").read_text() for i in mistaken())


def test_mistaken_texts_are_a_table_and_a_sheet() -> None:
    lay_out([0, 1, 2, 0, 1, 2])
    evaluate.main()
    assert mistaken()
    assert [path.name for name in ("mistakes", "sheets/evaluate") for path in Path("data", name).iterdir()] == [
        "index.csv",
        "mistakes.svg",
    ]
    with Path("data/mistakes/index.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert sorted(row["id"] for row in rows) == mistaken()
    assert list(rows[0]) == ["sample", "id", "gold", "prediction", "confidence", "text"]
    assert all(row["text"] == f"message | {row['id'][1:]} of <b>many</b>" for row in rows)
    sheet = Path("data/sheets/evaluate/mistakes.svg").read_text()
    assert all(f">message | {i[1:]} of &lt;b&gt;many&lt;/b&gt;</text>" in sheet for i in mistaken())


def test_the_model_stands_beside_a_simple_one_with_an_interval_of_the_difference(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lay_out([0, 1, 2, 0, 1, 2] * 4)
    evaluate.main()
    metrics = tables.read_json("metrics/evaluate.json")
    answered = pq.read_table("models/predictions.parquet").to_pylist()
    right = sum(row["gold"] == row["prediction"] for row in answered) / 24
    compared = metrics["simple_model"]
    assert compared["model"] == "TF-IDF and logistic regression"
    assert compared["scores"]["accuracy"] == round(1 / 3, 6)
    found = compared["difference"]["accuracy"]
    assert found["value"] == pytest.approx(right - 1 / 3, abs=2e-6)
    assert found["low"] <= found["value"] <= found["high"]
    out = capsys.readouterr().out
    assert "The simple model: TF-IDF and logistic regression. The model's accuracy is " in out


def test_a_model_that_is_no_better_than_a_simple_one_is_warned_of(capsys: pytest.CaptureFixture[str]) -> None:
    lay_out([1] * 8)
    put_baseline([f"s{number}" for number in range(8)], LABELS, likeliest=1)
    evaluate.main()
    (warned,) = tables.read_json("metrics/evaluate.json")["warnings"]
    assert warned["code"] == "no_better"
    assert "is no better than TF-IDF and logistic regression: accuracy " in warned["sentence"]
    assert f"warning: {warned['sentence']}\n" in capsys.readouterr().out


def test_predictions_of_other_samples_are_refused() -> None:
    lay_out([0, 1, 2])
    put_baseline(["s0", "s1"], LABELS)
    with pytest.raises(UserError, match="data/baseline holds predictions for other samples"):
        evaluate.main()
