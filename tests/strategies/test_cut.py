"""Cached and uncached: the same logits and the same gradients, for each family and each cut."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch

from stages.strategies.apply import prepare
from stages.strategies.cut import Bottom
from stages.strategies.families import whole_family
from stages.strategies.mean import append_mean
from tests.strategies.families import KINDS, TEXTS, batch, classifier

CUTS = [(kind, last, "native") for kind in KINDS for last in (0, 1, 2, 3)] + [(kind, 0, "mean") for kind in TEXTS]
LABELS = torch.tensor([0, 2, 1])


def strategy(last: int) -> str:
    return "last_layers" if last else "head"


def states(model: Any, kind: str, last: int, pooling: str) -> dict[str, torch.Tensor]:
    """What encode stores, as finetune gets it: padded with 0."""
    family = whole_family(model.config)
    assert family is not None
    found, mask = Bottom(model.base_model, family, last, pooling)(batch(kind))
    if mask is None:
        return {family.input: found.clone()}
    return {family.input: torch.where(mask[..., None] != 0, found, 0.0), "attention_mask": mask.long()}


@dataclass
class Prepared:
    model: Any
    whole: Callable[[], Any]


def prepared(kind: str, last: int, pooling: str, cached: bool) -> Prepared:
    cut = {"last_layers": last, "pooling": pooling, "cached": cached}
    model = classifier(kind, apply_spec_augment=False)
    return Prepared(model, prepare(model, strategy(last), cut=cut, lora=None))


def gradients(model: Any, inputs: dict[str, torch.Tensor]) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    model.train()
    logits = model(**inputs).logits
    torch.nn.functional.cross_entropy(logits, LABELS).backward()
    return logits.detach(), {name: w.grad for name, w in model.named_parameters() if w.grad is not None}


@pytest.mark.parametrize(("kind", "last", "pooling"), CUTS)
def test_cached_and_uncached_give_the_same_logits_and_gradients(kind: str, last: int, pooling: str) -> None:
    whole, top = (prepared(kind, last, pooling, cached) for cached in (False, True))
    logits, expected = gradients(whole.model, batch(kind))
    found, grads = gradients(top.model, states(classifier(kind), kind, last, pooling))
    one, other = ({id(w): n for n, w in p.model.named_parameters()} for p in (whole, top))
    assert len(one) > len(other)
    # blocks are numbered anew above the cut, so gradients are compared once the model is whole again
    restored = dict(top.whole().named_parameters())
    grads = {name: w.grad for name, w in restored.items() if w.grad is not None}
    assert expected.keys() == grads.keys() and len(grads) >= 2
    differences = [(logits - found).abs().max().item()]
    differences += [(expected[name] - grads[name]).abs().max().item() for name in grads]
    print(f"worst difference of {kind}: {max(differences):.1e}")  # pytest -rP shows it
    assert max(differences) < 1e-5
    assert max(grad.abs().max().item() for grad in grads.values()) > 1e-4


@pytest.mark.parametrize(("kind", "last", "pooling"), CUTS)
def test_the_whole_model_comes_back_as_it_was(kind: str, last: int, pooling: str) -> None:
    expected = classifier(kind)
    if pooling == "mean":
        append_mean(expected)
    made = prepared(kind, last, pooling, True)
    model = made.whole()
    assert {n: w.shape for n, w in model.state_dict().items()} == {n: w.shape for n, w in expected.state_dict().items()}
    assert all(torch.equal(w, expected.state_dict()[n]) for n, w in model.state_dict().items())
    with torch.inference_mode():
        assert torch.equal(model.eval()(**batch(kind)).logits, expected.eval()(**batch(kind)).logits)
        assert model.train() and all(part.training for part in model.modules())


@pytest.mark.parametrize("cached", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_the_same_weights_are_trained_cached_and_uncached(kind: str, cached: bool) -> None:
    model = prepared(kind, 1, "native", cached).whole()
    trained = {name for name, weight in model.named_parameters() if weight.requires_grad}
    blocks = {name for name in trained if any(f".{number}." in name for number in range(3))}
    assert blocks and all(".2." in name for name in blocks)
    rest = {
        "bert": {"bert.pooler.dense", "classifier"},
        "roberta": {"classifier.dense", "classifier.out_proj"},
        "distilbert": {"pre_classifier", "classifier"},
        "vit": {"vit.layernorm", "classifier"},
        "ast": {"audio_spectrogram_transformer.layernorm", "classifier.layernorm", "classifier.dense"},
        "wav2vec2": {"projector", "classifier"},
        "wav2vec2 stable": {"wav2vec2.encoder.layer_norm", "projector", "classifier"},
    }
    assert {name.rpartition(".")[0] for name in trained - blocks} == rest[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_head_trains_the_head_alone(kind: str) -> None:
    model = prepared(kind, 0, "native", False).whole()
    trained = {name for name, weight in model.named_parameters() if weight.requires_grad}
    inside = {name for name in trained if name.startswith(model.base_model_prefix)}
    assert trained - inside
    assert inside == ({"bert.pooler.dense.weight", "bert.pooler.dense.bias"} if kind == "bert" else set())


def test_frozen_parts_stay_in_evaluation_mode() -> None:
    model = prepared("bert", 1, "native", False).model.train()
    modes = [block.attention.self.dropout.training for block in model.bert.encoder.layer]
    assert modes == [False, False, True] and not model.bert.embeddings.dropout.training and model.dropout.training


@pytest.mark.parametrize("kind", TEXTS)
def test_mean_pooling_gives_the_standardised_mean_of_the_tokens(kind: str) -> None:
    model = classifier(kind).eval()
    given = batch(kind)
    with torch.inference_mode():
        hidden = model.base_model(**given).last_hidden_state
        weights = given["attention_mask"][..., None].float()
        mean = (hidden * weights).sum(1) / weights.sum(1)
        append_mean(model)
        found = model.base_model(**given).last_hidden_state[:, 0]
    expected = torch.nn.functional.layer_norm(mean, (16,))
    assert (found - expected).abs().max() < 0.01


@pytest.mark.parametrize("kind", TEXTS)
def test_a_model_with_mean_pooling_is_an_ordinary_folder(kind: str, tmp_path: Any) -> None:
    from transformers import AutoModelForSequenceClassification

    model = prepared(kind, 0, "mean", True).whole().eval()
    model.save_pretrained(tmp_path)
    loaded = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    assert loaded.config.num_hidden_layers == 4
    with torch.inference_mode():
        assert torch.equal(loaded(**batch(kind)).logits, model(**batch(kind)).logits)
