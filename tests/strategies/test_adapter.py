"""An adapter that is kept: the same model as the merged one, for each family, and never on other base weights."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from stages.core import models
from stages.core.errors import UserError
from stages.strategies import adapter
from stages.strategies.apply import prepare
from stages.strategies.build import pretrained
from tests.strategies.families import KINDS, batch, classifier, saved

LORA = {"rank": 2, "alpha": 4.0, "dropout": 0.0, "target": None}
NAMES = ["a", "b", "c"]


def trained(kind: str, base: Path, folder: Path, save: str) -> str:
    """Train a few steps on the base model and save; the auto class."""
    name = f"AutoModelFor{KINDS[kind][1] if KINDS[kind][0] != 'Wav2Vec2' else 'AudioClassification'}"
    source = models.Source("base", str(base))
    torch.manual_seed(1)
    model = pretrained(source, name, NAMES, dropout={"hidden": None, "attention": None})
    make_whole = prepare(model, "lora", cut=None, lora={**LORA, "save": save, "base": str(base)})
    optimizer = torch.optim.SGD([weight for weight in model.parameters() if weight.requires_grad], lr=0.2)
    for _ in range(3):
        logits = model.eval()(**batch(kind)).logits
        torch.nn.functional.cross_entropy(logits, torch.tensor([0, 2, 1])).backward()
        optimizer.step()
        optimizer.zero_grad()
    make_whole().save_pretrained(folder)
    return name


def logits(folder: Path, name: str, kind: str) -> torch.Tensor:
    with torch.inference_mode():
        found: torch.Tensor = adapter.load(folder, name).eval()(**batch(kind)).logits
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_merged_and_kept_adapters_give_the_same_logits(kind: str, tmp_path: Path) -> None:
    base = saved(kind, tmp_path / "base")
    found = []
    for save in ("merged", "adapter"):
        name = trained(kind, base, tmp_path / save, save)
        found.append(logits(tmp_path / save, name, kind))
    assert (found[0] - found[1]).abs().max() < 1e-5
    assert (found[0] - classifier(kind).eval()(**batch(kind)).logits).abs().max() > 1e-3
    sizes = {
        save: sum(w.numel() for f in (tmp_path / save).glob("*.safetensors") for w in load_file(f).values())
        for save in ("merged", "adapter")
    }
    assert sizes["adapter"] < sizes["merged"] / 2
    assert not (tmp_path / "adapter/model.safetensors").exists()


def test_an_adapter_is_not_put_onto_other_weights(tmp_path: Path) -> None:
    base = saved("bert", tmp_path / "base")
    name = trained("bert", base, tmp_path / "adapter", "adapter")
    model: Any = classifier("bert")
    torch.nn.init.normal_(model.bert.encoder.layer[0].output.dense.weight)
    model.save_pretrained(base)
    message = f"{tmp_path}/adapter: the adapter was trained on other weights of '{base}' than those that load now"
    with pytest.raises(UserError, match=re.escape(message)):
        adapter.load(tmp_path / "adapter", name)


def test_a_base_model_that_is_gone_is_told(tmp_path: Path) -> None:
    base = saved("bert", tmp_path / "base")
    name = trained("bert", base, tmp_path / "adapter", "adapter")
    base.rename(tmp_path / "elsewhere")
    with pytest.raises(UserError, match=f"^{tmp_path}/adapter/base.json: no such folder: {base}$"):
        adapter.load(tmp_path / "adapter", name)
