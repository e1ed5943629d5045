"""Cleaners one after the other, again and again until the text no longer changes."""

from collections.abc import Callable, Mapping

Cleaner = Callable[[str], str]

ROUNDS = 10
UNSTABLE = "unstable"
"""Stands among the names when the text still changed in the last round."""


def chain(cleaners: Mapping[str, Cleaner]) -> Callable[[str], tuple[str, tuple[str, ...]]]:
    """Join named cleaners: a text in, the clean text and the names of the cleaners that changed it out.

    One cleaner can make work for another (an entity becomes a tag, a removed character joins two halves), so
    they are applied in order until a whole round changes nothing: the result is the same when cleaned again.
    Names come in the order of the cleaners. A text that still changes after `ROUNDS` rounds gets the name
    `UNSTABLE` as its last; what to do with it is the caller's affair.
    """
    steps = tuple(cleaners.items())

    def clean(text: str) -> tuple[str, tuple[str, ...]]:
        changed: set[str] = set()
        for _ in range(ROUNDS):
            before = text
            for name, cleaner in steps:
                after = cleaner(text)
                if after != text:
                    changed.add(name)
                    text = after
            if text == before:
                return text, _ordered(changed)
        return text, (*_ordered(changed), UNSTABLE)

    def _ordered(changed: set[str]) -> tuple[str, ...]:
        return tuple(name for name, _ in steps if name in changed) if changed else ()

    return clean
