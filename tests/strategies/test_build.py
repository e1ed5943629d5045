"""The model before training: what of a checkpoint is taken over, and which checkpoints are refused."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from stages.core import models
from stages.core.errors import UserError
from stages.core.registry import member
from stages.strategies import STRATEGIES
from stages.strategies.build import pretrained

CLASSIFIER = "AutoModelForSequenceClassification"
LABELS = ["negative", "neutral", "positive"]
SIZES: dict[str, Any] = {
    "vocab_size": 40,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 34,
}


def built(folder: Path, hidden: float | None = None, attention: float | None = None, **changes: Any) -> Any:
    """The classifier from a folder."""
    given = {"pad_token_id": 0, "max_length_tokens": 32} | changes
    dropout = {"hidden": hidden, "attention": attention}
    return pretrained(models.Source("a model", str(folder)), CLASSIFIER, LABELS, dropout=dropout, **given)


def saved(folder: Path, kind: str, head: str = "Model", **changes: Any) -> Path:
    """A tiny model of some architecture, saved into a folder."""
    config = getattr(transformers, f"{kind}Config")(**SIZES | changes)
    getattr(transformers, f"{kind}{head}")(config).save_pretrained(folder)
    return folder


def test_the_body_is_taken_over_and_the_head_is_new_with_the_labels(tiny_model: Path) -> None:
    model = built(tiny_model)
    body = transformers.BertModel.from_pretrained(tiny_model)
    for name, weight in body.state_dict().items():
        assert torch.equal(model.bert.state_dict()[name], weight), name
    assert model.classifier.weight.shape == (3, 32)
    assert model.config.id2label == {0: "negative", 1: "neutral", 2: "positive"}
    assert model.config.label2id == {"negative": 0, "neutral": 1, "positive": 2}


def test_the_seed_decides_the_new_head(tiny_model: Path) -> None:
    heads = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        heads.append(built(tiny_model).classifier.weight)
    assert torch.equal(heads[0], heads[1]) and not torch.equal(heads[0], heads[2])


def test_full_trains_every_weight_but_those_that_the_architecture_fixes(tiny_model: Path) -> None:
    model = built(tiny_model)
    model.bert.embeddings.position_embeddings.weight.requires_grad_(False)  # as Whisper's are
    member(STRATEGIES, "full", "strategy")(model)
    fixed = [name for name, weight in model.named_parameters() if not weight.requires_grad]
    assert model.training and fixed == ["bert.embeddings.position_embeddings.weight"]


@pytest.mark.parametrize("given", [None, 0.0, 0.25])
def test_dropout_is_as_given_or_as_the_model_says(tiny_model: Path, given: float | None) -> None:
    config = built(tiny_model, hidden=given, attention=given).config
    expected = 0.1 if given is None else given
    assert (config.hidden_dropout_prob, config.attention_probs_dropout_prob) == (expected, expected)


@pytest.mark.parametrize(
    ("kind", "hidden", "attention"),
    [
        ("DistilBert", ["dropout"], ["attention_dropout"]),
        ("GPT2", ["resid_pdrop", "embd_pdrop"], ["attn_pdrop"]),
    ],
)
def test_dropout_goes_by_the_names_of_the_architecture(
    tmp_path: Path, kind: str, hidden: list[str], attention: list[str]
) -> None:
    config = built(saved(tmp_path, kind), hidden=0.3, attention=0.2).config
    assert [getattr(config, name) for name in hidden] == [0.3] * len(hidden)
    assert [getattr(config, name) for name in attention] == [0.2] * len(attention)


def test_a_dropout_that_the_model_has_not_is_named(tmp_path: Path) -> None:
    saved(tmp_path, "Llama", pad_token_id=0)
    with pytest.raises(UserError) as caught:
        built(tmp_path, hidden=0.1)
    assert str(caught.value) == "params.yaml: finetune.dropout.hidden: 0.1: llama models have no such setting"
    assert caught.value.hint == "finetune.dropout.hidden: null"


def test_a_head_for_other_classes_is_replaced(tmp_path: Path) -> None:
    saved(tmp_path, "Bert", "ForSequenceClassification", num_labels=5, problem_type="multi_label_classification")
    model = built(tmp_path)
    assert model.classifier.weight.shape == (3, 16)
    assert model.config.problem_type == "single_label_classification"


def test_a_checkpoint_in_half_precision_is_trained_in_single(tmp_path: Path) -> None:
    config = transformers.BertConfig(**SIZES)
    transformers.BertModel(config).half().save_pretrained(tmp_path)
    model = built(tmp_path)
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}


def test_a_decoder_without_padding_takes_batches(tmp_path: Path) -> None:
    model = built(saved(tmp_path, "GPT2", bos_token_id=1, eos_token_id=1), pad_token_id=1).eval()
    batch = {"input_ids": torch.tensor([[5, 6, 7], [5, 1, 1]]), "attention_mask": torch.tensor([[1, 1, 1], [1, 0, 0]])}
    alone = {"input_ids": torch.tensor([[5]]), "attention_mask": torch.tensor([[1]])}
    with torch.inference_mode():
        assert torch.allclose(model(**batch).logits[1], model(**alone).logits[0], atol=1e-6)


@pytest.mark.parametrize(
    ("kind", "places"), [("Bert", 34), ("Roberta", 32), ("DistilBert", 34), ("GPT2", 34), ("MPNet", 32)]
)
def test_inputs_longer_than_the_positions_are_refused_before_training(tmp_path: Path, kind: str, places: int) -> None:
    saved(tmp_path, kind, bos_token_id=2, eos_token_id=2)
    model = built(tmp_path, pad_token_id=1, max_length_tokens=places).eval()
    with torch.inference_mode():
        whole = torch.full((1, places), 5)
        assert model(input_ids=whole, attention_mask=torch.ones_like(whole)).logits.shape == (1, 3)
    with pytest.raises(UserError) as caught:
        built(tmp_path, max_length_tokens=places + 1)
    assert str(caught.value) == (
        f"params.yaml: encode.max_length_tokens: {places + 1}: 'a model' takes {places} tokens at most"
    )
    assert caught.value.hint == f"encode.max_length_tokens: {places}"


def test_a_model_of_another_modality_does_not_load_as_a_classifier(tmp_path: Path) -> None:
    config = transformers.ViTConfig(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)
    transformers.ViTModel(config).save_pretrained(tmp_path)
    with pytest.raises(
        UserError, match=r"params.yaml: model: 'a model' does not load as AutoModelForSequence"
    ) as caught:
        built(tmp_path)
    assert "bundled:all-MiniLM-L6-v2 works offline" in caught.value.hint


def test_weights_that_do_not_fit_the_config_are_not_replaced_in_silence(tmp_path: Path, tiny_model: Path) -> None:
    saved(tmp_path, "GPT2")
    shutil.copy(tiny_model / "config.json", tmp_path)
    with pytest.raises(UserError, match="the weights of 'a model' fit only 0 of the 41 of BertForSequenceClassifi"):
        built(tmp_path)


@pytest.mark.parametrize("content", [b"", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"])
def test_broken_weights_are_one_clear_message(tmp_path: Path, tiny_model: Path, content: bytes) -> None:
    shutil.copytree(tiny_model, tmp_path, dirs_exist_ok=True)
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(UserError, match=r"'a model' does not load as AutoModelForSequenceClassification: .*header"):
        built(tmp_path)


def test_a_broken_config_is_one_clear_message(tmp_path: Path, tiny_model: Path) -> None:
    shutil.copytree(tiny_model, tmp_path, dirs_exist_ok=True)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"hidden_size": "wide"}))
    with pytest.raises(UserError, match=r"'a model' does not load as AutoConfig: .*hidden_size"):
        built(tmp_path)


def test_loading_shows_no_bars_and_no_table_of_new_weights(
    tiny_model: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    built(tiny_model).save_pretrained(tmp_path)
    assert capfd.readouterr() == ("", "")
