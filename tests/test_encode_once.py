"""encode and finetune together: what encode computes once gives the model that training the whole one gives."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from safetensors.torch import load_file

from stages import encode, finetune
from stages.core import tables
from stages.core.errors import UserError
from stages.split import SCHEMA
from tests import workplace

LABELS = ["bad", "good"]
WORDS = ["ab", "abc cde", "x" * 9, "ab cd ef gh", "q r s", "zz", "one two three", "f" * 20]
ROWS = [{"id": f"s{i}", "text": f"{w} {i}", "label": LABELS[i % 2]} for i, w in enumerate(WORDS * 3)]
SPLITS = ["train"] * 16 + ["validation"] * 4 + ["test"] * 4
GIVEN = {"labels": LABELS, "encode.max_length_tokens": 32, "lr": 1e-3, "epochs": 2, "batch_size": 4}
GIVEN |= {"finetune.threads": 1, "finetune.device": "cpu", "encode.device": "cpu"}
WEIGHTS = "models/model/model.safetensors"


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)


@pytest.fixture
def line(tmp_path: Path, tiny_model: Path) -> Any:
    """Runs encode, and finetune after it unless told not to; gives the meta file."""

    def run(train: bool = True, **changes: Any) -> dict[str, Any]:
        dotted = {key.replace("__", "."): value for key, value in changes.items()}
        with workplace.working_in(tmp_path, {"model": str(tiny_model)} | GIVEN | dotted):
            workplace.put("cleaned", "samples", workplace.table(ROWS))
            workplace.put("augmented", "samples", workplace.table([]))
            ids = [row["id"] for row in ROWS]
            workplace.put("split", "assignment", pa.table([ids, SPLITS, *[[None] * len(ids)] * 2], schema=SCHEMA))
            tables.write_json("data/fetched/provenance.json", {"source": "files"})
            encode.main()
            if train:
                finetune.main()
            return tables.read_json("data/encoded/meta.json")

    return run


def columns(folder: Path, split: str) -> dict[str, Any]:
    table = tables.read(folder / "data/encoded" / split, "inputs")
    return {name: table[name].to_pylist() for name in table.column_names}


STRATEGIES = [("head", {"encode__pooling": "native"}), ("head", {"encode__pooling": "mean"})]
STRATEGIES += [("last_layers", {"encode__last_layers": n}) for n in (1, 2)]


@pytest.mark.parametrize(("strategy", "changes"), STRATEGIES)
def test_cached_and_uncached_training_end_in_the_same_model(
    line: Any, tmp_path: Path, strategy: str, changes: dict[str, Any]
) -> None:
    found = []
    for most in (4.0, 0.0):
        # features have one length, so that batches of like length would not be those of the whole model
        meta = line(strategy=strategy, encode__max_cache_gib=most, finetune__group_by_length=False, **changes)
        assert meta["cut"]["cached"] is (most > 0) and ("reason" in meta["cut"]) is (most == 0)
        found.append((load_file(tmp_path / WEIGHTS), tables.read_json(tmp_path / "metrics/finetune.json")))
    (cached, one), (uncached, other) = found
    assert cached.keys() == uncached.keys()
    # a key's bias has no gradient but rounding, which Adam makes large
    named = [name for name in cached if not name.endswith("key.bias")]
    assert max((cached[name] - uncached[name]).abs().max().item() for name in named) < 1e-4
    assert one["validation"]["log_loss"] == pytest.approx(other["validation"]["log_loss"], abs=1e-4)
    assert one["parameters"]["trainable"] == other["parameters"]["trainable"] < other["parameters"]["total"]
    assert one["parameters"]["total"] == other["parameters"]["total"]


@pytest.mark.parametrize(("strategy", "changes"), [*STRATEGIES, ("lora", {}), ("full", {"finetune__layer_decay": 0.8})])
def test_the_model_is_an_ordinary_folder(line: Any, tmp_path: Path, strategy: str, changes: dict[str, Any]) -> None:
    from transformers import pipeline

    line(strategy=strategy, **changes)
    found = pipeline("text-classification", str(tmp_path / "models/model"), device="cpu")
    right = sum(found(row["text"])[0]["label"] == row["label"] for row in ROWS[16:20])
    assert tables.read_json(tmp_path / "metrics/finetune.json")["validation"]["accuracy"] == right / 4


def test_only_what_is_trained_changes(line: Any, tmp_path: Path, tiny_model: Path) -> None:
    line(strategy="last_layers", encode__last_layers=1)
    before, after = load_file(tiny_model / "model.safetensors"), load_file(tmp_path / WEIGHTS)
    same = {name for name, weight in before.items() if torch.equal(weight, after[f"bert.{name}"])}
    assert same >= {name for name in before if name.startswith(("embeddings", "encoder.layer.0"))}
    assert not [name for name in same if name.startswith("encoder.layer.1") and name.endswith("dense.weight")]


def test_hidden_states_are_stored_once_for_training_and_validation(line: Any, tmp_path: Path) -> None:
    line(train=False, strategy="full")
    before = {split: columns(tmp_path, split) for split in ("train", "validation", "test")}
    meta = line(train=False, strategy="last_layers", encode__last_layers=1)
    assert meta["cut"] == {
        "last_layers": 1,
        "pooling": "native",
        "cached": True,
        "arrays": {"inputs_embeds": {"dtype": "float32", "shape": [-1, 32], "mask": True}},
    }
    assert columns(tmp_path, "test") == before["test"]
    for split in ("train", "validation"):
        after = columns(tmp_path, split)
        states = after.pop("inputs_embeds")
        assert [len(one) for one in states] == [4 * 32 * length for length in after["length"]]
        assert after == {name: before[split][name] for name in after}


@pytest.mark.parametrize("pooling", ["native", "mean"])
def test_features_of_head_are_one_vector_a_sample(line: Any, tmp_path: Path, pooling: str) -> None:
    meta = line(train=False, strategy="head", encode__pooling=pooling, encode__cache_dtype="float16")
    assert meta["cut"]["arrays"] == {"inputs_embeds": {"dtype": "float16", "shape": [1, 32], "mask": False}}
    train = columns(tmp_path, "train")
    assert {len(one) for one in train["inputs_embeds"]} == {2 * 32} and set(train["length"]) == {1}


def test_half_precision_differs_by_rounding_alone(line: Any, tmp_path: Path) -> None:
    values = []
    for dtype in ("float32", "float16"):
        line(train=False, strategy="last_layers", encode__last_layers=2, encode__cache_dtype=dtype)
        values.append(np.frombuffer(b"".join(columns(tmp_path, "train")["inputs_embeds"]), dtype).astype(np.float64))
    assert 0 < np.abs(values[0] - values[1]).max() < 2e-3


def test_two_runs_give_the_same_bytes(line: Any, tmp_path: Path) -> None:
    files = []
    for batch_rows in (1024, 3):
        line(train=False, strategy="last_layers", encode__last_layers=1, encode__batch_rows=batch_rows)
        files.append({path.name: path.read_bytes() for path in (tmp_path / "data/encoded").rglob("*.*")})
    assert files[0] == files[1] and workplace.leftovers() == []


def test_the_size_and_a_reason_not_to_store_are_told(line: Any, capsys: pytest.CaptureFixture[str]) -> None:
    meta = line(train=False, strategy="last_layers", encode__max_cache_gib=0.00001)
    assert meta["cut"]["reason"] == "0.0 MiB are more than encode.max_cache_gib: 1e-05"
    said = capsys.readouterr().out
    assert "hidden states of 20 samples: 0.0 MiB, float32" in said
    assert "not cached: 0.0 MiB are more than encode.max_cache_gib: 1e-05; finetune runs the whole model" in said


def test_the_terminal_names_what_is_trained(line: Any, capsys: pytest.CaptureFixture[str]) -> None:
    line(strategy="head", encode__pooling="native")
    assert "head: 1,122 of 22,850 weights are trained, on cpu" in capsys.readouterr().out


def test_more_layers_than_the_model_has_end_encode(line: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"params.yaml: encode.last_layers: 3: '.*' has 2 blocks"):
        line(strategy="last_layers", encode__last_layers=3)
    assert not (tmp_path / "data/encoded").exists()


@pytest.mark.parametrize("strategy", ["head", "last_layers", "lora"])
def test_a_strategy_that_needs_pretrained_weights_is_told(line: Any, strategy: str) -> None:
    with pytest.raises(UserError, match=f"strategy {strategy} does not go with model scratch:bert"):
        line(strategy=strategy, model="scratch:bert")


def test_layer_decay_is_for_strategies_with_layers(line: Any) -> None:
    with pytest.raises(UserError, match=r"finetune.layer_decay is for full and last_layers \(give: 1.0\)"):
        line(strategy="head", finetune__layer_decay=0.9)
