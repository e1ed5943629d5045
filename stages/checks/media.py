"""Images and sounds decoded and checked, one at a time: what a bounded process does for `validate`."""

from collections.abc import Callable, Mapping
from typing import Any

from stages.checks import CHECKS
from stages.core import registry
from stages.core.blocks import Options

Item = tuple[bytes | None, str | None]
"""The bytes of an image or sound, and its path."""
Opener = Callable[[bytes, str | None], Any]


def make_inspector(
    *, family: str, checks: Mapping[str, Options], max_pixels: int, max_seconds: float
) -> Callable[[Item], list[str]]:
    """A function from one image or sound to its reason codes, in the order of `checks`.

    Where there are no bytes there is nothing to decode, and no code: `missing` is a check of the table.

    Args:
        family: "image" or "audio".
        checks: options by the check's name, without the family.
        max_pixels: of an image; more are a bomb.
        max_seconds: of a sound; what is longer is not decoded.

    Raises:
        UserError: an unknown check, or an option that is not allowed.
    """
    named = {f"{family}.{name}": options for name, options in checks.items()}
    built = {code: registry.build(CHECKS, code, given, f"validate.checks.{code}") for code, given in named.items()}
    opened = OPENERS[family](max_pixels, max_seconds)

    def inspect(item: Item) -> list[str]:
        data, path = item
        if data is None:
            return []
        one = opened(data, path)
        return [code for code, check in built.items() if check(one)]

    return inspect


def _pictures(max_pixels: int, _: float) -> Opener:
    from stages.modalities.picture import Picture, formats

    formats()  # now, before time and memory are measured
    return lambda data, path: Picture(data, path, max_pixels=max_pixels)


def _clips(_: int, max_seconds: float) -> Opener:
    import soundfile  # noqa: F401 (now, before time and memory are measured)

    from stages.modalities.sound import Clip

    return lambda data, path: Clip(data, path, max_seconds=max_seconds)


OPENERS = {"image": _pictures, "audio": _clips}
