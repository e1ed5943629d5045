"""The last block computed for its front alone: the same logits and gradients as the whole of it."""

import copy
from typing import Any

import pytest
import torch

from stages.strategies.front import front_only
from stages.strategies.mean import append_mean
from stages.training.modes import keep_few_activations
from tests.strategies import families
from tests.strategies.families import KINDS, TEXTS, batch

FRONT = [kind for kind in KINDS if not kind.startswith("wav2vec2")]


def classifier(kind: str) -> Any:
    """With weights large enough, and no tokens of zeros, that gradients are of the size of 1."""
    model = families.classifier(kind, initializer_range=0.3)
    for name, weight in model.named_parameters():
        if name.endswith("_token"):
            torch.nn.init.normal_(weight)
    return model


def learn(model: Any, kind: str) -> dict[str, torch.Tensor]:
    """Logits, and the gradient of each weight."""
    logits = model.train()(**batch(kind)).logits
    torch.nn.functional.cross_entropy(logits, torch.tensor([0, 2, 1])).backward()
    grads = {name: weight.grad for name, weight in model.named_parameters() if weight.grad is not None}
    return {"logits": logits.detach(), **grads}


def worst(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    assert one.keys() == other.keys()
    return max((one[name] - other[name]).abs().max().item() for name in one)


@pytest.mark.parametrize("kind", FRONT)
def test_the_front_alone_gives_the_same_logits_and_gradients(kind: str) -> None:
    expected = learn(classifier(kind), kind)
    model = classifier(kind)
    front_only(model)
    assert worst(expected, learn(model, kind)) < 1e-5


@pytest.mark.parametrize("kind", TEXTS)
def test_so_it_does_after_a_block_that_takes_the_mean(kind: str) -> None:
    found = []
    for change in (lambda _: None, front_only):
        model = classifier(kind)
        append_mean(model)
        change(model)
        found.append(learn(model, kind))
    assert worst(*found) < 1e-5


@pytest.mark.parametrize("kind", FRONT)
def test_the_last_block_sees_as_many_positions_as_the_head_takes(kind: str) -> None:
    model = classifier(kind)
    undo = front_only(model)
    seen: list[int] = []
    last = [part for name, part in model.named_modules() if ".2." in name and isinstance(part, torch.nn.Linear)]
    for part in last:
        part.register_forward_hook(lambda _module, _given, result: seen.append(result.shape[1]))
    model(**batch(kind))
    front = 2 if kind == "ast" else 1
    whole = max(seen)
    assert len(seen) == 6 and sorted(seen) == [front] * 4 + [whole] * 2 and whole > front
    undo()
    seen.clear()
    model(**batch(kind))
    assert seen == [whole] * 6


@pytest.mark.parametrize("kind", ["bert", "vit"])
def test_activations_that_are_computed_again_give_the_same_gradients(kind: str) -> None:
    found = []
    for change in (lambda _: None, front_only):
        model = classifier(kind)
        change(model)
        keep_few_activations(model)
        found.append(learn(model, kind))
    assert worst(*found) < 1e-5


@pytest.mark.parametrize("kind", ["wav2vec2", "bert"])
def test_models_whose_head_takes_all_or_that_show_their_attention_stay_as_they_are(kind: str) -> None:
    model = classifier(kind)
    if kind == "bert":
        model.set_attn_implementation("eager")
    expected = copy.deepcopy(model)
    front_only(model)
    assert all("forward" not in part.__dict__ for part in model.modules())
    assert torch.equal(expected.eval()(**batch(kind)).logits, model.eval()(**batch(kind)).logits)
