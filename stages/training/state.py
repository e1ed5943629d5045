"""The whole state of a training as tensors and JSON, and back."""

import random
from typing import Any

import numpy as np
import torch

from stages.training.progress import Learner, Progress

Tensors = dict[str, torch.Tensor]


def capture(learner: Learner, progress: Progress) -> tuple[Tensors, dict[str, Any]]:
    """All that the rest of the training depends on."""
    tensors, optimizer = _optimizer_state(learner.optimizer)
    tensors |= {f"model/{name}": value for name, value in moving(learner.model).items()}
    tensors |= {f"best/{name}": value for name, value in progress.kept.items()}
    if learner.average:
        tensors |= {f"average/{name}": value for name, value in learner.average.weights.items()}
    state = {
        "optimizer": optimizer,
        "progress": progress.state_dict(),
        "average_updates": learner.average.updates if learner.average else 0,
        **{name: part.state_dict() for name, part in _parts(learner).items()},
    }
    random_tensors, state["random"] = _random_state()
    whole = tensors | random_tensors
    return {name: value.detach().cpu().contiguous() for name, value in whole.items()}, state


def restore(learner: Learner, progress: Progress, tensors: Tensors, state: dict[str, Any]) -> None:
    """Put everything back as it was when it was captured."""
    load_moving(learner.model, _under("model/", tensors))
    _load_optimizer(learner.optimizer, tensors, state["optimizer"])
    device = next(learner.model.parameters()).device
    progress.load_state_dict(state["progress"])
    progress.kept = {name: value.to(device) for name, value in _under("best/", tensors).items()}
    if learner.average:
        learner.average.updates = state["average_updates"]
        learner.average.weights = {name: v.to(device) for name, v in _under("average/", tensors).items()}
    for name, part in _parts(learner).items():
        part.load_state_dict(state[name])
    _load_random_state(tensors, state["random"])


def moving(model: torch.nn.Module) -> Tensors:
    """The model's state without the frozen weights, which are where the model came from; tied weights once."""
    frozen = {name for name, weight in model.named_parameters(remove_duplicate=False) if not weight.requires_grad}
    found: Tensors = {}
    seen: set[tuple[int, torch.Size]] = set()
    for name, value in model.state_dict().items():
        place = (value.data_ptr(), value.shape)
        if name not in frozen and (place not in seen or not value.numel()):
            seen.add(place)
            found[name] = value.detach()
    return found


@torch.no_grad()
def load_moving(model: torch.nn.Module, values: Tensors) -> None:
    """Copy values of `moving` back into the model."""
    own = moving(model)
    for name, value in values.items():
        own[name].copy_(value)


def _parts(learner: Learner) -> dict[str, Any]:
    """The parts that know their own state as JSON."""
    named = {
        "scheduler": learner.scheduler,
        "plateau": learner.plateau,
        "scaler": learner.scaler,
        "watch": learner.watch,
    }
    return {name: part for name, part in named.items() if part is not None}


def _under(prefix: str, tensors: Tensors) -> Tensors:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _optimizer_state(optimizer: torch.optim.Optimizer) -> tuple[Tensors, dict[str, Any]]:
    """The optimiser's tensors by `optimizer/PARAMETER/NAME`, and its numbers."""
    whole = optimizer.state_dict()
    tensors: Tensors = {}
    numbers: dict[str, dict[str, Any]] = {}
    for parameter, values in whole["state"].items():
        numbers[str(parameter)] = {}
        for name, value in values.items():
            if isinstance(value, torch.Tensor):
                tensors[f"optimizer/{parameter}/{name}"] = value
            else:
                numbers[str(parameter)][name] = value
    return tensors, {"numbers": numbers, "rates": [group["lr"] for group in optimizer.param_groups]}


def _load_optimizer(optimizer: torch.optim.Optimizer, tensors: Tensors, state: dict[str, Any]) -> None:
    whole = optimizer.state_dict()
    whole["state"] = {int(parameter): dict(values) for parameter, values in state["numbers"].items()}
    for key, value in _under("optimizer/", tensors).items():
        parameter, _, name = key.partition("/")
        whole["state"][int(parameter)][name] = value
    for group, rate in zip(whole["param_groups"], state["rates"], strict=True):
        group["lr"] = rate
    optimizer.load_state_dict(whole)


def _random_state() -> tuple[Tensors, dict[str, Any]]:
    """Of torch's generators, and of Python's and numpy's, which some models of transformers draw from."""
    tensors = {"random/cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        tensors["random/cuda"] = torch.cuda.get_rng_state()
    kind, keys, *rest = np.random.get_state(legacy=True)
    return tensors, {"python": random.getstate(), "numpy": [kind, np.asarray(keys).tolist(), *rest]}


def _load_random_state(tensors: Tensors, state: dict[str, Any]) -> None:
    torch.set_rng_state(tensors["random/cpu"])
    if "random/cuda" in tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors["random/cuda"])
    number, inner, gauss = state["python"]
    random.setstate((number, tuple(inner), gauss))
    kind, keys, *rest = state["numpy"]
    np.random.set_state((kind, np.array(keys, dtype=np.uint32), *rest))
