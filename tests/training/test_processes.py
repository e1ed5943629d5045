"""Two processes over gloo learn what one does: losses, norms, scores and weights."""

import math
import random
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
import torch

from stages.core.errors import UserError
from stages.strategies.lora import lora
from stages.training.averaging import Average
from stages.training.batches import Encoded
from stages.training.checkpoints import Checkpoints
from stages.training.loop import fit
from stages.training.losses import make_loss
from stages.training.modes import keep_few_activations
from stages.training.objective import CLASSES, CrossEntropy
from stages.training.optimise import make_optimizer
from stages.training.processes import ALONE, LostError, Team
from stages.training.progress import Learner
from stages.training.reduction import Reduction, buckets
from stages.training.schedules import Plateau, factor, make_scheduler
from tests.team import together
from tests.training.settings import SETTINGS as PLAIN

INPUTS = [[2, *range(5 + number, 8 + 2 * number), 3] for number in range(11)]
GOLD = [0, 1, 2, 0, 1, 2, 0, 1, 1, 1, 0]
FOCAL = make_loss("focal", torch.tensor([0.3, 1.0, 4.0]), label_smoothing=0.1, gamma=2.0)
WEIGHTED = CrossEntropy(CLASSES.task, FOCAL, 0.1)
TOLERANCE = 5e-5
UNDEFINED = "key.bias"
"""Attention does not depend on it: its gradient is rounding error, and Adafactor moves it by the rate all the same."""
SETTINGS = replace(PLAIN, eval_batch_size=2)
TEXTS: dict[str, dict[str, Any]] = {
    "ragged shares": {"batch_size": 3},
    "classes that weigh differently, accumulated": {"goal": WEIGHTED, "accumulation_steps": 2, "batch_size": 3},
    "token budgets, with shares that are empty": {"batch_tokens": 20, "epochs": 2},
    "sgd, a plateau, L1, no clipping": {
        "optimizer": "sgd",
        "schedule": "reduce_on_plateau",
        "lr": 0.1,
        "l1": 1e-3,
        "max_grad_norm": None,
    },
    "adafactor with an average": {"optimizer": "adafactor", "ema": 0.9},
    "a frozen body, stopped early": {"frozen": True, "lr": 0.3, "patience_epochs": 1, "epochs": 6},
    "adapters": {"lora": {"rank": 2, "alpha": 4, "dropout": 0.0, "target": None, "save": "merged"}, "lr": 0.05},
    "half precision": {"scaler": True, "epochs": 2},
    "few activations kept": {"few": True, "epochs": 2},
    "a layer left out, in small buckets": {"unused": True, "bucket": 2000, "accumulation_steps": 2},
}
PICTURES: dict[str, dict[str, Any]] = {
    "batch normalisation": {"norm": True, "batch_size": 3},
    "batch normalisation with few activations kept": {"norm": True, "few": True, "epochs": 2},
    "batch normalisation with shares that are empty": {"norm": True, "batch_size": 2, "batch_tokens": 3, "epochs": 2},
    "mixup": {"mixup": 0.5, "accumulation_steps": 2},
    "mixup of classes that weigh differently": {"mixup": 0.5, "goal": WEIGHTED, "batch_size": 3},
}
Weights = dict[str, npt.NDArray[Any]]
Trained = tuple[Any, Weights, Weights]


@pytest.fixture
def texts(classifier: Callable[..., Any], encoded_table: Callable[..., pa.Table]) -> tuple[Any, Encoded]:
    return classifier, Encoded(encoded_table(INPUTS, GOLD), pad_token_id=0)


@pytest.fixture
def pictures(encoded_table: Callable[..., pa.Table]) -> tuple[Any, Encoded]:
    """A small convolutional network and pictures (3, 6, 6)."""
    draw = np.random.default_rng(0)
    stored = [draw.normal(size=(3, 6, 6)).astype(np.float32).tobytes() for _ in GOLD]
    table = encoded_table([[1]] * len(GOLD), GOLD).drop_columns("input_ids")
    table = table.append_column("pixel_values", pa.array(stored, pa.large_binary()))
    form = {"dtype": "float32", "shape": [3, 6, 6], "mask": False}
    return small_network, Encoded(table, arrays={"pixel_values": form})


class Network(torch.nn.Module):
    def __init__(self, norm: bool) -> None:
        super().__init__()
        middle = torch.nn.BatchNorm2d(5) if norm else torch.nn.Identity()
        parts = [torch.nn.Conv2d(3, 5, 3), middle, torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(80, 3)]
        self.layers = torch.nn.Sequential(*parts)
        self.few = False

    def forward(self, pixel_values: torch.Tensor) -> Any:
        run = partial(torch.utils.checkpoint.checkpoint, self.layers, use_reentrant=False) if self.few else self.layers
        return type("Output", (), {"logits": run(pixel_values)})

    def activation_checkpointing_enable(self, _: Any) -> None:
        self.few = True


def small_network(norm: bool = False) -> Network:
    torch.manual_seed(0)
    return Network(norm)


