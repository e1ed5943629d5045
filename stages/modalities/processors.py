"""Processors of images and sounds: of a pretrained model, or built by the class that fits a model from scratch."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from stages.core import models
from stages.core.errors import UserError
from stages.core.registry import nearest

WHERE = "params.yaml: encode.processor"
OF_A_CALL = {"return_tensors", "data_format", "input_data_format", "device", "disable_grouping"}
"""What transformers names beside the options, but takes with each call only."""


def build_processor(names: Any, source: models.Source, options: Mapping[str, Any]) -> Any:
    """The processor class that transformers has for a model type, with `options`.

    Args:
        names: the class's name, or names by backend.

    Raises:
        UserError: there is none, an option that it does not have, or a value that it does not take.
    """
    import transformers

    name = names.get("pil") if isinstance(names, Mapping) else names
    if not name:
        known = transformers.CONFIG_MAPPING.keys()
        unknown = "" if source.location in known else nearest(source.location, known)
        raise UserError(f"params.yaml: model: '{source.name}' takes no such inputs{unknown}", "see `modality`")
    factory: Any = getattr(transformers, name)
    with values_taken(name):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of defaults that `options` replace
            _check(factory(), options)
        return factory(**options)


def load_processor(factory: type, source: models.Source, options: Mapping[str, Any], **fixed: Any) -> Any:
    """The processor that is saved with a pretrained model, with `options` in place of its own.

    Raises:
        UserError: the model has none, or an option that it does not have, or a value that it does not take.
    """
    loaded: Any = models.load(factory, source, "model", **fixed)
    _check(loaded, options)
    if not options:
        return loaded
    with values_taken(type(loaded).__name__):
        return factory.from_pretrained(  # type: ignore[attr-defined]
            source.location, revision=source.revision or "main", **fixed, **options
        )


@contextmanager
def values_taken(name: str) -> Iterator[None]:
    """Turns what the processor called `name` raises for values of its options into one clear message."""
    try:
        yield
    except (ValueError, TypeError, KeyError, ArithmeticError) as error:
        raise UserError(
            f"{WHERE}: {name} does not take these values: {' '.join(str(error).split())[:300]}",
            f"see the page of {name} in the documentation of transformers",
        ) from None


def _check(processor: Any, options: Mapping[str, Any]) -> None:
    """`processor` is one without the options: any keyword that it is given becomes an attribute."""
    valid = getattr(processor, "valid_kwargs", None)
    known = {*processor.to_dict(), *(valid.__annotations__ if valid else ())} - OF_A_CALL
    known = {name for name in known if not name.endswith("_type")}
    for name in options:
        if name not in known:
            raise UserError(
                f"{WHERE}.{name}: {type(processor).__name__} has no such option{nearest(name, known)}",
                f"known: {', '.join(sorted(known))}",
            )
