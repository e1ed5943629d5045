"""The finetune stage on a tiny model: what it leaves behind, and what stops it."""

import json
import re
import resource
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import torch
from safetensors import SafetensorError

from stages import finetune
from stages.core import models, tables
from stages.core.errors import UserError
from stages.core.params import load
from stages.modalities import inputs, text
from stages.training.options import Options
from tests.workplace import leftovers, working_in

LABELS = ["negative", "neutral", "positive"]
TEXTS = [
    "bad thing",
    "awful",
    "not good at all",
    "when",
    "what time is it",
    "which one",
    "good",
    "so nice",
    "great one",
]
PROVENANCE = {"source": "files", "licence": "CC0-1.0", "files": [{"name": "data/a.csv", "sha256": "abc", "rows": 9}]}
CHANGES = {
    "model": "tiny",
    "lr": 5e-3,
    "epochs": 2,
    "batch_size": 3,
    "finetune.threads": 1,
    "encode.max_length_tokens": 64,
}
MODEL_FILES = ["README.md", "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]
Stage = Callable[..., dict[str, Any]]


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)


@pytest.fixture
def workplace(tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the tiny model and what fetch and encode would have written, as the working folder."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(tiny_model, "tiny")
    tables.write_json("data/fetched/provenance.json", PROVENANCE)
    for name in ("train", "validation"):
        encode(name, TEXTS)
    meta = {"modality": "text", "labels": LABELS, "pad_token_id": 0, "max_length_tokens": 64}
    tables.write_json("data/encoded/meta.json", meta)
    text.processor(models.resolve("tiny")).save_pretrained("data/encoded/processor")
    return tmp_path


def encode(name: str, texts: list[str]) -> None:
    """Write a split's inputs; the texts' labels are three of each."""
    labels = [LABELS[number // 3] for number in range(len(texts))]
    tokenizer = text.processor(models.resolve("tiny"))
    columns, _ = (
        text.encode(tokenizer, texts, None, names=["input_ids"], limit=64) if texts else ({"input_ids": []}, [])
    )
    rows = [
        {"id": f"s{row}", "label": LABELS.index(labels[row]), "length": len(ids), "input_ids": ids}
        for row, ids in enumerate(columns["input_ids"])
    ]
    with tables.new_folder(f"data/encoded/{name}") as folder:
        tables.write(folder, "inputs", pa.Table.from_pylist(rows, schema=inputs.schema(["input_ids"])))


@pytest.fixture
def stage(workplace: Path) -> Stage:
    """Runs the stage with changed params and gives its metrics."""

    def run(**changes: Any) -> dict[str, Any]:
        with working_in(workplace, CHANGES | {key.replace("__", "."): value for key, value in changes.items()}):
            finetune.main()
        return tables.read_json("metrics/finetune.json")

    return run


def outputs() -> dict[str, bytes]:
    return {
        path.as_posix(): path.read_bytes()
        for top in ("models", "metrics")
        for path in Path(top).rglob("*")
        if path.is_file()
    }


def test_model_metrics_and_curves_are_written(stage: Stage) -> None:
    metrics = stage()
    assert sorted(outputs()) == [
        "metrics/finetune.json",
        *(f"metrics/plots/finetune/{name}.csv" for name in ("loss", "scores", "steps")),
        "models/members/members.json",
        *(f"models/model/{name}" for name in MODEL_FILES),
        "models/out_of_fold.parquet",
    ]
    assert {name: metrics[name] for name in ("samples", "steps", "epochs", "stopped_early")} == {
        "samples": {"train": 9, "validation": 9},
        "steps": 6,
        "epochs": 2,
        "stopped_early": False,
    }
    assert metrics["parameters"]["trainable"] == metrics["parameters"]["total"] == 22883
    assert 0 < metrics["train_loss"] < 2 and 0 <= metrics["validation"]["accuracy"] <= 1
    assert len(Path("metrics/plots/finetune/steps.csv").read_text().splitlines()) == 1 + 6


def test_a_pipeline_of_transformers_loads_the_folder_and_repeats_the_validation_score(stage: Stage) -> None:
    from transformers import pipeline

    accuracy = stage(epochs=4)["validation"]["accuracy"]
    found = pipeline("text-classification", "models/model", device="cpu")(TEXTS, top_k=None)
    assert [sorted(score["label"] for score in one) for one in found] == [LABELS] * 9
    right = sum(one[0]["label"] == LABELS[number // 3] for number, one in enumerate(found))
    assert round(right / 9, 6) == accuracy


def test_the_card_holds_data_params_and_metrics(stage: Stage) -> None:
    metrics = stage()
    card = Path("models/model/README.md").read_text()
    for line in ('base_model: "tiny"', "    - sha256: abc", "- licence: CC0-1.0", "- lr: 0.005", "- strategy: full"):
        assert f"{line}\n" in card
    for name, value in load_params()["finetune"].items():
        if not isinstance(value, dict | list | float):
            assert f"  - {name}: {json.dumps(value) if not isinstance(value, str) else value}\n" in card
    for name, value in metrics["validation"].items():
        assert f"- {name}: {value}\n" in card
    assert "Classes: negative, neutral, positive." in card


def load_params() -> dict[str, Any]:
    with working_in(".", CHANGES):
        return load().model_dump(exclude_unset=True)


def test_no_output_names_this_machine(stage: Stage, workplace: Path) -> None:
    stage(model=str(workplace / "tiny"))
    for name, content in outputs().items():
        for path in (str(workplace), f"{Path.home()}/", "/tmp"):
            assert path.encode() not in content, f"{path} in {name}"
        if not name.endswith((".safetensors", ".parquet")):
            assert not re.search(rf"\b{re.escape(socket.gethostname())}\b", content.decode()), name
    assert 'base_model: "tiny"\n' in Path("models/model/README.md").read_text()


def test_everyone_may_read_the_model(stage: Stage) -> None:
    stage()
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in Path("models/model").iterdir()}
    assert modes == dict.fromkeys(MODEL_FILES, "0o644")


def test_two_runs_give_the_same_bytes_and_another_seed_others(stage: Stage) -> None:
    runs = []
    for seed in (1, 1, 2):
        stage(seed=seed, finetune__dropout={"hidden": 0.1, "attention": 0.1})
        runs.append(outputs())
    assert runs[0] == runs[1]
    weights = "models/model/model.safetensors"
    assert runs[0][weights] != runs[2][weights]


def test_the_terminal_shows_what_is_trained_and_each_epoch_and_nothing_else(
    stage: Stage, capfd: pytest.CaptureFixture[str]
) -> None:
    capfd.readouterr()
    stage(finetune__device="cpu")
    out, err = capfd.readouterr()
    lines = out.splitlines()
    assert err == "" and len(lines) == 5
    assert lines[0] == "full: 22,883 of 22,883 weights are trained, on cpu"
    assert [line.split(":")[0] for line in lines[1:3]] == ["epoch 1", "epoch 2"]
    assert lines[3].startswith("trained 18 samples in ")
    assert lines[4].startswith("warning: the loss was still falling: validation loss fell from ")


def test_every_setting_of_the_loop_comes_from_params(workplace: Path) -> None:
    given = {
        "min_updates": 3,
        "max_grad_norm": None,
        "l1": 0.001,
        "batch_tokens": 100,
        "accumulation_steps": 4,
        "best_by": "log_loss",
        "early_stopping": {"patience_epochs": 3, "min_delta": 0.1},
        "group_by_length": False,
        "eval_batch_size": 5,
        "precision": "bf16",
    }
    with working_in(workplace, {f"finetune.{name}": value for name, value in given.items()}):
        block = load().finetune.model_copy(update={"mixup": 0.2})
        made = Options.of(**block.model_dump(), lr=1.0, epochs=7, batch_size=2).settings(9)
    assert vars(made) == {
        **{name: value for name, value in given.items() if name != "early_stopping"},
        **given["early_stopping"],
        "mixup": 0.2,
        "epochs": 7,
        "batch_size": 2,
        "seed": 9,
    }


def test_early_stopping_ends_the_run(stage: Stage) -> None:
    metrics = stage(epochs=9, finetune__early_stopping={"patience_epochs": 1, "min_delta": 100.0})
    assert (metrics["epochs"], metrics["best_epoch"], metrics["stopped_early"], metrics["steps"]) == (2, 1, True, 6)


def test_dvclive_gets_each_epoch_where_it_is_asked_for(stage: Stage) -> None:
    metrics = stage(finetune__dvclive=True, finetune__best_by="log_loss")
    live = tables.read_json("dvclive/metrics.json")
    rows = Path("dvclive/plots/metrics/accuracy.tsv").read_text().splitlines()
    assert len(rows) == 1 + 2
    assert live["epoch"] == 2 and round(live["accuracy"], 6) == metrics["validation"]["accuracy"]
    assert not Path("dvclive/dvc.yaml").exists()


@pytest.mark.parametrize(
    ("changes", "message", "hint"),
    [
        ({"model": "vit"}, "'vit' does not load as AutoModelForSequenceClassification: Unrec", "that the model fits"),
        ({"model": "vit-with-tokenizer"}, "does not load as AutoModelForSequenceClassification", "fits the task"),
        ({"model": "none/such/model"}, "params.yaml: model: no such folder: none/such/model", "a Hub id"),
        ({"finetune__device": "mps"}, "finetune.device: there is no mps here", "finetune.device: auto"),
        ({"finetune__device": "cuda"}, "finetune.device: there is no cuda here", "finetune.device: auto"),
        ({"lr": 1e38}, "the training loss is nan", "lower lr (now "),
        ({"finetune__precision": "fp16"}, "finetune.precision: fp16 needs a CUDA device", "finetune.precision: fp32"),
        ({"finetune__mixup": 0.2}, "finetune.mixup is for images and sounds, and modality is text", "texts.yaml"),
    ],
)
def test_what_cannot_be_trained_ends_in_one_message_and_writes_nothing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], message: str, hint: str
) -> None:
    from transformers import ViTConfig, ViTModel

    for kind in ("cuda", "backends.mps"):
        monkeypatch.setattr(f"torch.{kind}.is_available", lambda: False)
    for folder in ("vit", "vit-with-tokenizer"):
        sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8}
        ViTModel(ViTConfig(**sizes)).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(f"tiny/{name}", f"vit-with-tokenizer/{name}")
    with pytest.raises(UserError) as caught:
        stage(**changes)
    assert message in str(caught.value) and hint in caught.value.hint
    assert outputs() == {} and leftovers() == []


def test_a_dropout_that_the_model_has_not_writes_nothing(stage: Stage) -> None:
    from transformers import LlamaConfig, LlamaModel

    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8}
    LlamaModel(LlamaConfig(vocab_size=80, **sizes)).save_pretrained("tiny")
    with pytest.raises(UserError, match=r"finetune.dropout.hidden: 0.1: llama models have no such setting") as caught:
        stage(finetune__dropout={"hidden": 0.1, "attention": None})
    assert caught.value.hint == "finetune.dropout.hidden: null"
    assert outputs() == {}


