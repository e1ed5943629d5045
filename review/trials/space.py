"""The space of a search: which keys of params.yaml, which values, and how `dvc exp run -S` writes them."""

import itertools
import json
import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stages.core.errors import UserError
from stages.core.registry import nearest
from stages.core.search_block import Searched

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

SEARCHABLE = ("model", "strategy", "lr", "epochs", "batch_size", "augment", "encode", "finetune")
"""Keys that leave the validation samples as they are: others would have trials scored on different samples."""
DIGITS = 3
"""Of values drawn from a range: a fourth makes no difference to a training, and is tiresome to read."""
PLAIN = re.compile(r"[A-Za-z_][\w./-]*")
WORDS = ("true", "false", "null", "none", "nan", "inf", "yes", "no", "on", "off")


@dataclass(frozen=True)
class Dimension:
    """One key and its values; `raw` values are Optuna's, the others those of params.yaml."""

    key: str
    given: Searched
    whole: bool

    def distribution(self) -> "BaseDistribution":
        """As Optuna has it; choices by their JSON, since Optuna takes true for 1."""
        from optuna import distributions as of

        one = self.given
        if one.choices is not None:
            return of.CategoricalDistribution([json.dumps(choice) for choice in one.choices])
        low, high = self.extremes()
        if self.whole:
            return of.IntDistribution(low, high, log=one.log, step=int(one.step or 1))
        return of.FloatDistribution(float(low), float(high), log=one.log, step=one.step)

    def value(self, raw: Any) -> Any:
        """What a trial is run with."""
        if self.given.choices is not None:
            return json.loads(raw)
        if self.whole:
            return int(raw)
        low, high = self.extremes()
        digits = 12 if self.given.step else DIGITS  # of steps: 0.1 + 2 * 0.1 is 0.3
        return min(max(float(f"{raw:.{digits}g}"), low), high)

    def raw(self, value: Any) -> Any:
        """The other way round."""
        return json.dumps(value) if self.given.choices is not None else value

    def extremes(self) -> list[Any]:
        """The values at the ends, or all choices."""
        return self.given.choices if self.given.choices is not None else [self.given.low, self.given.high]

    def holds(self, value: Any) -> bool:
        """Whether it is one of the values."""
        one = self.given
        if one.choices is not None:
            return json.dumps(value) in [json.dumps(choice) for choice in one.choices]
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        low, high = self.extremes()
        steps = (value - low) / one.step if one.step else 0.0
        return bool(low <= value <= high and abs(steps - round(steps)) < 1e-9)

    def all(self) -> list[Any]:
        """Each of the values.

        Raises:
            UserError: they cannot be counted.
        """
        one = self.given
        if one.choices is not None:
            return one.choices
        step = one.step or (1 if self.whole and not one.log else None)
        if step is None:
            raise UserError(
                f"params.yaml: search.space.{self.key}: a grid cannot go through a range without step",
                "give a step or choices, or take search.sampler: tpe",
            )
        low, high = self.extremes()
        return [self.value(low + number * step) for number in range(round((high - low) / step) + 1)]


def dimensions(content: Mapping[str, Any], space: Mapping[str, Searched]) -> list[Dimension]:
    """The keys of a space, in order; whole numbers where params.yaml has one.

    Raises:
        UserError: a key that params.yaml does not have, or that is not to be searched.
    """
    found = []
    for key, one in space.items():
        value = look_up(content, key)
        numbers = [number for number in (one.low, one.high, one.step) if number is not None]
        whole = all(isinstance(number, int) for number in numbers) and (value is None or type(value) is int)
        found.append(Dimension(key, one, whole))
    return found


def look_up(content: Mapping[str, Any], key: str) -> Any:
    """The value of a dotted key.

    Raises:
        UserError: there is none, or the key is not to be searched.
    """
    where, value = f"params.yaml: search.space.{key}", content
    for part in key.split("."):
        if not isinstance(value, Mapping) or part not in value:
            known = value if isinstance(value, Mapping) else ()
            raise UserError(f"{where}: unknown key '{part}'{nearest(part, known)}", "give a dotted key of params.yaml")
        value = value[part]
    if key.split(".")[0] not in SEARCHABLE:
        raise UserError(
            f"{where}: not to be searched: trials would be scored on different validation samples, or alike",
            f"search among: {', '.join(SEARCHABLE)}",
        )
    if isinstance(value, Mapping):
        raise UserError(
            f"{where}: a block of keys", f"name one of them: {', '.join(f'{key}.{name}' for name in value)}"
        )
    return value


def check(content: Mapping[str, Any], found: list[Dimension], accept: Callable[[dict[str, Any]], object]) -> None:
    """Have `accept` look at params.yaml with each extreme value, one at a time.

    Raises:
        UserError: what it says of a value.
    """
    for dimension in found:
        for value in dimension.extremes():
            try:
                accept(changed(content, {dimension.key: value}))
            except UserError as error:
                raise UserError(f"search.space.{dimension.key}: with {value!r}: {error}", error.hint) from None


def changed(content: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of params.yaml's content with other values for some dotted keys."""
    copy = deepcopy(dict(content))
    for key, value in values.items():
        *path, last = key.split(".")
        block = copy
        for part in path:
            block = block[part]
        block[last] = value
    return copy


def current(content: Mapping[str, Any], found: list[Dimension]) -> dict[str, Any] | None:
    """The values that params.yaml has now, where the space holds them all."""
    values = {dimension.key: look_up(content, dimension.key) for dimension in found}
    return values if all(dimension.holds(values[dimension.key]) for dimension in found) else None


def grid(found: list[Dimension]) -> list[dict[str, Any]]:
    """Every combination of values, the last key changing first."""
    return [
        dict(zip([dimension.key for dimension in found], values, strict=True))
        for values in itertools.product(*(dimension.all() for dimension in found))
    ]


def overrides(values: Mapping[str, Any]) -> list[str]:
    """`key=value` for `dvc exp run -S`, as Hydra's grammar wants it."""
    return [f"{key}={written(value)}" for key, value in values.items()]


def written(value: Any) -> str:
    """A value in Hydra's grammar, which flow YAML reads alike."""
    if isinstance(value, list):
        return f"[{','.join(written(one) for one in value)}]"
    if isinstance(value, str):
        plain = PLAIN.fullmatch(value) and value.lower() not in WORDS
        return value if plain else "'" + value.replace("'", "\\'") + "'"
    return json.dumps(value)
