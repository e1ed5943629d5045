"""What a media cleaner returns for one item."""

from typing import NamedTuple


class Cleaned(NamedTuple):
    """One cleaned image or sound: its stored form, the steps that changed it, and what is wrong with it.

    `problem` is a reason code where the item could not be cleaned; its bytes are then those it came with.
    `signature` is a 64-bit fingerprint for near-duplicates, None where none was asked for or could be made.
    """

    bytes: bytes
    path: str
    steps: tuple[str, ...]
    problem: str | None
    signature: int | None