@pytest.mark.parametrize("name", ["train", "validation"])
def test_an_empty_split_is_named(stage: Stage, name: str) -> None:
    encode(name, [])
    with pytest.raises(UserError) as caught:
        stage()
    assert str(caught.value) == f"no {name} samples"
    assert caught.value.hint == f"raise split.ratios.{name}, or fetch more samples"
    assert outputs() == {}


@pytest.mark.parametrize("missing", ["data/encoded/meta.json", "data/encoded/train", "data/fetched/provenance.json"])
def test_a_missing_input_is_told_before_training(
    stage: Stage, missing: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path(missing)
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(UserError) as caught:
        stage()
    assert missing in str(caught.value) and "dvc repro" in caught.value.hint
    assert "epoch 1" not in capsys.readouterr().out


def test_a_disk_that_is_full_leaves_the_earlier_model_and_nothing_half_written(stage: Stage) -> None:
    stage()
    before = outputs()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, hard))  # less than the weights
    try:
        with pytest.raises((OSError, SafetensorError), match="File too large"):
            stage(seed=7)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert outputs() == before and leftovers() == []


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": "sgd", "schedule": "reduce_on_plateau"},
        {"optimizer": "adafactor", "schedule": "polynomial", "l1": 1e-4},
        {"schedule": "exponential", "loss": "focal", "class_weights": "balanced", "label_smoothing": 0.1},
        {"accumulation_steps": 2, "batch_tokens": 40, "ema_decay": 0.9},
        {"gradient_checkpointing": True, "precision": "bf16"},
    ],
)
def test_each_way_to_train_repeats_to_the_byte(stage: Stage, changes: dict[str, Any]) -> None:
    given = {f"finetune__{name}": value for name, value in changes.items()}
    runs = []
    for _ in range(2):
        metrics = stage(**given)
        runs.append(outputs())
    assert runs[0] == runs[1]
    assert metrics["epochs"] == 2 and metrics["steps"] == (4 if "batch_tokens" in changes else 6)


