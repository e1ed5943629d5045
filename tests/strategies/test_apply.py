"""LoRA, layer-wise rates, and what a model cannot have."""

from pathlib import Path
from typing import Any

import pytest
import torch

from stages.core import models
from stages.core.errors import UserError
from stages.strategies.apply import prepare
from stages.strategies.bottom import load_bottom
from stages.strategies.decay import layered
from tests.strategies.families import KINDS, TEXT, batch, classifier, saved

LORA = {"rank": 2, "alpha": 4.0, "dropout": 0.0, "target": None, "save": "merged"}
CUT = {"last_layers": 0, "pooling": "native", "cached": False}


@pytest.mark.parametrize("target", [None, ["query", "value"]])
def test_lora_trains_adapters_and_the_head_and_ends_in_an_ordinary_model(target: Any, tmp_path: Path) -> None:
    from transformers import AutoModelForSequenceClassification

    start = classifier("bert").state_dict()
    model = classifier("bert")
    make_whole = prepare(model, "lora", cut=None, lora=LORA | {"target": target})
    trained = {name for name, weight in model.named_parameters() if weight.requires_grad}
    assert {name for name in trained if "lora_" not in name} == {
        f"{name}.{kind}" for name in ("bert.pooler.dense", "classifier") for kind in ("weight", "bias")
    }
    assert len([name for name in trained if "lora_" in name]) == 2 * 3 * (6 if target is None else 2)
    optimizer = torch.optim.SGD([weight for weight in model.parameters() if weight.requires_grad], lr=0.5)
    for _ in range(3):
        logits = model(**batch("bert")).logits
        torch.nn.functional.cross_entropy(logits, torch.tensor([0, 2, 1])).backward()
        optimizer.step()
    with torch.inference_mode():
        expected = model.eval()(**batch("bert")).logits
    whole = make_whole()
    assert whole.state_dict().keys() == start.keys()
    changed = {name for name, weight in whole.state_dict().items() if not torch.equal(weight, start[name])}
    assert {n.rpartition(".")[0] for n in changed if "layer.0" in n} >= {
        f"bert.encoder.layer.0.attention.self.{name}" for name in ("query", "value")
    }
    assert not [name for name in changed if "embeddings" in name or "LayerNorm" in name]
    whole.save_pretrained(tmp_path)
    with torch.inference_mode():
        found = AutoModelForSequenceClassification.from_pretrained(tmp_path)(**batch("bert")).logits
    assert (found - expected).abs().max() < 1e-5


@pytest.mark.parametrize("kind", KINDS)
def test_lora_adapts_each_family(kind: str) -> None:
    model = classifier(kind)
    make_whole = prepare(model, "lora", cut=None, lora=LORA)
    weights = {name for name, weight in model.named_parameters() if weight.requires_grad}
    assert len([name for name in weights if name.endswith("lora_B.default.weight")]) >= 3 * 4
    assert make_whole().state_dict().keys() == classifier(kind).state_dict().keys()


def test_a_layer_that_lora_cannot_find_is_named() -> None:
    with pytest.raises(UserError, match=r"finetune.lora.target: q_proj: no linear layer of the blocks") as caught:
        prepare(classifier("bert"), "lora", cut=None, lora=LORA | {"target": ["q_proj"]})
    assert caught.value.hint == "known: dense, key, query, value"


def rates(model: Any, optimizer: torch.optim.Optimizer) -> dict[str, float]:
    found = {id(weight): group["lr"] for group in optimizer.param_groups for weight in group["params"]}
    return {name: found[id(weight)] for name, weight in model.named_parameters()}


