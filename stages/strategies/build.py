"""The model before training: a pretrained body with a head for the task, or one from scratch."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import transformers
from huggingface_hub.errors import StrictDataclassError

from stages.core import models
from stages.core.errors import UserError
from stages.core.registry import nearest

HIDDEN_DROPOUT = ("hidden_dropout_prob", "hidden_dropout", "dropout", "resid_pdrop", "embd_pdrop")
ATTENTION_DROPOUT = ("attention_probs_dropout_prob", "attention_dropout", "attn_pdrop")
CLASSES = "single_label_classification"
UNFIT = (ArithmeticError, AssertionError, KeyError, RuntimeError, StrictDataclassError, TypeError, ValueError)
"""What config classes and models raise for values that make no model."""
POSITION_TABLES = ("position_embeddings", "wpe")


def model_for(
    source: models.Source,
    model_class: str,
    labels: Sequence[str],
    *,
    strategy: str,
    architecture: Mapping[str, Any],
    problem_type: str,
    **options: Any,
) -> Any:
    """`from_scratch` or `pretrained`, as the source says.

    Raises:
        UserError: pretrained weights with the strategy scratch, or the other way round; what else does not fit.
    """
    if source.scratch != (strategy == "scratch"):
        raise UserError(
            f"params.yaml: strategy: {strategy} does not go with model: {source.name}",
            "strategy: scratch and model: scratch:TYPE belong together",
        )
    if source.scratch:
        return from_scratch(source, model_class, labels, architecture=architecture, problem_type=problem_type)
    return pretrained(source, model_class, labels, problem_type=problem_type, **options)


def pretrained(
    source: models.Source,
    model_class: str,
    labels: Sequence[str],
    *,
    dropout: Mapping[str, float | None],
    problem_type: str = CLASSES,
    pad_token_id: int | None = None,
    max_length_tokens: int | None = None,
) -> Any:
    """A transformers model in single precision with one output a label (a value: one), whose names its config holds.

    Args:
        source: where the weights are.
        model_class: one of transformers' auto classes.
        dropout: `hidden` and `attention`, 0-1; None keeps the model's own.
        problem_type: that of transformers, which decides how its pipelines read the outputs.
        pad_token_id: what batches of tokens are padded with; kept where the model has none of its own.
        max_length_tokens: the longest text that it must take.

    Raises:
        UserError: the model does not load, its config has no such dropout, or it is made for shorter inputs.
    """
    config: Any = models.load(transformers.AutoConfig, source, "model")
    config.id2label = dict(enumerate(labels))
    config.label2id = {label: number for number, label in enumerate(labels)}
    config.problem_type = problem_type  # not that of a head that is replaced
    if pad_token_id is not None and getattr(config, "pad_token_id", None) is None:
        config.pad_token_id = pad_token_id
    _set(config, HIDDEN_DROPOUT, dropout["hidden"], "hidden")
    _set(config, ATTENTION_DROPOUT, dropout["attention"], "attention")
    model = _load(model_class, source, config)
    if max_length_tokens is not None:
        _check_positions(model, source, max_length_tokens)
    return model


def body(source: models.Source, config: Any, *, max_length_tokens: int | None) -> Any:
    """The pretrained body alone, without a head, in single precision.

    Raises:
        UserError: the model does not load, or is made for shorter inputs.
    """
    model = _load("AutoModel", source, config)
    if max_length_tokens is not None:
        _check_positions(model, source, max_length_tokens)
    return model


def from_scratch(
    source: models.Source,
    model_class: str,
    labels: Sequence[str],
    *,
    architecture: Mapping[str, Any],
    problem_type: str = CLASSES,
) -> Any:
    """A transformers model of the type that the source names, with random weights.

    Args:
        source: `scratch:TYPE`, a model type of transformers such as resnet, vit or whisper.
        model_class: one of transformers' auto classes.
        architecture: values of the type's config class.
        problem_type: that of transformers.

    Raises:
        UserError: no such type, or one that has no such class or no such value.
    """
    try:
        base: Any = transformers.AutoConfig.for_model(source.location)
    except (ValueError, KeyError):
        known = list(transformers.CONFIG_MAPPING.keys())
        raise UserError(
            f"params.yaml: model: transformers has no model type '{source.location}'{nearest(source.location, known)}",
            "such as scratch:resnet, scratch:vit, scratch:whisper, scratch:audio-spectrogram-transformer",
        ) from None
    unknown = [name for name in architecture if not hasattr(base, name)]
    if unknown:
        names = sorted(base.to_dict())
        raise UserError(
            f"params.yaml: finetune.architecture.{unknown[0]}: {source.location} has no such value"
            f"{nearest(unknown[0], names)}",
            f"known: {', '.join(names)}",
        )
    named = {"id2label": dict(enumerate(labels)), "label2id": {label: number for number, label in enumerate(labels)}}
    try:
        config = type(base)(**architecture, **named, problem_type=problem_type)
        return getattr(transformers, model_class).from_config(config)
    except (
        ArithmeticError,
        AssertionError,
        KeyError,
        RuntimeError,
        StrictDataclassError,
        TypeError,
        ValueError,
    ) as error:
        raise UserError(
            f"params.yaml: finetune.architecture: {source.location} does not build as {model_class}: "
            f"{' '.join(str(error).split())[:300]}",
            "see the model's page in the documentation of transformers",
        ) from None


def _set(config: Any, names: Sequence[str], value: float | None, kind: str) -> None:
    if value is None:
        return
    known = [name for name in names if hasattr(config, name)]
    if not known:
        raise UserError(
            f"params.yaml: finetune.dropout.{kind}: {value:g}: {config.model_type} models have no such setting",
            f"finetune.dropout.{kind}: null",
        )
    for name in known:
        setattr(config, name, value)


def _load(model_class: str, source: models.Source, config: Any) -> Any:
    # A new head is the point, also instead of one for other classes: transformers' table of new weights is no news.
    level = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity_error()
    try:
        loaded: Any = models.load(
            getattr(transformers, model_class),
            source,
            "model",
            config=config,
            use_safetensors=True,
            dtype=torch.float32,  # a checkpoint in half precision would otherwise be trained in it
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    finally:
        transformers.logging.set_verbosity(level)
    model, info = loaded
    new, total = len(info["missing_keys"]) + len(info["mismatched_keys"]), len(model.state_dict())
    if 2 * new > total:
        raise UserError(
            f"params.yaml: model: the weights of '{source.name}' fit only {total - new} of the {total} of "
            f"{type(model).__name__}",
            "choose a model whose weights and config.json belong together",
        )
    return model


def _check_positions(model: torch.nn.Module, source: models.Source, needed: int) -> None:
    for name, table in model.named_modules():
        if isinstance(table, torch.nn.Embedding) and name.endswith(POSITION_TABLES):
            # where padding has a position of its own (RoBERTa), the first token's comes after it
            places = table.num_embeddings - (0 if table.padding_idx is None else table.padding_idx + 1)
            if needed > places:
                raise UserError(
                    f"params.yaml: encode.max_length_tokens: {needed}: '{source.name}' takes {places} tokens at most",
                    f"encode.max_length_tokens: {places}",
                )
