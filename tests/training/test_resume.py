"""A training that is broken off after any update ends as one that never was."""

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch

from stages.training.averaging import Average
from stages.training.batches import Encoded
from stages.training.checkpoints import Checkpoints
from stages.training.loop import fit
from stages.training.objective import CLASSES
from stages.training.optimise import make_optimizer
from stages.training.progress import History, Learner
from stages.training.schedules import Plateau, factor, make_scheduler
from stages.training.watch import Watch
from tests.training.settings import SETTINGS as PLAIN

INPUTS = [[2, *range(5 + number, 8 + 2 * number), 3] for number in range(8)]
GOLD = [0, 1, 2, 0, 1, 2, 0, 1]
SETTINGS = replace(PLAIN, epochs=4, batch_size=2, l1=0.001, patience_epochs=2)
PARTS: dict[str, dict[str, Any]] = {
    "adamw": {},
    "sgd with a plateau": {"optimizer": "sgd", "schedule": "reduce_on_plateau", "lr": 0.5},
    "adafactor with an average": {"optimizer": "adafactor", "ema": 0.9},
    "a frozen body, accumulation and token budgets": {"frozen": True, "accumulation_steps": 2, "batch_tokens": 20},
    "early stopping": {"lr": 0.05, "patience_epochs": 1, "epochs": 8},
    "half precision": {"scaler": True},
}


class BrokenOffError(Exception):
    """Stands for a process that dies."""


class Dying(Checkpoints):
    """Writes a checkpoint whenever it may, and dies after the given number of them."""

    def __init__(self, folder: Path, lives: float, every: int = 1) -> None:
        super().__init__(folder, every_s=0.0)
        self.lives, self.every, self.asked = lives, every, 0

    def due(self, *, epoch_ends: bool) -> bool:  # noqa: ARG002
        self.lives -= 1
        if self.lives < 0:
            raise BrokenOffError
        self.asked += 1
        return self.asked % self.every == 0


@pytest.fixture
def run(classifier: Callable[..., Any], encoded_table: Callable[..., pa.Table]) -> Callable[..., Any]:
    """Trains a tiny model with dropout from the start; gives its history and weights."""

    def train(kept: Checkpoints | None, options: dict[str, Any]) -> tuple[History, list[torch.Tensor]]:
        given = dict(options)
        model = classifier(hidden_dropout_prob=0.2, attention_probs_dropout_prob=0.2)
        learner = assembled(model, given)
        torch.manual_seed(random.SystemRandom().randrange(2**31))  # what was drawn before must not matter
        data = Encoded(encoded_table(INPUTS, GOLD), pad_token_id=0)
        history = fit(learner, data, data, settings=replace(SETTINGS, **given), checkpoints=kept)
        return history, [value.clone() for value in model.state_dict().values()]

    return train


def assembled(model: Any, given: dict[str, Any]) -> Learner:
    """A learner; what it takes of `given` is removed there."""
    if given.pop("frozen", False):
        model.bert.requires_grad_(False)
    options = {"lr": given.pop("lr", 5e-3), "weight_decay": 0.01, "betas": [0.9, 0.999], "epsilon": 1e-8}
    optimizer = make_optimizer(given.pop("optimizer", "adamw"), model, momentum=0.9, **options)
    schedule = given.pop("schedule", "cosine")
    plateau = Plateau(0.5, 0, 0.0) if schedule == "reduce_on_plateau" else None
    decay = given.pop("ema", None)
    signs: dict[str, Any] = {"baselines": (1.0, 1.0), "validation_loss": "log_loss"}
    return Learner(
        model,
        optimizer,
        make_scheduler(optimizer, factor(schedule, steps=16, warmup_share=0.2), plateau),
        CLASSES,
        torch.device("cpu"),
        average=Average(model, decay) if decay else None,
        plateau=plateau,
        scaler=torch.amp.GradScaler("cpu", growth_interval=3) if given.pop("scaler", False) else None,
        watch=Watch(lambda _: None, exploding_factor=2.0, overfitting_epochs=1, **signs),
    )


@pytest.mark.parametrize("name", PARTS)
def test_broken_off_again_and_again_it_ends_in_the_same_weights(
    run: Callable[..., Any], tmp_path: Path, name: str
) -> None:
    history, weights = run(None, PARTS[name])
    draw = np.random.default_rng(len(name))
    breaks = 0
    while True:
        try:
            found = run(Dying(tmp_path / "kept", draw.integers(2, 8), every=int(draw.integers(1, 3))), PARTS[name])
        except BrokenOffError:
            breaks += 1
            continue
        break
    assert breaks >= 2
    assert found[0] == history
    assert all(torch.equal(one, other) for one, other in zip(found[1], weights, strict=True))


def test_checkpoints_alone_change_nothing(run: Callable[..., Any], tmp_path: Path) -> None:
    plain, kept = run(None, {}), run(Dying(tmp_path / "kept", 1e9), {})
    assert kept[0] == plain[0]
    assert all(torch.equal(one, other) for one, other in zip(kept[1], plain[1], strict=True))


def test_generators_of_python_and_numpy_go_on_too(
    run: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[tuple[float, float]] = []
    from stages.training import loop

    true = loop.update

    def drawing(*given: Any, **options: Any) -> Any:
        drawn.append((random.random(), float(np.random.default_rng().random() * 0 + np.random.random())))
        return true(*given, **options)

    monkeypatch.setattr(loop, "update", drawing)
    run(None, {"epochs": 2})
    whole, drawn[:] = list(drawn), []
    with pytest.raises(BrokenOffError):
        run(Dying(tmp_path / "kept", 3), {"epochs": 2})
    random.seed()
    np.random.seed()
    run(Dying(tmp_path / "kept", 1e9), {"epochs": 2})
    assert drawn[:4] + drawn[4:] == [*whole[:4], *whole[3:]]


def test_frozen_weights_are_not_written(run: Callable[..., Any], tmp_path: Path) -> None:
    sizes = {}
    for name in ("adamw", "a frozen body, accumulation and token budgets"):
        with pytest.raises(BrokenOffError):
            run(Dying(tmp_path / name, 2), PARTS[name])
        sizes[name] = max(path.stat().st_size for path in (tmp_path / name).glob("*.safetensors"))
    assert min(sizes.values()) < 20_000 < max(sizes.values())