def test_rates_fall_from_the_head_down() -> None:
    model = classifier("bert")
    weights = list(model.parameters())
    groups = [{"params": [w for w in weights if w.ndim > 1]}, {"params": [w for w in weights if w.ndim <= 1]}]
    optimizer = torch.optim.AdamW(groups, lr=1.0)
    layered(optimizer, model, 0.5)
    found = rates(model, optimizer)
    assert len(found) == len(weights) and optimizer.param_groups[0]["lr"] == 1.0
    for name, expected in (("classifier", 1.0), ("pooler", 1.0), ("layer.2", 0.5), ("layer.0", 0.125)):
        assert {rate for one, rate in found.items() if name in one} == {expected}
    assert {rate for one, rate in found.items() if "embeddings" in one} == {0.0625}


def test_a_factor_of_one_changes_nothing() -> None:
    model = torch.nn.Linear(2, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    groups = list(optimizer.param_groups)
    layered(optimizer, model, 1.0)
    assert optimizer.param_groups == groups


def test_a_schedule_made_afterwards_keeps_the_factors() -> None:
    model = classifier("vit")
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    layered(optimizer, model, 0.1)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.5**step)
    optimizer.step()
    scheduler.step()
    expected = [0.5, 0.05, 0.005, 0.0005, 0.00005]
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx(expected)


@pytest.mark.parametrize(("strategy", "cut"), [("head", None), ("last_layers", None), ("full", CUT)])
def test_inputs_of_another_strategy_are_told(strategy: str, cut: Any) -> None:
    with pytest.raises(UserError, match=f"data/encoded was not made for strategy: {strategy}"):
        prepare(classifier("bert"), strategy, cut=cut, lora=LORA)


def test_more_layers_than_there_are_is_told(tmp_path: Path) -> None:
    source = models.Source("a model", str(saved("bert", tmp_path)))
    with pytest.raises(UserError) as caught:
        load_bottom(source, 4, pooling="native", max_length_tokens=None)
    assert str(caught.value) == "params.yaml: encode.last_layers: 4: 'a model' has 3 blocks"
    assert caught.value.hint == "encode.last_layers: 1 to 3, or strategy: full"


def mpnet(folder: Path) -> models.Source:
    from transformers import MPNetConfig, MPNetModel

    MPNetModel(MPNetConfig(**TEXT)).save_pretrained(folder)
    return models.Source("a model", str(folder))


@pytest.mark.parametrize("last", [0, 2])
def test_an_unknown_family_is_not_cut_and_says_why(tmp_path: Path, last: int) -> None:
    bottom, reason = load_bottom(mpnet(tmp_path), last, pooling="native", max_length_tokens=None)
    assert bottom is None
    assert reason.startswith("mpnet models (this one) are not cut; known: bert, roberta")


def test_an_unknown_family_is_trained_uncached(tmp_path: Path) -> None:
    from transformers import AutoModelForSequenceClassification

    model = AutoModelForSequenceClassification.from_pretrained(mpnet(tmp_path).location)
    prepare(model, "last_layers", cut=CUT | {"last_layers": 1}, lora=None)
    trained = {name.rpartition(".")[0] for name, weight in model.named_parameters() if weight.requires_grad}
    outside = {name for name in trained if not name.startswith("mpnet.encoder.layer.2.")}
    assert outside == {"classifier.dense", "classifier.out_proj"} and len(trained) > len(outside)


def test_mean_pooling_of_an_unknown_family_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"encode.pooling: mean: not known for mpnet models") as caught:
        load_bottom(mpnet(tmp_path), 0, pooling="mean", max_length_tokens=None)
    assert caught.value.hint == "encode.pooling: native"


def test_layers_of_a_model_without_blocks_are_told(tmp_path: Path) -> None:
    from transformers import ResNetConfig, ResNetModel

    ResNetModel(ResNetConfig(embedding_size=4, hidden_sizes=[4, 8], depths=[1, 1])).save_pretrained(tmp_path)
    with pytest.raises(UserError, match="resnet models are no stack of equal blocks"):
        load_bottom(models.Source("a model", str(tmp_path)), 1, pooling="native", max_length_tokens=None)
