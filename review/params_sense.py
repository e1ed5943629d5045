"""What a params file that is well formed still gets wrong, as far as no data are needed to see it."""

from collections import Counter
from pathlib import Path

from stages.core import models
from stages.core.errors import UserError
from stages.core.labels import normaliser
from stages.core.params import Params
from stages.core.registry import nearest

HIGHEST_RATE = 10.0
"""Rates of 1 and more are those of plain gradient descent on small tasks."""
KINDS = {"text": "texts", "image": "images", "audio": "sounds"}


def check_sense(params: Params) -> None:
    """Labels that exclude each other, and a model that cannot be one.

    Raises:
        UserError: the first that is found, by its dotted key.
    """
    _check_labels(params)
    _check_model(params.model)
    if params.lr > HIGHEST_RATE:
        mantissa, exponent = f"{params.lr:e}".split("e")
        meant = float(f"{mantissa}e-{int(exponent)}")
        raise UserError(f"params.yaml: lr: {params.lr:g}: no training bears such a rate", f"did you mean {meant:g}?")


def _check_labels(params: Params) -> None:
    rules, labels = params.clean.labels, params.labels
    compared = Counter(_as_compared(name, casefold=rules.casefold) for name in labels)
    twice = [name for name in labels if compared[_as_compared(name, casefold=rules.casefold)] > 1]
    if twice:
        raise UserError(
            f"params.yaml: labels: the same class more than once: {', '.join(twice)}", "take one of them out"
        )
    normaliser(labels=labels, strip=rules.strip, casefold=rules.casefold, mapping=rules.map)
    for spelling, name in rules.map.items():
        if compared[_as_compared(spelling, casefold=rules.casefold)] and spelling != name:
            raise UserError(
                f"params.yaml: clean.labels.map: '{spelling}' is a class of `labels`, and would become '{name}'",
                "take it out of the one or the other",
            )
    if rules.missing == "fill" and labels and rules.fill not in labels:
        raise UserError(
            f"params.yaml: clean.labels.fill: '{rules.fill}' is not among `labels`", f"one of: {', '.join(labels)}"
        )


def _as_compared(name: str, *, casefold: bool) -> str:
    return name.strip().casefold() if casefold else name.strip()


def _check_model(name: str) -> None:
    """Whether a name may be that of a model: whether the Hub has it, training will see."""
    if name.startswith("scratch:"):
        return
    if name.startswith("bundled:"):
        bundled = name.removeprefix("bundled:")
        if bundled not in models.BUNDLED:
            raise UserError(
                f"params.yaml: model: no bundled model '{bundled}'{nearest(bundled, models.BUNDLED)}",
                f"bundled: {', '.join(models.BUNDLED)}",
            )
        return
    models.resolve(name)


def look_for_data(params: Params) -> str | None:
    """A sentence where the data that params name are not here; they may still be somewhere else, such as a remote."""
    path = Path(params.fetch.path)
    if params.fetch.source not in ("files", "folder") or "://" in params.fetch.path or path.exists():
        return None
    if path.with_name(f"{path.name}.dvc").exists():
        return None
    siblings = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    return f"fetch.path: {path} is not here{nearest(path.name, siblings)}"


def account_for(params: Params) -> str:
    """What a params file asks for, in a line."""
    answers = f"{len(params.labels)} classes" if params.labels else "whatever classes occur"
    if params.task == "regression":
        answers = "values"
    options = params.fetch.options
    data = params.fetch.path
    if params.fetch.source not in ("files", "folder"):
        data = str(options.get("dataset") or options.get("name") or params.fetch.source)
    return f"{params.task} of {KINDS[params.modality]} from {data}, {answers}; {params.strategy}, model {params.model}"