def learner(make: Any, team: Team, given: dict[str, Any]) -> Learner:
    """What trains a new model; what it takes of `given` is removed there."""
    model = make(norm=True) if given.pop("norm", False) else make()
    if given.pop("frozen", False):
        model.bert.requires_grad_(False)
    if adapters := given.pop("lora", None):
        lora(model, lora=adapters)
    if given.pop("few", False):
        keep_few_activations(model)
    if given.pop("unused", False):
        model.left_out = torch.nn.Linear(3, 3)
    # an epsilon below rounding errors has Adam blow them up where the true gradient is 0
    options = {"lr": given.pop("lr", 5e-3), "weight_decay": 0.1, "betas": [0.9, 0.999], "epsilon": 1e-4}
    optimizer = make_optimizer(given.pop("optimizer", "adamw"), model, momentum=0.9, **options)
    schedule = given.pop("schedule", "linear")
    plateau = Plateau(0.5, 0, 0.5) if schedule == "reduce_on_plateau" else None
    decay, size = given.pop("ema", None), given.pop("bucket", 10_000)
    return Learner(
        model,
        optimizer,
        make_scheduler(optimizer, factor(schedule, steps=12, warmup_share=0.2), plateau),
        given.pop("goal", CLASSES),
        torch.device("cpu"),
        average=Average(model, decay) if decay else None,
        plateau=plateau,
        scaler=torch.amp.GradScaler("cpu", init_scale=1024.0) if given.pop("scaler", False) else None,
        team=team,
        reduction=None if team.alone else Reduction(model, team, bucket=size),
    )


def train(
    make: Any, data: Encoded, options: dict[str, Any], team: Team, kept: Callable[[], Checkpoints] | None = None
) -> Trained:
    """The history, the best weights and those of the average."""
    given = dict(options)
    one = learner(make, team, given)
    torch.manual_seed(random.SystemRandom().randrange(2**31))  # what was drawn before must not matter
    checkpoints = kept() if kept and team.leads else None
    history = fit(one, data, data, settings=replace(SETTINGS, **given), checkpoints=checkpoints)
    return history, arrays(one.model.state_dict()), arrays(one.average.weights if one.average else {})


def arrays(tensors: dict[str, torch.Tensor]) -> Weights:
    return {name: value.numpy().copy() for name, value in tensors.items()}


def worst(found: Trained, wanted: Trained) -> dict[str, float]:
    """The largest differences; what must be equal is asserted."""
    ours, theirs = found[0], wanted[0]
    for name in ("best_epoch", "stopped_early"):
        assert getattr(ours, name) == getattr(theirs, name)
    gaps = {}
    for rows in ("steps", "epochs"):
        pairs = list(zip(getattr(ours, rows), getattr(theirs, rows), strict=True))
        for name in pairs[0][0]:
            gaps[name] = max(abs(one[name] - other[name]) / max(abs(other[name]), 1) for one, other in pairs)
    for name, own, other in (("weights", found[1], wanted[1]), ("average", found[2], wanted[2])):
        assert own.keys() == other.keys()
        gaps[name] = max(
            (float(np.abs(own[key] - other[key]).max()) for key in own if not key.endswith(UNDEFINED)), default=0.0
        )
    return gaps


def same(one: Trained, other: Trained) -> bool:
    return one[0] == other[0] and all(np.array_equal(one[1][name], other[1][name]) for name in one[1])


@pytest.mark.parametrize("name", [*TEXTS, *PICTURES])
def test_two_processes_learn_what_one_does(
    texts: tuple[Any, Encoded], pictures: tuple[Any, Encoded], tmp_path: Path, name: str
) -> None:
    (make, data), options = (texts, TEXTS[name]) if name in TEXTS else (pictures, PICTURES[name])
    wanted = train(make, data, options, ALONE)
    first, second = together(lambda team: train(make, data, options, team), tmp_path)
    assert same(first, second), "both go the same way, to the bit"
    gaps = worst(first, wanted)
    print(f"{name}: {gaps}")
    assert max(gaps.values()) < TOLERANCE
    if options.get("unused"):
        assert np.array_equal(first[1]["left_out.weight"], wanted[1]["left_out.weight"]), "without gradient no decay"


@pytest.mark.parametrize("options", [{}, {"batch_tokens": 20, "accumulation_steps": 2}])
def test_what_is_drawn_repeats_and_differs_from_process_to_process(
    texts: tuple[Any, Encoded], tmp_path: Path, options: dict[str, Any]
) -> None:
    make = partial(texts[0], hidden_dropout_prob=0.3, attention_probs_dropout_prob=0.3)
    runs = [together(lambda team: train(make, texts[1], options, team), tmp_path / str(run)) for run in range(2)]
    assert same(runs[0][0], runs[0][1]) and same(runs[0][0], runs[1][0])
    assert not same(runs[0][0], train(make, texts[1], options, ALONE))


