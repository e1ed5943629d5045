"""Models from scratch: built by type and values, with the classes' names; what cannot be built is told."""

from typing import Any

import pytest
import torch

from stages.core import models
from stages.core.errors import UserError
from stages.core.finetune_block import Finetune
from stages.core.params import Params
from stages.core.registry import member
from stages.strategies import STRATEGIES
from stages.strategies.build import from_scratch, model_for
from tests.workplace import params

LABELS = ["low", "middle", "high"]
CLASSES = {"image": "AutoModelForImageClassification", "audio": "AutoModelForAudioClassification"}
RESNET = {"layer_type": "basic", "embedding_size": 4, "hidden_sizes": [4, 8, 8, 8], "depths": [1, 1, 1, 1]}
VIT = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
VIT |= {"image_size": 16, "patch_size": 8}
WHISPER = {"num_mel_bins": 16, "max_source_positions": 50, "d_model": 16, "classifier_proj_size": 8, "vocab_size": 10}
WHISPER |= {f"{part}_{name}": 2 for part in ("encoder", "decoder") for name in ("layers", "attention_heads", "ffn_dim")}
WHISPER |= {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1}
SPECTROGRAM = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
SPECTROGRAM |= {"num_mel_bins": 16, "max_length": 40}

TYPES: dict[str, tuple[str, dict[str, Any], tuple[int, ...]]] = {
    "resnet": ("image", RESNET, (3, 16, 16)),
    "vit": ("image", VIT, (3, 16, 16)),
    "whisper": ("audio", WHISPER, (16, 100)),
    "audio-spectrogram-transformer": ("audio", SPECTROGRAM, (40, 16)),
}


def built(kind: str, modality: str, architecture: dict[str, Any]) -> Any:
    source = models.resolve(f"scratch:{kind}")
    return from_scratch(source, CLASSES[modality], LABELS, architecture=architecture)


@pytest.mark.parametrize("kind", TYPES)
def test_a_model_of_the_type_has_the_classes_names_and_an_output_for_each(kind: str) -> None:
    modality, architecture, shape = TYPES[kind]
    model = built(kind, modality, architecture).eval()
    assert model.config.id2label == dict(enumerate(LABELS))
    assert model.config.label2id == {label: number for number, label in enumerate(LABELS)}
    assert model.config.problem_type == "single_label_classification"
    assert {name: getattr(model.config, name) for name in architecture} == architecture
    with torch.inference_mode():
        assert model(torch.zeros(2, *shape)).logits.shape == (2, 3)


def test_the_seed_decides_the_weights() -> None:
    weights = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        weights.append(torch.cat([weight.flatten() for weight in built("resnet", "image", RESNET).parameters()]))
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])


@pytest.mark.parametrize(
    ("kind", "modality", "architecture", "message"),
    [
        ("resnett", "image", {}, "model: transformers has no model type 'resnett', did you mean 'resnet'?"),
        (
            "resnet",
            "image",
            RESNET | {"hiden_sizes": [4]},
            "finetune.architecture.hiden_sizes: resnet has no such value, did you mean 'hidden_sizes'?",
        ),
        ("vit", "image", VIT | {"patch_size": 0}, "finetune.architecture: vit does not build as AutoModelFor"),
        (
            "resnet",
            "image",
            RESNET | {"depths": "deep"},
            "finetune.architecture: resnet does not build as AutoModelFor",
        ),
        ("resnet", "image", RESNET | {"layer_type": "plain"}, "finetune.architecture: resnet does not build as Auto"),
        ("whisper", "audio", WHISPER | {"d_model": 15}, "finetune.architecture: whisper does not build as AutoModelF"),
        ("whisper", "audio", WHISPER | {"d_model": -16}, "finetune.architecture: whisper does not build as AutoModel"),
        ("whisper", "image", WHISPER, "finetune.architecture: whisper does not build as AutoModelForImageClassificat"),
        ("bert", "audio", {}, "finetune.architecture: bert does not build as AutoModelForAudioClassification"),
    ],
)
def test_what_cannot_be_built_is_told(kind: str, modality: str, architecture: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        built(kind, modality, architecture)
    assert str(caught.value).startswith(f"params.yaml: {message}")


def test_training_leaves_sinusoidal_positions_fixed() -> None:
    model = built("whisper", "audio", WHISPER)
    member(STRATEGIES, "scratch", "strategy")(model)
    fixed = {name for name, weight in model.named_parameters() if not weight.requires_grad}
    assert fixed == {"encoder.embed_positions.weight"}
    before = model.encoder.embed_positions.weight.clone()
    optimizer = torch.optim.SGD([weight for weight in model.parameters() if weight.requires_grad], lr=0.1)
    model(torch.randn(2, 16, 100), labels=torch.tensor([0, 2])).loss.backward()
    optimizer.step()
    assert torch.equal(model.encoder.embed_positions.weight, before)
    assert model.training


def test_every_weight_of_other_models_is_trained() -> None:
    model = built("resnet", "image", RESNET).eval()
    member(STRATEGIES, "scratch", "strategy")(model)
    assert model.training and all(weight.requires_grad for weight in model.parameters())


def made(block: Finetune, source: models.Source, strategy: str) -> Any:
    return model_for(
        source,
        CLASSES["image"],
        LABELS,
        strategy=strategy,
        architecture=block.architecture or {},
        problem_type="single_label_classification",
        dropout=block.dropout.model_dump(),
    )


@pytest.mark.parametrize(("model", "strategy"), [("scratch:resnet", "full"), ("tiny", "scratch")])
def test_the_strategy_and_the_model_must_go_together(model: str, strategy: str) -> None:
    block = Params.model_validate(params({}, "recipes/digits.yaml")).finetune
    source = models.Source(model, model, scratch=model.startswith("scratch"))
    with pytest.raises(UserError) as caught:
        made(block, source, strategy)
    assert str(caught.value) == f"params.yaml: strategy: {strategy} does not go with model: {model}"
    assert caught.value.hint == "strategy: scratch and model: scratch:TYPE belong together"


def test_together_they_give_the_model_of_the_recipe() -> None:
    block = Params.model_validate(params({}, "recipes/digits.yaml")).finetune
    model = made(block, models.resolve("scratch:resnet"), "scratch")
    assert {name: getattr(model.config, name) for name in block.architecture or {}} == block.architecture
    assert model.config.id2label == dict(enumerate(LABELS))
