"""The model before training: a pretrained body with a head for the task."""

from collections.abc import Mapping, Sequence
from typing import Any

import transformers

from stages.core import models
from stages.core.errors import UserError

HIDDEN_DROPOUT = ("hidden_dropout_prob", "hidden_dropout", "dropout", "resid_pdrop", "embd_pdrop")
ATTENTION_DROPOUT = ("attention_probs_dropout_prob", "attention_dropout", "attn_pdrop")


def pretrained(
    source: models.Source, model_class: str, labels: Sequence[str], *, dropout: Mapping[str, float | None]
) -> Any:
    """A transformers model with one output a label, whose names its config holds.

    Args:
        source: where the weights are.
        model_class: one of transformers' auto classes.
        dropout: `hidden` and `attention`, 0-1; None keeps the model's own.

    Raises:
        UserError: the model does not load, or its config has no such dropout.
    """
    config: Any = models.load(transformers.AutoConfig, source, "model")
    config.id2label = dict(enumerate(labels))
    config.label2id = {label: number for number, label in enumerate(labels)}
    _set(config, HIDDEN_DROPOUT, dropout["hidden"], "hidden")
    _set(config, ATTENTION_DROPOUT, dropout["attention"], "attention")
    factory = getattr(transformers, model_class)
    # a new head is the point, so that the loader's table of new and unused weights is no news
    level = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity_error()
    try:
        return models.load(factory, source, "model", config=config, use_safetensors=True)
    finally:
        transformers.logging.set_verbosity(level)


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