def test_weights_that_are_averaged_are_those_that_are_validated_and_saved(stage: Stage) -> None:
    from transformers import pipeline

    metrics = stage(epochs=4, finetune__ema_decay=0.5)
    found = pipeline("text-classification", "models/model", device="cpu")(TEXTS)
    right = sum(one["label"] == LABELS[number // 3] for number, one in enumerate(found))
    assert round(right / 9, 6) == metrics["validation"]["accuracy"]


def test_checkpoints_do_not_show_in_what_is_written_and_are_gone_at_the_end(stage: Stage) -> None:
    runs = []
    for every_s in (None, 0.0):
        stage(finetune__checkpoint={"every_s": every_s, "keep_days": 1.0})
        runs.append({name: content for name, content in outputs().items() if not name.endswith("README.md")})
    assert runs[0] == runs[1]
    assert list(Path(".groundwork/checkpoints").iterdir()) == []


def test_a_run_that_fails_while_it_writes_does_not_train_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stage()
    expected = outputs()
    for name in expected:
        Path(name).unlink()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space left"):
        patch.setattr(finetune, "save_model", full)
        stage()
    assert outputs() == {}
    capsys.readouterr()
    stage()
    told = capsys.readouterr().out
    assert "seed42 (1 of 1): 9 samples, trained before" in told and "epoch 1" not in told
    assert outputs() == expected
    assert list(Path(".groundwork/checkpoints").iterdir()) == []


def test_training_that_diverges_keeps_its_last_good_checkpoint(stage: Stage) -> None:
    with pytest.raises(UserError, match="the training loss is nan"):
        stage(lr=1e38, finetune__checkpoint={"every_s": 0.0, "keep_days": 1.0})
    assert [path.name for path in Path(".groundwork/checkpoints").glob("*/*.json")] == ["00000001.json"]


def test_running_out_of_memory_is_told_with_smaller_batches(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr("stages.training.loop.update", full)
    with pytest.raises(UserError, match="out of memory with batch_size 3") as caught:
        stage()
    assert caught.value.hint.startswith("batch_size: 2 with finetune.accumulation_steps: 2")
    assert outputs() == {}


def test_a_model_that_learns_nothing_is_told(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage(lr=1e-9)
    told = capsys.readouterr().out
    assert "watch: epoch 1: training loss 1." in told and "no better than 1.0986 for one answer" in told


def test_too_few_updates_raise_the_epochs_for_all_that_sees_them(
    stage: Stage, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GROUNDWORK_LIVE", str(tmp_path / "live"))
    metrics = stage(finetune__min_updates=10)
    assert {name: metrics[name] for name in ("steps", "epochs", "epochs_asked")} == {
        "steps": 12,
        "epochs": 4,
        "epochs_asked": 2,
    }
    told = capsys.readouterr().out
    assert "epochs 2 -> 4: finetune.min_updates 10 and 3 updates an epoch\n" in told
    assert "- epochs: 4\n" in Path("models/model/README.md").read_text()
    rows = [json.loads(line) for line in (tmp_path / "live").read_text().splitlines()]
    assert [row for row in rows if "epochs" in row] == [{"epochs": 4}]
    last = Path("metrics/plots/finetune/steps.csv").read_text().splitlines()[-1].split(",")
    assert float(last[1 + 1]) == pytest.approx(5e-3 / 10, rel=1e-3)  # 12 steps, 2 of them warm-up, decay over 10


def test_early_stopping_waits_for_the_least_updates(stage: Stage) -> None:
    stopping = {"patience_epochs": 1, "min_delta": 100.0}
    metrics = stage(epochs=9, finetune__early_stopping=stopping, finetune__min_updates=10)
    assert (metrics["epochs"], metrics["best_epoch"], metrics["stopped_early"], metrics["steps"]) == (4, 1, True, 12)
    assert "epochs_asked" not in metrics


def test_a_training_cut_short_is_warned_of_in_the_terminal_and_in_metrics(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "warnings" not in stage(lr=5e-4, epochs=30)
    capsys.readouterr()
    metrics = stage(lr=2e-3, batch_size=1, epochs=1)
    (warned,) = metrics["warnings"]
    assert warned["code"] == "still_falling"
    assert f"warning: {warned['sentence']}\n" in capsys.readouterr().out


def test_lora_at_the_rate_of_full_is_warned_of(stage: Stage) -> None:
    codes = {lr: [one["code"] for one in stage(strategy="lora", lr=lr).get("warnings", [])] for lr in (2e-5, 1e-3)}
    assert codes == {2e-5: ["low_rate"], 1e-3: []}
