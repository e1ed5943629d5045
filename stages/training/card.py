"""The model card: what the model is, what it was trained on, and what it is not for."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from stages.core.models import BUNDLED

FRONT = """\
---
library_name: transformers
pipeline_tag: {pipeline}
base_model: {base}
tags: [groundwork, {task}]
---
"""

CLASSES = {"text-classification": "Sequence", "image-classification": "Image", "audio-classification": "Audio"}
ADAPTER = """\
This folder holds a LoRA adapter and the head; the base model is `{base}`. `python -m review.predict models/model …`
answers from it, in the repository that it was trained in. With peft:

```python
from peft import PeftModel
from transformers import AutoConfig, AutoModelFor{pipeline}Classification

{base_code}
config = AutoConfig.from_pretrained("models/model")
model = AutoModelFor{pipeline}Classification.from_pretrained(
    base, {pinned}config=config, ignore_mismatched_sizes=True
)
model = PeftModel.from_pretrained(model, "models/model")
```"""


def card(
    *,
    task: str,
    pipeline: str,
    base_model: str,
    labels: Sequence[str],
    provenance: Mapping[str, Any],
    recipe: Mapping[str, Any],
    metrics: Mapping[str, Any],
) -> str:
    """The card as Markdown: data, params, validation metrics and limits; `pipeline` is that of transformers.

    Without `labels`, the model answers with a number.
    """
    answers, limits = _of_classes(labels) if labels else _of_values()
    sections = [
        f"# {task.capitalize()} with {base_model}\n\nFine-tuned with Groundwork. {answers}",
        f"## Use\n\n{_use(pipeline, base_model, recipe)}",
        "## Training data\n\n" + bullets(provenance),
        "## Params\n\n" + bullets(recipe),
        "## Validation\n\n"
        + bullets(metrics)
        + "\n\nThe test split is read by `evaluate` alone: metrics/evaluate.json.",
        "## Limits\n\n" + limits,
    ]
    front = FRONT.format(pipeline=pipeline, base=json.dumps(base_model, ensure_ascii=False), task=task)
    return front + "\n" + "\n\n".join(sections) + "\n"


def _use(pipeline: str, base_model: str, recipe: Mapping[str, Any]) -> str:
    """How to load what models/model holds."""
    if recipe["strategy"] != "lora" or recipe["finetune"]["lora"]["save"] == "merged":
        call = f'pipeline("{pipeline}", "models/model")("{"…" if pipeline.startswith("text") else "file"}")'
        return f"```python\nfrom transformers import pipeline\n\n{call}\n```"
    name, _, revision = base_model.partition("@")
    pinned = f'revision="{revision}", ' if revision else ""
    code = f'base = "{name}"'
    if name.startswith("bundled:"):
        package, _ = BUNDLED[name.removeprefix("bundled:")]
        code = f"import {package}\n\nbase = str({package}.get_model_path())"
    return ADAPTER.format(pipeline=CLASSES[pipeline], base_code=code, pinned=pinned, base=base_model)


def _of_classes(labels: Sequence[str]) -> tuple[str, str]:
    return f"Classes: {', '.join(labels)}.", (
        f"- It answers with one of {len(labels)} classes, also to inputs that belong to none of them.\n"
        "- It knows the language, domain and period of its training data; check it on your own before use.\n"
        "- Its probabilities are as calibrated as the reliability plot of `evaluate` shows, on that data only."
    )


def _of_values() -> tuple[str, str]:
    return "It answers with a number, in the unit of its training data (`score` in the pipeline's answer).", (
        "- It answers with a number to any input, and the number may lie outside the range of its training data.\n"
        "- It knows the language, domain and period of its training data; check it on your own before use.\n"
        "- It says nothing of how sure it is: see the residual plot of `evaluate` for how far it is off, on that data."
    )


def bullets(values: Mapping[str, Any], indent: str = "") -> str:
    """A nested list of names and values as in YAML; lists of mappings become an item each."""
    lines = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            lines += [f"{indent}- {name}:", bullets(value, indent + "  ")] if value else []
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            lines.append(f"{indent}- {name}:")
            lines += [bullets({str(number): item}, indent + "  ") for number, item in enumerate(value, start=1)]
        else:
            shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            lines.append(f"{indent}- {name}: {shown}")
    return "\n".join(line for line in lines if line)
