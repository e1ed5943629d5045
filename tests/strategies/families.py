"""Tiny random classifiers of each family, and batches for them."""

from pathlib import Path
from typing import Any

import torch
import transformers

WIDE = {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 32}
TEXT = WIDE | {"vocab_size": 40, "max_position_embeddings": 40, "initializer_range": 0.3}
DISTIL = {"dim": 16, "n_layers": 3, "n_heads": 2, "hidden_dim": 32, "vocab_size": 40, "initializer_range": 0.3}
IMAGE = WIDE | {"image_size": 8, "patch_size": 4, "initializer_range": 0.3}
SPECTRUM = WIDE | {"num_mel_bins": 16, "max_length": 24, "patch_size": 8, "frequency_stride": 8, "time_stride": 8}
WAVE = WIDE | {"conv_dim": (8, 8), "conv_kernel": (10, 3), "conv_stride": (5, 2), "num_feat_extract_layers": 2}
WAVE |= {"num_conv_pos_embeddings": 4, "num_conv_pos_embedding_groups": 2, "classifier_proj_size": 12, "layerdrop": 0.0}
WAVE |= {"mask_time_length": 2, "vocab_size": 8, "initializer_range": 0.3}
STABLE = WAVE | {"do_stable_layer_norm": True, "feat_extract_norm": "layer"}

KINDS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "bert": ("Bert", "SequenceClassification", TEXT),
    "roberta": ("Roberta", "SequenceClassification", TEXT | {"pad_token_id": 1}),
    "distilbert": ("DistilBert", "SequenceClassification", DISTIL),
    "vit": ("ViT", "ImageClassification", IMAGE),
    "ast": ("AST", "AudioClassification", SPECTRUM),
    "wav2vec2": ("Wav2Vec2", "SequenceClassification", WAVE),
    "wav2vec2 stable": ("Wav2Vec2", "SequenceClassification", STABLE),
}
TEXTS = ("bert", "roberta", "distilbert")


def classifier(kind: str, **changes: Any) -> Any:
    """A classifier of three classes, the same each time, without dropout."""
    name, head, sizes = KINDS[kind]
    config = getattr(transformers, f"{name}Config")(**sizes | changes, num_labels=3)
    for key in vars(config):
        if "dropout" in key and isinstance(getattr(config, key), float):
            setattr(config, key, 0.0)
    torch.manual_seed(3)
    return getattr(transformers, f"{name}For{head}")(config)


def saved(kind: str, folder: Path, **changes: Any) -> Path:
    """The classifier in a folder."""
    classifier(kind, **changes).save_pretrained(folder)
    return folder


def batch(kind: str) -> dict[str, torch.Tensor]:
    """Three samples; texts and waves of different lengths, with their mask."""
    draw = torch.Generator().manual_seed(5)
    if kind == "vit":
        return {"pixel_values": torch.randn(3, 3, 8, 8, generator=draw)}
    if kind == "ast":
        return {"input_values": torch.randn(3, 24, 16, generator=draw)}
    lengths = [9, 5, 7] if kind in TEXTS else [320, 180, 250]
    inside = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    if kind in TEXTS:
        tokens = torch.randint(5, 40, inside.shape, generator=draw)
        return {"input_ids": torch.where(inside, tokens, 1), "attention_mask": inside.long()}
    return {"input_values": torch.randn(inside.shape, generator=draw) * inside, "attention_mask": inside.long()}