def test_layers_that_are_left_out_at_random_do_not_hold_the_others_up(
    texts: tuple[Any, Encoded], tmp_path: Path
) -> None:
    def make() -> Any:
        model = texts[0]()
        for layer in model.bert.encoder.layer:
            whole = layer.forward
            layer.forward = partial(left_out_at_random, whole)
        return model

    first, second = together(lambda team: train(make, texts[1], {"bucket": 2000, "epochs": 2}, team), tmp_path)
    assert same(first, second)


def left_out_at_random(whole: Callable[..., Any], states: torch.Tensor, *given: Any, **named: Any) -> Any:
    return states if torch.rand(()) < 0.5 else whole(states, *given, **named)


class BrokenOffError(Exception):
    """Stands for a process that dies."""


class Dying(Checkpoints):
    """Writes a checkpoint after every update, and dies after some of them."""

    def __init__(self, folder: Path, lives: float) -> None:
        super().__init__(folder, every_s=0.0)
        self.lives = lives

    def write(self, *given: Any) -> None:
        super().write(*given)
        self.lives -= 1
        if self.lives == 0:
            raise BrokenOffError


def test_broken_off_and_gone_on_with_they_end_in_the_same_weights(texts: tuple[Any, Encoded], tmp_path: Path) -> None:
    make = partial(texts[0], hidden_dropout_prob=0.2)
    options = {"ema": 0.9, "schedule": "reduce_on_plateau", "scaler": True, "accumulation_steps": 2, "batch_size": 2}

    def work(lives: float, team: Team) -> Any:
        try:
            return train(make, texts[1], options, team, lambda: Dying(tmp_path / "kept", lives))
        except BrokenOffError:
            return "broken off"
        except LostError:
            return "lost"

    for run, lives in enumerate((2, 3, 4)):
        assert together(partial(work, lives), tmp_path / str(run)) == ["broken off", "lost"]
    found = together(partial(work, math.inf), tmp_path / "last")
    wanted = together(lambda team: train(make, texts[1], options, team), tmp_path / "whole")
    assert same(found[0], wanted[0]) and same(found[1], wanted[1])
    assert all(np.array_equal(found[0][2][name], wanted[0][2][name]) for name in wanted[0][2])


def test_a_loss_that_is_not_finite_in_one_process_stops_both(pictures: tuple[Any, Encoded], tmp_path: Path) -> None:
    def work(team: Team) -> Any:
        def make() -> Network:
            network = small_network()
            network.layers[0].weight.data *= 1 if team.leads else math.nan
            return network

        return train(make, pictures[1], {}, team)

    told = "the training loss is nan | lower lr (now 0.00125), or set finetune.max_grad_norm"
    assert together(work, tmp_path) == [told] * 2


def test_processes_that_train_different_things_are_told(tmp_path: Path) -> None:
    (first, second) = together(lambda team: team.agree(f"mark {team.rank // 2}"), tmp_path / "same")
    assert (first, second) == (None, None)
    told = together(lambda team: team.agree(f"mark {team.rank}"), tmp_path / "other")
    assert told[0] == told[1] and "process 1 of 2 has other data, params, code, libraries or first weights" in told[0]


def test_a_mistake_of_the_first_process_is_known_to_all(tmp_path: Path) -> None:
    def work(team: Team) -> Any:
        def make() -> str:
            raise UserError(f"found by {team.rank}", "mend it")

        return team.once(make)

    assert together(work, tmp_path, size=3) == ["found by 0 | mend it"] * 3


def test_tensors_and_state_are_handed_on_whole(tmp_path: Path) -> None:
    tensors = {"a": torch.arange(6.0).view(2, 3).t(), "b": torch.zeros(0), "c": torch.tensor(7, dtype=torch.uint8)}

    def work(team: Team) -> Any:
        found = team.hand_on((tensors, {"x": [1, None]}) if team.leads else None)
        assert found is not None
        assert team.hand_on(None) is None
        return {name: (value.numpy(), str(value.dtype)) for name, value in found[0].items()}, found[1]

    for given, state in together(work, tmp_path):
        assert state == {"x": [1, None]} and list(given) == ["a", "b", "c"]
        for name, (value, dtype) in given.items():
            assert dtype == str(tensors[name].dtype) and np.array_equal(value, tensors[name].numpy())


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_shares_are_disjoint_and_whole_and_work_is_never_empty(size: int) -> None:
    rows = np.arange(10, 13)
    teams = [Team(rank, size) for rank in range(size)]
    assert sorted(np.concatenate([team.share(rows) for team in teams]).tolist()) == [10, 11, 12]
    assert [len(team.share(rows)) for team in teams] == [(3 + size - 1 - rank) // size for rank in range(size)]
    for team in teams:
        own = team.work(rows)
        assert own.tolist() == (team.share(rows).tolist() or [10])
        assert team.part({"labels": torch.from_numpy(rows)})["labels"].tolist() == own.tolist()


def test_buckets_keep_the_order_and_the_size() -> None:
    weights = [torch.nn.Parameter(torch.zeros(size)) for size in (3, 3, 3, 9, 1, 1)]
    assert [[len(weight) for weight in group] for group in buckets(weights, 6)] == [[3, 3], [3], [9], [1, 1]]
